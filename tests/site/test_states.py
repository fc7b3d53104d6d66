"""The table of states, over every state and signal."""

import pytest

from sessions_app.states import OPEN, TRANSITIONS, IllegalTransition, Signal, State, advance

LEGAL = {
    "created": {"start": "starting", "end": "ended"},
    "starting": {"started": "live", "refused": "failed", "end": "ended"},
    "live": {"end": "ended"},
    "ended": {"end": "ended"},
    "failed": {"end": "failed"},
}


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("state", list(State))
def test_a_signal_leads_to_one_state_or_is_illegal(state: State, signal: Signal) -> None:
    expected = LEGAL[state].get(signal)

    if expected is None:
        with pytest.raises(IllegalTransition) as refusal:
            advance(state, signal)
        assert (refusal.value.state, refusal.value.signal) == (state, signal)
        assert str(refusal.value) == f"a session that is {state} takes no {signal.value!r}"
    else:
        assert advance(state, signal) == expected


def test_every_state_can_be_reached_and_every_open_one_can_be_ended() -> None:
    assert {State.CREATED, *TRANSITIONS.values()} == set(State)
    assert all(advance(state, Signal.END) == State.ENDED for state in OPEN)


def test_an_ended_session_stays_ended() -> None:
    for state in set(State) - OPEN:
        ways = {after for (before, _), after in TRANSITIONS.items() if before == state}
        assert ways == {state}
