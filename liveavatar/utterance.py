"""One utterance on its way through the media websocket, and finding the one an event speaks of."""

import asyncio
from collections import deque
from enum import Enum
from uuid import uuid4

from liveavatar.media_events import Signal, Speech

REMEMBERED = 64  # ids of what is over; events about it come late


class Outcome(Enum):
    """PLAYED to its end, CUT by an interrupt, LOST with the connection, REFUSED because it was no PCM."""

    PLAYED = "played"
    CUT = "cut"
    LOST = "lost"
    REFUSED = "refused"


class Utterance:
    """`started` holds the loop's time when it began to be heard, `done` how it ended; each is set once.

    One that ended without being heard never starts: wait for either.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.id = str(uuid4())
        self.task: str | None = None  # the service's name for it
        self.seconds = 0.0  # of sound that was given to it
        self.sealed = False
        self._asked_at: float | None = None
        self.started: asyncio.Future[float] = loop.create_future()
        self.done: asyncio.Future[Outcome] = loop.create_future()

    def start(self) -> None:
        if not self.started.done():
            self.started.set_result(asyncio.get_running_loop().time())

    def due(self, now: float) -> float:
        """When all of it should have been heard, by the loop's time. Asked for while it is the oldest."""
        if self.started.done():
            return self.started.result() + self.seconds
        # Only from now on nothing else keeps it from being heard.
        self._asked_at = self._asked_at or now
        return self._asked_at

    def end(self, outcome: Outcome) -> None:
        """The first outcome stays."""
        if not self.done.done():
            self.done.set_result(outcome)


class OpenUtterances:
    """Those that are sent or played, oldest first. An event about any other is nobody's."""

    def __init__(self) -> None:
        self._open: deque[Utterance] = deque()
        self._over: deque[str] = deque(maxlen=REMEMBERED)

    def add(self, utterance: Utterance) -> None:
        self._open.append(utterance)

    @property
    def oldest(self) -> Utterance | None:
        return self._open[0] if self._open else None

    def end(self, utterance: Utterance, outcome: Outcome) -> None:
        """One of them does not go on, if it is one of them."""
        if utterance in self._open:
            self._close(utterance, outcome)

    def ignore(self, event_id: str) -> None:
        """Events caused by the command with that id are about nothing that is open."""
        self._over.append(event_id)

    def end_all(self, outcome: Outcome) -> None:
        """None of them goes on."""
        while self._open:
            self._close(self._open[0], outcome)

    def note(self, speech: Speech) -> None:
        """Apply what the service tells of one of them."""
        utterance = self._meant(speech)
        if utterance is None:
            return
        utterance.task = utterance.task or speech.task
        if speech.signal is Signal.STARTED:
            utterance.start()
        else:
            self._close(utterance, Outcome.PLAYED if speech.signal is Signal.ENDED else Outcome.CUT)

    def note_talking(self, talking: bool) -> None:
        """For a service that only tells what the avatar does: it may go idle in the middle of an utterance whose
        sound came too slowly, so idle ends one only when all of it was sent."""
        if talking:
            waiting = next((utterance for utterance in self._open if not utterance.started.done()), None)
            if waiting is not None:
                waiting.start()
        elif self._open and self._open[0].started.done() and self._open[0].sealed:
            self._close(self._open[0], Outcome.PLAYED)

    def _meant(self, speech: Speech) -> Utterance | None:
        names = speech.ids | ({speech.task} if speech.task else frozenset())
        for utterance in self._open:
            if utterance.id in names or (utterance.task and utterance.task in names):
                return utterance
        if names.intersection(self._over):
            return None
        begun = speech.signal is not Signal.STARTED
        # Nothing of ours came back: they are heard in the order in which they were sent.
        return next((utterance for utterance in self._open if utterance.started.done() is begun), None)

    def _close(self, utterance: Utterance, outcome: Outcome) -> None:
        self._open.remove(utterance)
        self._over.extend(name for name in (utterance.id, utterance.task) if name)
        utterance.end(outcome)
