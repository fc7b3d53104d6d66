"""An utterance on its way through the media websocket, and those that are open at a time."""

import asyncio
import logging
from collections import deque
from enum import Enum
from uuid import uuid4

from liveavatar.media_events import Signal, SpeechEvent

logger = logging.getLogger(__name__)

REMEMBERED = 64  # ids of utterances that are over; events about them arrive late
TIMER_TOLERANCE = 0.01  # seconds by which a timer of the loop may fire early


class Outcome(Enum):
    """PLAYED to its end, CUT by an interruption, LOST with the connection, REFUSED because it was no PCM."""

    PLAYED = "played"
    CUT = "cut"
    LOST = "lost"
    REFUSED = "refused"


class Utterance:
    """`started` gets the loop's time when the avatar began to speak it, `done` its outcome. Each is set once.

    An utterance that ends unheard never starts: wait for either.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.id = str(uuid4())
        self.task: str | None = None  # the vendor's id of it
        self.seconds = 0.0  # of sound that it was given
        self.sealed = False
        self._due_since: float | None = None
        self.started: asyncio.Future[float] = loop.create_future()
        self.done: asyncio.Future[Outcome] = loop.create_future()

    def start(self) -> None:
        if not self.started.done():
            self.started.set_result(asyncio.get_running_loop().time())

    def due(self, now: float) -> float:
        """Return the loop's time by which all of it should have been heard. Call it only for the oldest utterance."""
        if self.started.done():
            return self.started.result() + self.seconds
        # Until the first call an older utterance kept the avatar from speaking this one.
        self._due_since = self._due_since or now
        return self._due_since

    def end(self, outcome: Outcome) -> None:
        """Set the outcome. The first one stays."""
        if not self.done.done():
            self.done.set_result(outcome)


class OpenUtterances:
    """The utterances that are being sent or played, oldest first. Events about any other are ignored."""

    def __init__(self, overdue: float) -> None:
        """`overdue`: seconds after which an utterance whose end is not reported is LOST."""
        self._overdue = overdue
        self._open: deque[Utterance] = deque()
        self._over: deque[str] = deque(maxlen=REMEMBERED)

    def add(self, utterance: Utterance) -> None:
        self._open.append(utterance)

    def end(self, utterance: Utterance, outcome: Outcome) -> None:
        """End an utterance, unless it is over already."""
        if utterance in self._open:
            self._close(utterance, outcome)

    def end_all(self, outcome: Outcome) -> None:
        """End every open utterance."""
        while self._open:
            self._close(self._open[0], outcome)

    def expect_end(self, utterance: Utterance) -> None:
        """Give up an utterance that was sent whole when its end is not reported in time."""
        self._check_later(utterance, utterance.seconds + self._overdue)

    def ignore(self, event_id: str) -> None:
        """Ignore the events that the command with this id causes: they are about no open utterance."""
        self._over.append(event_id)

    def apply(self, event: SpeechEvent) -> None:
        """Start or end the utterance that the event is about."""
        utterance = self._find(event)
        if utterance is None:
            return
        utterance.task = utterance.task or event.task
        if event.signal is Signal.STARTED:
            utterance.start()
        else:
            self._close(utterance, Outcome.PLAYED if event.signal is Signal.ENDED else Outcome.CUT)

    def apply_talking(self, talking: bool) -> None:
        """Start or end an utterance by the avatar's state, for a vendor that sends no speech events.

        The avatar goes idle in the middle of an utterance when its sound comes too slowly. So idle ends an utterance
        only when all of it was sent.
        """
        if talking:
            waiting = next((utterance for utterance in self._open if not utterance.started.done()), None)
            if waiting is not None:
                waiting.start()
        elif self._open and self._open[0].started.done() and self._open[0].sealed:
            self._close(self._open[0], Outcome.PLAYED)

    def _check_later(self, utterance: Utterance, seconds: float) -> None:
        check = asyncio.get_running_loop().call_later(seconds, self._end_if_overdue, utterance)
        utterance.done.add_done_callback(lambda _: check.cancel())

    def _end_if_overdue(self, utterance: Utterance) -> None:
        now = asyncio.get_running_loop().time()
        if not self._open or self._open[0] is not utterance:
            self._check_later(utterance, self._overdue)
        elif (left := utterance.due(now) + self._overdue - now) > TIMER_TOLERANCE:
            self._check_later(utterance, left)
        else:
            logger.warning("media websocket: no end reported of an utterance of %.1f s", utterance.seconds)
            self._close(utterance, Outcome.LOST)

    def _find(self, event: SpeechEvent) -> Utterance | None:
        names = event.ids | ({event.task} if event.task else frozenset())
        for utterance in self._open:
            if utterance.id in names or (utterance.task and utterance.task in names):
                return utterance
        if names.intersection(self._over):
            return None
        has_started = event.signal is not Signal.STARTED
        # The event names no id of ours. The avatar speaks utterances in the order in which they were sent.
        return next((utterance for utterance in self._open if utterance.started.done() is has_started), None)

    def _close(self, utterance: Utterance, outcome: Outcome) -> None:
        self._open.remove(utterance)
        self._over.extend(name for name in (utterance.id, utterance.task) if name)
        utterance.end(outcome)
