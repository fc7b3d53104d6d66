"""Reading what a page sends."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.events.frames import (
    MAX_PAYLOAD,
    Event,
    InvalidEvent,
    InvalidFrame,
    parse_event,
    parse_events,
    parse_frame,
    parse_source,
)

GOOD: dict[str, Any] = {
    "seq": 1,
    "type": "user.transcription",
    "direction": "in",
    "at": 1763630000123,
    "payload": {},
}


def event(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def test_an_event_is_read_with_its_time_and_payload() -> None:
    read = parse_event(event(payload={"text": "Guten Tag"}))

    assert (read.seq, read.type, read.direction) == (1, "user.transcription", "in")
    assert read.occurred_at.isoformat() == "2025-11-20T09:13:20.123000+00:00"
    assert read.payload == {"text": "Guten Tag"}


def test_a_type_nobody_knows_is_kept_verbatim() -> None:
    assert parse_event(event(type="avatar.winked")).type == "avatar.winked"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": ""}, "event.type"),
        ({"type": "x" * 65}, "event.type"),
        ({"type": "two words"}, "event.type"),
        ({"type": 7}, "event.type"),
        ({"direction": "site"}, "event.direction"),
        ({"direction": None}, "event.direction"),
        ({"at": "now"}, "event.at"),
        ({"at": True}, "event.at"),
        ({"at": float("inf")}, "event.at"),
        ({"payload": []}, "event.payload"),
        ({"payload": {"text": "x" * MAX_PAYLOAD}}, "event.too_large"),
    ],
)
def test_a_wrong_event_is_refused_by_its_number(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        parse_event(event(**changes))

    assert (refusal.value.code, refusal.value.seq) == (code, 1)


@pytest.mark.parametrize("seq", [0, -1, 2**31, 1.0, "1", None, True])
def test_an_event_without_a_usable_number_spoils_its_frame(seq: object) -> None:
    with pytest.raises(InvalidFrame):
        parse_event(event(seq=seq))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "7",
        "{}",
        '{"type": 7}',
        '{"type": NaN}',
        "[" * 100_000,
        '{"type":"' + "x" * 70_000 + '"}',
    ],
)
def test_what_is_no_frame_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(InvalidFrame):
        parse_frame(text)


@pytest.mark.parametrize("source", ["", "page-", "page-<b>", "site", "page-" + "a" * 33, None, 7])
def test_a_source_is_a_page_with_a_plain_name(source: object) -> None:
    with pytest.raises(InvalidFrame):
        parse_source(source)


def test_a_frame_keeps_its_good_events_when_one_is_wrong() -> None:
    events, refused = parse_events({"events": [event(), event(seq=2, direction="up"), event(seq=3)]})

    assert [good.seq for good in events] == [1, 3]
    assert [bad.seq for bad in refused] == [2]


@pytest.mark.parametrize("at", [-1e18, 0, 1e308, 4_102_444_800_001])
def test_a_page_with_a_wrong_clock_is_heard_all_the_same(at: float) -> None:
    assert 2000 <= parse_event(event(at=at)).occurred_at.year <= 2100


def test_what_a_database_cannot_store_is_replaced() -> None:
    read = parse_event(event(payload={"te\0xt": ["a\0b", "lone \ud800", {"emoji": "\N{WAVING HAND SIGN}"}]}))

    assert read.payload == {"te\ufffdxt": ["a\ufffdb", "lone ?", {"emoji": "\N{WAVING HAND SIGN}"}]}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.one_of(JSON, st.fixed_dictionaries({key: JSON | st.just(value) for key, value in GOOD.items()})))
def test_nothing_a_page_can_send_raises_anything_else(item: Any) -> None:
    try:
        read = parse_event(item)
    except (InvalidEvent, InvalidFrame):
        return
    assert isinstance(read, Event)
    assert "\0" not in json.dumps(read.payload, ensure_ascii=False)
