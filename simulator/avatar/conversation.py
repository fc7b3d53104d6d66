"""One conversation: commands and the user's words in, answers out, and the mood that the face shows."""

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

LONGEST_QUEUE = 64  # turns; a sender that is this far ahead is not listening
# Seconds between an end of speech and the next start in which the user goes on with the same thought: they stopped
# to breathe a little longer than we wait. Both parts are answered together, as one question.
SAME_THOUGHT = 1.0
SORRY = "Sorry, I did not catch that. You can also type it."


class Brain(Protocol):
    def reply(self, text: str) -> AsyncIterator[str]:
        """The answer to `text`, sentence by sentence."""

    def remember(self, role: Literal["user", "assistant"], text: str) -> None:
        """What was really said."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The avatar's: it says `text`, or what it has to say to it when that `asks`.

    `source`: id of the command that caused it. `by_voice`: the user asked aloud.
    """

    text: str
    source: str | None = None
    asks: bool = False
    by_voice: bool = False


class Conversation:
    """A `simulator.avatar.listening.Listener`. `brain` None is the restricted mode: nothing is answered (LiveAvatar
    docs, contexts). `said(role, text)` is told every final text."""

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
        # Of the user's speech:
        self._user_speaks = self._shown = False
        self._ended_at = float("-inf")
        self._awaited = 0  # utterances that ended and are still being recognised
        self._unwanted = 0  # of those, how many an interrupt came after: they are shown, but not answered
        self._asked: list[str] = []  # what the next answer is for, until it has been given
        self._apologised = False

    @property
    def mood(self) -> Mood:
        """What the face shows now."""
        if self._delivery.speaking:
            return Mood.SPEAKING
        if self._user_speaks:
            return Mood.LISTENING
        if self._thinking or self._awaited:
            return Mood.THINKING
        return Mood.LISTENING if self._listening or self._push_to_talk.is_open else Mood.IDLE

    def obey(self, command: Command) -> None:
        """Take a command. Speak commands wait for their turn, everything else happens at once."""
        match command.type:
            case commands.SPEAK_TEXT:
                self._enqueue(Turn(command.text, command.event_id))
            case commands.SPEAK_RESPONSE if self._brain is None:
                logger.debug("nothing is answered without a context")
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
        """Silence and a closed mouth at once; what waited to be said or answered is dropped."""
        self._asked.clear()
        self._unwanted = self._awaited
        self._hush()

    def user_started(self) -> None:
        """The user's voice is heard: the avatar stops and listens."""
        self._events.publish("user.speak_started")
        self._user_speaks = True
        if self._delivery.speaking and _now() - self._ended_at > SAME_THOUGHT:
            self._asked.clear()  # its answer was listened to; this is about something new
        self._hush()

    def user_said_so_far(self, text: str) -> None:
        """The whole utterance so far. The chunks are cumulative (LiveAvatar demo)."""
        self._shown = True
        self._events.publish("user.transcription.chunk", text=text)

    def user_ended(self) -> None:
        """The user is silent. `user_said` follows."""
        self._events.publish("user.speak_ended")
        self._user_speaks = False
        self._ended_at = _now()
        self._awaited += 1

    def user_said(self, text: str) -> None:
        """The final text of one utterance; "" when it was not understood."""
        if text or self._shown:  # an empty one takes back what was shown
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
            return  # there is more to come, which may belong to it
        if self._asked:  # a cough after a question does not make it unasked
            self._enqueue(Turn(" ".join(self._asked), asks=True, by_voice=True))
        elif not self._apologised:
            self._apologised = True
            self._enqueue(Turn(SORRY))

    async def run(self) -> None:
        """Take turns until cancelled."""
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
        """End the turn that is under way, with its closing events."""
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
            logger.warning("a text was dropped: %d are waiting already", LONGEST_QUEUE)
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
