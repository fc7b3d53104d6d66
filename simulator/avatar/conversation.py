"""The conversation of a FULL session: takes commands and the user's words, gives answers and the mood of the face."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from simulator.avatar import commands
from simulator.avatar.commands import Command
from simulator.avatar.delivery import Delivery
from simulator.avatar.events import Events
from simulator.avatar.motion import Mood
from simulator.avatar.push_to_talk import PushToTalk
from voice.text.sentences import split_sentences

logger = logging.getLogger(__name__)

LONGEST_QUEUE = 64  # turns; a sender this far ahead does not wait for answers
# Seconds between an end of the user's speech and the next start within which both parts are one question: the user has
# only paused a little longer than the voice detector waits.
SAME_THOUGHT = 1.0
SORRY = "Sorry, I did not catch that. You can also type it."


class Brain(Protocol):
    def reply(self, text: str) -> AsyncIterator[str]:
        """Answer `text`, sentence by sentence."""

    def remember(self, role: Literal["user", "assistant"], text: str) -> None:
        """Add to the history what was said and heard."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the avatar: it says `text`, or answers it if it `asks`.

    `source`: the id of the command that caused it. `by_voice`: the user asked aloud.
    """

    text: str
    source: str | None = None
    asks: bool = False
    by_voice: bool = False


class Conversation:
    """A `simulator.avatar.listening.Listener`.

    Without a `brain` the session is in restricted mode and answers nothing (LiveAvatar docs, contexts).
    `said(role, text)` is called with every final text.
    """

    def __init__(
        self,
        *,
        events: Events,
        delivery: Delivery,
        brain: Brain | None,
        push_to_talk: PushToTalk,
        said: Callable[[str, str], None],
    ) -> None:
        self._events = events
        self._delivery = delivery
        self._brain = brain
        self._push_to_talk = push_to_talk
        self._said = said
        self._queue: asyncio.Queue[Turn] = asyncio.Queue(LONGEST_QUEUE)
        self._turn: asyncio.Task[None] | None = None
        self._listening = self._thinking = False
        self._user_speaks = self._shown = False
        self._ended_at = float("-inf")
        self._awaited = 0  # the user's utterances that have ended and are still being recognised
        self._unwanted = 0  # those of them that an interrupt followed: shown, but not answered
        self._asked: list[str] = []  # the texts that the next answer is for, until it has been given
        self._apologised = False

    @property
    def mood(self) -> Mood:
        """The mood that the face shows now."""
        if self._delivery.speaking:
            return Mood.SPEAKING
        if self._user_speaks:
            return Mood.LISTENING
        if self._thinking or self._awaited:
            return Mood.THINKING
        return Mood.LISTENING if self._listening or self._push_to_talk.is_open else Mood.IDLE

    def obey(self, command: Command) -> None:
        """Handle a command. Speak commands are queued, all others take effect at once."""
        match command.type:
            case commands.SPEAK_TEXT:
                self._enqueue(Turn(command.text, command.event_id))
            case commands.SPEAK_RESPONSE if self._brain is None:
                logger.debug("speak_response ignored: the session has no context")
            case commands.SPEAK_RESPONSE:
                if self._enqueue(Turn(command.text, command.event_id, asks=True)):
                    self._apologised = False
                    self._said("user", command.text)
            case commands.INTERRUPT:
                self.interrupt()
            case commands.START_LISTENING | commands.STOP_LISTENING:
                self._listening = command.type == commands.START_LISTENING
            case commands.START_PUSH_TO_TALK:
                self._push_to_talk.start(command.event_id)
            case commands.STOP_PUSH_TO_TALK:
                self._push_to_talk.stop(command.event_id)

    def interrupt(self) -> None:
        """Stop speaking at once and drop what waits to be said or answered."""
        self._asked.clear()
        self._unwanted = self._awaited
        self._hush()

    def user_started(self) -> None:
        """The user begins to speak: stop and listen."""
        self._events.publish("user.speak_started")
        self._user_speaks = True
        if self._delivery.speaking and _now() - self._ended_at > SAME_THOUGHT:
            self._asked.clear()  # the user has heard the answer to it; this is a new question
        self._hush()

    def user_said_so_far(self, text: str) -> None:
        """Publish the utterance so far. Chunks are cumulative (LiveAvatar demo)."""
        self._shown = True
        self._events.publish("user.transcription.chunk", text=text)

    def user_ended(self) -> None:
        """The user has stopped speaking. `user_said` follows."""
        self._events.publish("user.speak_ended")
        self._user_speaks = False
        self._ended_at = _now()
        self._awaited += 1

    def user_said(self, text: str) -> None:
        """Take the final text of one utterance; "" if it was not understood."""
        if text or self._shown:  # an empty text replaces the chunks that were shown
            self._events.publish("user.transcription", text=text)
        self._shown = False
        self._awaited -= 1
        if text:
            self._apologised = False
            self._said("user", text)
        if self._unwanted:
            self._unwanted -= 1
        elif self._brain is not None:
            self._answer(text)

    def _answer(self, text: str) -> None:
        if text:
            self._asked.append(text)
        if self._user_speaks or self._awaited:
            return  # more is to come, and it may belong to the same question
        if self._asked:  # also after a cough: the question before it still stands
            self._enqueue(Turn(" ".join(self._asked), asks=True, by_voice=True))
        elif not self._apologised:
            self._apologised = True
            self._enqueue(Turn(SORRY))

    async def run(self) -> None:
        """Take the queued turns until cancelled."""
        try:
            while True:
                turn = await self._queue.get()
                self._turn = asyncio.create_task(self._take(turn), name="turn")
                await asyncio.wait({self._turn})
                if not self._turn.cancelled():
                    self._turn.result()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the current turn, with its closing events."""
        self.interrupt()
        if self._turn is not None:
            await asyncio.wait({self._turn})

    def _hush(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        self._delivery.hush()
        if self._turn is not None:
            self._turn.cancel()

    def _enqueue(self, turn: Turn) -> bool:
        try:
            self._queue.put_nowait(turn)
        except asyncio.QueueFull:
            logger.warning("text dropped: %d turns are queued already", LONGEST_QUEUE)
            return False
        return True

    async def _take(self, turn: Turn) -> None:
        def concluded(heard: str) -> None:
            self._said("avatar", heard)
            if self._brain is not None:
                if turn.asks:
                    self._brain.remember("user", turn.text)
                self._brain.remember("assistant", heard)

        self._thinking = turn.asks
        sentences = self._brain.reply(turn.text) if turn.asks and self._brain else _each(turn.text)
        try:
            await self._delivery.speak(sentences, turn.source, concluded)
            if turn.by_voice:
                self._asked.clear()
        finally:
            self._thinking = False


async def _each(text: str) -> AsyncIterator[str]:
    for sentence in split_sentences(text):
        yield sentence


def _now() -> float:
    return asyncio.get_running_loop().time()
