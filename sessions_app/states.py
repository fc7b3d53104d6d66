"""The states of a session as one pure table: no ORM, no I/O, no clock."""

from django.db.models import TextChoices


class State(TextChoices):
    CREATED = "created", "created"
    STARTING = "starting", "starting"
    LIVE = "live", "live"
    ENDED = "ended", "ended"
    FAILED = "failed", "failed"


class Signal(TextChoices):
    START = "start", "the vendor is being asked"
    STARTED = "started", "the vendor runs the session"
    REFUSED = "refused", "the start failed"
    END = "end", "one side ended it"


OPEN = frozenset({State.CREATED, State.STARTING, State.LIVE})

TRANSITIONS = {
    (State.CREATED, Signal.START): State.STARTING,
    (State.CREATED, Signal.END): State.ENDED,
    (State.STARTING, Signal.STARTED): State.LIVE,
    (State.STARTING, Signal.REFUSED): State.FAILED,
    (State.STARTING, Signal.END): State.ENDED,
    (State.LIVE, Signal.END): State.ENDED,
    # Page, beacon, vendor and staff may all ask for the end.
    (State.ENDED, Signal.END): State.ENDED,
    (State.FAILED, Signal.END): State.FAILED,
}


class IllegalTransition(ValueError):
    """The signal is not possible in the session's state."""

    def __init__(self, state: State, signal: Signal) -> None:
        super().__init__(f"a session that is {state.value} takes no {signal.value!r}")
        self.state = state
        self.signal = signal


def advance(state: State, signal: Signal) -> State:
    """Return the state after `signal`. Raises IllegalTransition where the table has none."""
    try:
        return TRANSITIONS[state, signal]
    except KeyError:
        raise IllegalTransition(state, signal) from None
