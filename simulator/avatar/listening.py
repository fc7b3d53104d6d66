"""Cuts the user's sound into utterances and recognises each."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from voice.hearing.recognizer import Recognition
from voice.hearing.vad import SpeechContinued, SpeechDetector, SpeechEnded, SpeechStarted

BYTES_PER_SECOND = 16_000 * 2
LONGEST = 30.0  # seconds of one utterance; longer speech is cut into several
# Seconds that the push-to-talk window stays open after the command to close it: sound spoken before is still in the
# client and in our jitter buffer, while a command does not wait there.
TAIL = 0.2


class Listener(Protocol):
    """Called for every utterance: once at its start, for each interim text, at its end and with its final text.

    The final text follows the end; by then the next utterance may have started.
    """

    def user_started(self) -> None: ...
    def user_said_so_far(self, text: str) -> None: ...
    def user_ended(self) -> None: ...
    def user_said(self, text: str) -> None: ...


class Recognizer(Protocol):
    def listen(self) -> Recognition:
        """Begin to recognise a new utterance."""


class Listening:
    """Listens to one user. `run` recognises; the caller owns its task.

    A pause ends an utterance. With push to talk only speech in the window counts, and all of it is one utterance,
    whatever its pauses (LiveAvatar docs, push to talk). `guarded` and `is_echo` are those of `EchoGuard`. Without a
    `detector` nothing is heard.
    """

    def __init__(
        self,
        *,
        detector: SpeechDetector | None,
        recognizer: Recognizer,
        listener: Listener,
        guarded: Callable[[bytes | memoryview], bool],
        is_echo: Callable[[bytes], bool],
        push_to_talk: bool,
    ) -> None:
        self.speaking = False
        self._detector = detector
        self._recognizer = recognizer
        self._listener = listener
        self._guarded = guarded
        self._is_echo = is_echo
        self._push_to_talk = push_to_talk
        self._open = not push_to_talk
        self._shutting: asyncio.TimerHandle | None = None
        self._room = 0  # bytes that this utterance may still grow
        self._sound: asyncio.Queue[bytes | None] = asyncio.Queue()  # None ends an utterance

    def hear(self, pcm: bytes | memoryview) -> None:
        """Take 16 kHz, 16-bit mono sound. Calls the listener at once when the user starts or ends."""
        if not self._open or self._detector is None:
            return
        for news in self._detector.feed(pcm, guarded=self._guarded(pcm)):
            match news:
                case SpeechStarted() if self._is_echo(news.pcm):
                    self._forget()
                    break
                case SpeechStarted():
                    self._begin()
                    self._take(news.pcm)
                case SpeechContinued():
                    self._take(news.pcm)
                case SpeechEnded() if not self._push_to_talk:
                    self._end()

    def microphone_lost(self) -> None:
        """End the utterance: the microphone was muted, unpublished or replaced."""
        self._forget()
        if not self._push_to_talk:
            self._end()

    def open_window(self) -> None:
        """Open the push-to-talk window."""
        self._shut()
        self._forget()
        self._open = True

    def close_window(self) -> None:
        """Close the push-to-talk window when the last sound has arrived."""
        self._shutting = asyncio.get_running_loop().call_later(TAIL, self._shut)

    async def run(self) -> None:
        """Recognise utterances one after the other until cancelled."""
        try:
            while True:
                await self._recognise(await self._sound.get())
        finally:
            if self._shutting is not None:
                self._shutting.cancel()

    async def _recognise(self, sound: bytes | None) -> None:
        recognition = self._recognizer.listen()
        shown = ""
        try:
            while sound is not None:
                text = await recognition.feed(sound)
                if text and text != shown:
                    shown = text
                    self._listener.user_said_so_far(text)
                sound = await self._sound.get()
            transcript = await recognition.finish()
        finally:
            await recognition.abandon()
        self._listener.user_said(transcript.text.strip())

    def _begin(self) -> None:
        if not self.speaking:
            self.speaking = True
            self._room = int(LONGEST * BYTES_PER_SECOND)
            self._listener.user_started()

    def _take(self, pcm: bytes) -> None:
        if not self.speaking:
            return  # the utterance has just reached its limit
        self._sound.put_nowait(pcm[: self._room])
        self._room = max(0, self._room - len(pcm))
        if not self._room and not self._push_to_talk:
            self._forget()
            self._end()

    def _end(self) -> None:
        if self.speaking:
            self.speaking = False
            self._sound.put_nowait(None)
            self._listener.user_ended()

    def _forget(self) -> None:
        if self._detector is not None:
            self._detector.reset()

    def _shut(self) -> None:
        if self._shutting is not None:
            self._shutting.cancel()
            self._shutting = None
        self._open = False
        self._end()
