"""One conversation: commands in, speech and events out, and the mood that the face shows."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from simulator.avatar import commands
from simulator.avatar.captions import captions
from simulator.avatar.commands import Command
from simulator.avatar.events import Events
from simulator.avatar.lips import track_from_phonemes
from simulator.avatar.motion import Mood
from simulator.avatar.playback import Playback
from simulator.avatar.push_to_talk import PushToTalk
from simulator.avatar.speech import Speech
from voice.sentences import split_sentences

logger = logging.getLogger(__name__)

LONGEST_QUEUE = 64  # speak commands; a sender that is this far ahead is not listening


class Brain(Protocol):
    def reply(self, text: str) -> AsyncIterator[str]:
        """The answer to `text`, sentence by sentence."""


class Conversation:
    """`brain` None is the restricted mode. `said(role, text)` is told every final text."""

    def __init__(
        self,
        *,
        events: Events,
        playback: Playback,
        speech: Speech,
        brain: Brain | None,
        push_to_talk: PushToTalk,
        said: Callable[[str, str], None],
    ) -> None:
        self._events = events
        self._playback = playback
        self._speech = speech
        self._brain = brain
        self._push_to_talk = push_to_talk
        self._said = said
        self._queue: asyncio.Queue[Command] = asyncio.Queue(LONGEST_QUEUE)
        self._turn: asyncio.Task[None] | None = None
        self._listening = self._thinking = self._speaking = False

    @property
    def mood(self) -> Mood:
        """What the face shows now."""
        if self._speaking:
            return Mood.SPEAKING
        if self._thinking:
            return Mood.THINKING
        return Mood.LISTENING if self._listening or self._push_to_talk.is_open else Mood.IDLE

    def obey(self, command: Command) -> None:
        """Take a command. Speak commands wait for their turn, everything else happens at once."""
        match command.type:
            case commands.SPEAK_TEXT | commands.SPEAK_RESPONSE:
                self._enqueue(command)
            case commands.INTERRUPT:
                self.interrupt()
            case commands.START_LISTENING | commands.STOP_LISTENING:
                self._listening = command.type == commands.START_LISTENING
            case commands.START_PUSH_TO_TALK:
                self._push_to_talk.start(command.event_id)
            case commands.STOP_PUSH_TO_TALK:
                self._push_to_talk.stop(command.event_id)

    def interrupt(self) -> None:
        """Silence and a closed mouth at once; what waited to be spoken is dropped."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._playback.stop()
        if self._turn is not None:
            self._turn.cancel()

    async def run(self) -> None:
        """Take turns until cancelled."""
        try:
            while True:
                command = await self._queue.get()
                self._turn = asyncio.create_task(self._take_turn(command), name="turn")
                await asyncio.wait({self._turn})
                if not self._turn.cancelled():
                    self._turn.result()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the turn that is under way, with its closing events."""
        self.interrupt()
        if self._turn is not None:
            await asyncio.wait({self._turn})

    def _enqueue(self, command: Command) -> None:
        if command.type == commands.SPEAK_RESPONSE and self._brain is None:
            logger.debug("nothing is answered without a context")
            return
        try:
            self._queue.put_nowait(command)
        except asyncio.QueueFull:
            logger.warning("a speak command was dropped: %d are waiting already", LONGEST_QUEUE)

    async def _take_turn(self, command: Command) -> None:
        if command.type == commands.SPEAK_RESPONSE and self._brain is not None:
            self._said("user", command.text)
            self._thinking = True
            sentences = self._brain.reply(command.text)
        else:
            sentences = _spoken(command.text)
        try:
            await self._speak(sentences, command.event_id)
        finally:
            self._thinking = self._speaking = False

    async def _speak(self, sentences: AsyncIterator[str], source: str | None) -> None:
        """One utterance. Its final transcription follows its last word, so that clients which append the chunks
        show the text once; after an interrupt it holds what was heard."""
        heard, end = "", 0.0
        try:
            async for sentence in sentences:
                utterance = await self._speech.utter(sentence)
                mouth = track_from_phonemes(utterance.phonemes, utterance.seconds)
                start = self._playback.push(utterance.pcm, mouth.at)
                end = start + utterance.seconds
                if not self._speaking:
                    self._speaking = True
                    self._events.publish("avatar.speak_started", source)
                for caption in captions(utterance):
                    await self._playback.reached(start + caption.start)
                    heard += caption.text
                    self._events.publish("avatar.transcription.chunk", source, text=caption.text)
            self._conclude(heard, source)
            heard = ""
            await self._playback.reached(end)
        finally:
            if self._speaking:
                self._conclude(heard, source)
                self._events.publish("avatar.speak_ended", source)

    def _conclude(self, heard: str, source: str | None) -> None:
        if text := heard.strip():
            self._events.publish("avatar.transcription", source, text=text)
            self._said("avatar", text)


async def _spoken(text: str) -> AsyncIterator[str]:
    for sentence in split_sentences(text):
        yield sentence
