"""Every sequence of tests/cases/turns gives the turns it names, event by event and through a stored state."""

import json

import pytest

from rigs.turn_cases import Case, cases, shown
from sessions_app.events.reducer import Reducer
from sessions_app.events.turn_state import State, Turn

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_sequence_of_events_gives_its_turns(case: Case) -> None:
    reduction = Reducer()
    for event in case.events:
        reduction.apply(event.direction, event.type, event.payload, event.at)

    assert shown(list(reduction.changed.values())) == case.turns


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_state_that_is_stored_after_every_event_makes_no_difference(case: Case) -> None:
    stored = json.dumps(State().dump())
    turns: dict[int, Turn] = {}
    for event in case.events:
        reduction = Reducer(State.load(json.loads(stored)))
        reduction.apply(event.direction, event.type, event.payload, event.at)
        turns |= reduction.changed
        stored = json.dumps(reduction.state.dump())

    assert shown(list(turns.values())) == case.turns


def test_the_cases_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]

    assert len(names) == len(set(names)) >= 40
