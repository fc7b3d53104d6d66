"""However the events of a conversation come, both reducers make of them what was said."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from rigs.conversation_model import Said, conversations
from rigs.turn_cases import shown
from sessions_app.events.reducer import RULES, Reducer
from sessions_app.events.turn_state import State, Turn

Events = list[dict[str, Any]]
THOROUGHLY = how(max_examples=200, derandomize=True, database=None, deadline=None)


class PageReducer:
    """The page's reducer in a Node.js process: events in, turns and state out."""

    def __init__(self, node: str) -> None:
        script = settings.BASE_DIR / "tests" / "js" / "reduce_lines.js"
        self._process = subprocess.Popen(
            [node, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def __call__(self, events: Events) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(events) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def page() -> Iterator[PageReducer]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed (Debian: apt install nodejs)")
    reducer = PageReducer(node)
    yield reducer
    reducer.close()


def reduced(events: Events, batch: int) -> tuple[dict[int, Turn], State]:
    """The site's turns and state, stored as JSON after every `batch` events."""
    turns: dict[int, Turn] = {}
    stored = "{}"
    for start in range(0, len(events), batch):
        reduction = Reducer(State.load(json.loads(stored)))
        for event in events[start : start + batch]:
            reduction.apply(event["direction"], event["type"], event["payload"], event["at"])
        turns |= reduction.changed
        stored = json.dumps(reduction.state.dump())
    return turns, State.load(json.loads(stored))


def as_told(said: list[Said]) -> list[tuple[str, str, bool]]:
    return [(each.side, each.words, each.interrupted) for each in said]


def as_read(turns: list[Turn]) -> list[tuple[str, str, bool]]:
    read = []
    for turn in shown(turns):
        side, said = next(iter(turn.items()))
        if said:
            read.append((side, said, turn.get("interrupted", False)))
    return read


@THOROUGHLY
@given(conversation=conversations(), batch=st.integers(1, 9))
def test_what_was_said_is_read_whatever_the_order_and_the_repeats(
    page: PageReducer, conversation: tuple[Events, list[Said]], batch: int
) -> None:
    events, said = conversation
    turns, state = reduced(events, batch)
    answer = page(events)

    assert as_read(list(turns.values())) == as_told(said)
    assert sorted(answer["turns"], key=number) == [asdict(turns[key]) for key in sorted(turns)]
    assert answer["state"] == state.dump()


ids = st.sampled_from([None, None, "a", "b", "c", "", 7, "x" * 70])
texts = st.sampled_from(
    ["Yes.", "Yes", "Yes. No", " no", "", "👍", "九", "Σας", "İ", "ΟΔΟΣ", "हैं", " .", 7, None]
)
anything = st.fixed_dictionaries(
    {
        "direction": st.sampled_from(["in", "in", "in", "out", "page", "site"]),
        "type": st.sampled_from([type_ for _, type_ in RULES]),
        "payload": st.fixed_dictionaries(
            {"text": texts, "source_event_id": ids},
            optional={
                "event_id": ids,
                "heard": texts,
                "interrupted": st.sampled_from([True, False, "yes"]),
                "resumed": st.booleans(),
            },
        ),
        "at": st.integers(0, 9_000),
    }
)
by_rule = st.tuples(anything, st.sampled_from(sorted(RULES))).map(
    lambda drawn: {**drawn[0], "direction": drawn[1][0], "type": drawn[1][1]}
)


@THOROUGHLY
@given(events=st.lists(by_rule | anything, max_size=80), batch=st.integers(1, 9))
def test_both_reducers_agree_whatever_comes(page: PageReducer, events: Events, batch: int) -> None:
    turns, state = reduced(events, batch)
    answer = page(events)

    assert sorted(answer["turns"], key=number) == [asdict(turns[key]) for key in sorted(turns)]
    assert answer["state"] == state.dump()


def test_a_state_stays_small_however_much_is_begun_and_never_ended(page: PageReducer) -> None:
    payloads = [{"event_id": f"e{n}", "source_event_id": f"a{n}", "text": f"Text {n}."} for n in range(600)]
    events = [
        {"direction": "in", "type": "avatar.transcription", "payload": payload, "at": n}
        for n, payload in enumerate(payloads)
    ]
    turns, state = reduced(events, batch=50)
    answer = page(events)

    assert len(turns) == 600
    assert len(state.turns) == 64
    assert len(state.seen) == 256
    assert answer["state"] == state.dump()
    assert sorted(answer["turns"], key=number) == [asdict(turns[key]) for key in sorted(turns)]


def number(turn: dict[str, Any]) -> int:
    return int(turn["number"])
