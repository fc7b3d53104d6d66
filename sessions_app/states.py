"""The life of an avatar session, as a pure function: no ORM, no I/O, no clock."""

from django.db.models import TextChoices


class State(TextChoices):
    CREATED = "created", "created"
    STARTING = "starting", "starting"
    LIVE = "live", "live"
    ENDED = "ended", "ended"
    FAILED = "failed", "failed"


class Signal(TextChoices):
    START = "start", "the service is being asked"
    STARTED = "started", "the service runs the session"
    REFUSED = "refused", "the service did not start it"
    END = "end", "somebody ended it"


OPEN = frozenset({State.CREATED, State.STARTING, State.LIVE})

TRANSITIONS = {
    (State.CREATED, Signal.START): State.STARTING,
    (State.CREATED, Signal.END): State.ENDED,
    (State.STARTING, Signal.STARTED): State.LIVE,
    (State.STARTING, Signal.REFUSED): State.FAILED,
    (State.STARTING, Signal.END): State.ENDED,
    (State.LIVE, Signal.END): State.ENDED,
    # Ending is asked for by several at once: the page, its beacon, the service, staff.
    (State.ENDED, Signal.END): State.ENDED,
    (State.FAILED, Signal.END): State.FAILED,
}


class IllegalTransition(ValueError):
    """The session is in a state in which this cannot happen."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(f"a session that is {state.value} takes no {signal.value!r}")
        self.state = state
        self.signal = signal


def advance(state: State, signal: Signal) -> State:
    """The state after `signal`. Raises IllegalTransition where the table has none."""
    try:
        return TRANSITIONS[state, signal]
    except KeyError:
        raise IllegalTransition(state, signal) from None
