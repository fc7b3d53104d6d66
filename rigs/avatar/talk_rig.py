"""A conversation with a scripted voice, detector and recogniser, without a room; it records all output."""
# ruff: noqa: RUF001 - IPA

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, cast

from rigs.rooms.room_rig import PATIENCE
from rigs.sound.loudspeaker import Loudspeaker
from simulator.avatar.commands import Command
from simulator.avatar.conversation import Conversation
from simulator.avatar.delivery import Delivery
from simulator.avatar.events import Events
from simulator.avatar.listening import Listening
from simulator.avatar.playback import Playback
from simulator.avatar.push_to_talk import PushToTalk
from voice.hearing.recognizer import Transcript
from voice.hearing.vad import SpeechContinued, SpeechDetector, SpeechEnded, SpeechStarted
from voice.speaking.utterance import BYTES_PER_SECOND, PhonemeMark, Utterance, WordMark

WORD_SECONDS = 0.04
PAUSE = "|"  # among a user's words: silence that ends an utterance
ECHO = "(echo)"  # among a user's words: a word of the avatar that comes back


class QuickVoice:
    """Speaks every word in 40 ms, with an open mouth. `knows_lips`: its utterances have phonemes."""

    knows_lips = True

    async def utter(self, text: str) -> Utterance:
        starts = [
            index
            for index in range(len(text))
            if text[index].isalnum() and not text[index - 1 : index].isalnum()
        ]
        step = int(WORD_SECONDS * 1000)
        return Utterance(
            text,
            bytes(int(len(starts) * WORD_SECONDS * BYTES_PER_SECOND)),
            tuple(WordMark(position, step * index) for index, position in enumerate(starts)),
            tuple(PhonemeMark("ɑ", step * index) for index in range(len(starts))) if self.knows_lips else (),
        )


class WordDetector:
    """Detects speech in text: each piece of PCM is a word, and PAUSE is silence."""

    def __init__(self) -> None:
        self._speaking = False
        self.guarded: list[bool] = []

    def reset(self) -> None:
        self._speaking = False

    def feed(
        self, pcm: bytes, *, guarded: bool = False
    ) -> list[SpeechStarted | SpeechContinued | SpeechEnded]:
        self.guarded.append(guarded)
        if pcm == PAUSE.encode():
            ended, self._speaking = self._speaking, False
            return [SpeechEnded()] if ended else []
        started, self._speaking = not self._speaking, True
        return [SpeechStarted(pcm)] if started else [SpeechContinued(pcm)]


class WordRecognizer:
    """Recognises every word but "cough" while `gate` is open, and keeps its recognitions."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.recognitions: list[WordRecognition] = []

    def listen(self) -> "WordRecognition":
        self.recognitions.append(WordRecognition(self.gate))
        return self.recognitions[-1]


class WordRecognition:
    def __init__(self, gate: asyncio.Event) -> None:
        self._gate = gate
        self.words: list[str] = []
        self.over = False

    @property
    def text(self) -> str:
        return " ".join(word for word in self.words if word != "cough")

    async def feed(self, pcm: bytes) -> str:
        self.words.append(pcm.decode())
        return self.text

    async def finish(self) -> Transcript:
        await self._gate.wait()
        text = "" if "cough" in self.words else self.text
        return Transcript(text, 1.0 if text else 0.0)

    async def abandon(self) -> None:
        self.over = True


class Parrot:
    """A brain that repeats questions while `gate` is open, and records its calls."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.thinking = asyncio.Event()
        self.asked: list[str] = []
        self.remembered: list[tuple[str, str]] = []
        self.ended: list[str] = []

    async def reply(self, text: str) -> AsyncIterator[str]:
        self.asked.append(text)
        self.thinking.set()
        try:
            await self.gate.wait()
            yield f"{text}. "
            yield "Really."
        finally:
            self.ended.append(text)

    def remember(self, role: str, text: str) -> None:
        self.remembered.append((role, text))


class Talk:
    """The parts of a session that need no room, put together as in `simulator.avatar.session`."""

    def __init__(
        self, brain: Any = None, push_to_talk: bool = False, voice: QuickVoice | None = None
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self.said: list[tuple[str, str]] = []
        self.playback = Playback(Loudspeaker())
        self._news = asyncio.Condition()
        self._sender = Events("session-1", self._take)
        self.delivery = Delivery(self._sender, self.playback, voice or QuickVoice())
        self.talk = Conversation(
            events=self._sender,
            delivery=self.delivery,
            brain=brain,
            push_to_talk=PushToTalk(push_to_talk, self._sender, self._on_window),
            said=lambda role, text: self.said.append((role, text)),
        )
        self.detector = WordDetector()
        self.recognizer = WordRecognizer()
        self.listening = Listening(
            detector=cast(SpeechDetector, self.detector),
            recognizer=self.recognizer,
            listener=self.talk,
            guarded=lambda _: self.delivery.audible,
            is_echo=lambda pcm: pcm == ECHO.encode(),
            push_to_talk=push_to_talk,
        )

    async def run(self) -> None:
        async with asyncio.TaskGroup() as parts:
            for part in (self.playback, self._sender, self.talk, self.listening):
                parts.create_task(part.run())

    def order(self, kind: str, text: str = "", event_id: str | None = None) -> None:
        self.talk.obey(Command(kind, event_id, text))

    def user(self, words: str) -> None:
        """Let the user speak; "|" is a pause."""
        for word in words.split():
            self.listening.hear(word.encode())

    async def until(self, *kinds: str) -> None:
        """Wait until every event of `kinds` has come, as often as it is listed."""
        wanted = Counter(kinds)
        async with self._news, asyncio.timeout(PATIENCE):
            await self._news.wait_for(lambda: not wanted - Counter(self.kinds))

    @property
    def kinds(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    def texts(self, kind: str) -> list[str]:
        return [event["text"] for event in self.events if event["event_type"] == kind]

    async def _take(self, event: dict[str, Any]) -> None:
        async with self._news:
            self.events.append(event)
            self._news.notify_all()

    def _on_window(self, is_open: bool) -> None:
        if is_open:
            self.talk.interrupt()
            self.listening.open_window()
        else:
            self.listening.close_window()
