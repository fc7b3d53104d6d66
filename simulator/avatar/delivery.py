"""Speech output: turns sentences into sound, mouth shapes, captions and events."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from simulator.avatar.captions import captions
from simulator.avatar.events import Events
from simulator.avatar.lips import MouthTrack, track_from_phonemes
from simulator.avatar.lips_from_sound import SoundLips
from simulator.avatar.playback import Playback
from voice.speaking.utterance import BYTES_PER_SECOND, Utterance

AHEAD = 1  # sentences that are synthesised while another one is played
# Seconds after the last sound in which the user's microphone usually still picks up its echo: the way there, the
# client's buffer, the way back and our own buffer.
ECHO = 0.4


class Voice(Protocol):
    async def utter(self, text: str) -> Utterance:
        """Synthesise one sentence; a silent one if there is no voice."""


class Delivery:
    """Plays one utterance at a time. `speaking` is true from its first sound to its last, or until it is cancelled."""

    def __init__(self, events: Events, playback: Playback, voice: Voice) -> None:
        self.speaking = False
        self._events = events
        self._playback = playback
        self._voice = voice
        self._silent_at = float("-inf")

    @property
    def audible(self) -> bool:
        """Whether a microphone near the user's loudspeaker may pick the avatar up now."""
        return self.speaking or _now() < self._silent_at + ECHO

    async def speak(
        self, sentences: AsyncIterator[str], source: str | None, concluded: Callable[[str], None]
    ) -> None:
        """Say `sentences` as one utterance. `source` is the id of the command that caused it, if there is one.

        The final transcription follows the last word, so that clients that append chunks show the text once. After a
        cancellation it holds only the words that were played. `concluded` gets the same text, unless it is empty.
        """
        spoken: asyncio.Queue[Utterance | None] = asyncio.Queue(AHEAD)
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._utter(sentences, spoken), name="utter")
            await self._play(spoken, source, concluded)

    def sound(self, pcm: bytes) -> None:
        """Play 24 kHz, 16-bit mono sound other than speech, after the current sound."""
        self._playback.push(pcm, SoundLips().listen(pcm).at)
        self._silent_at = max(self._silent_at, _now()) + len(pcm) / BYTES_PER_SECOND

    def hush(self) -> None:
        """Stop the sound and close the mouth at once."""
        self._playback.stop()
        self._silent_at = min(self._silent_at, _now())

    async def _utter(self, sentences: AsyncIterator[str], spoken: asyncio.Queue[Utterance | None]) -> None:
        try:
            async for sentence in sentences:
                await spoken.put(await self._voice.utter(sentence))
            await spoken.put(None)
        finally:
            if isinstance(sentences, AsyncGenerator):
                await sentences.aclose()  # ends its HTTP request now and not at garbage collection

    async def _play(
        self, spoken: asyncio.Queue[Utterance | None], source: str | None, concluded: Callable[[str], None]
    ) -> None:
        heard, end = "", 0.0
        try:
            while (utterance := await spoken.get()) is not None:
                start = self._playback.push(utterance.pcm, _mouth(utterance).at)
                end = start + utterance.seconds
                if not self.speaking:
                    self.speaking = True
                    self._events.publish("avatar.speak_started", source)
                for caption in captions(utterance):
                    await self._playback.reached(start + caption.start)
                    heard += caption.text
                    self._events.publish("avatar.transcription.chunk", source, text=caption.text)
            self._conclude(heard, source, concluded)
            heard = ""
            await self._playback.reached(end)
        finally:
            if self.speaking:
                self.speaking = False
                self._silent_at = _now()
                self._conclude(heard, source, concluded)
                self._events.publish("avatar.speak_ended", source)

    def _conclude(self, heard: str, source: str | None, concluded: Callable[[str], None]) -> None:
        if text := heard.strip():
            self._events.publish("avatar.transcription", source, text=text)
            concluded(text)


def _mouth(utterance: Utterance) -> MouthTrack:
    if utterance.phonemes:
        return track_from_phonemes(utterance.phonemes, utterance.seconds)
    return SoundLips().listen(utterance.pcm)


def _now() -> float:
    return asyncio.get_running_loop().time()
