"""Parsing the frames that pages send."""

import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_app.events.frames import (
    MAX_EVENTS,
    MAX_FRAME,
    MAX_PAYLOAD,
    MAX_SEQ,
    Event,
    InvalidEvent,
    InvalidFrame,
    parse_event,
    parse_events,
    parse_frame,
    parse_source,
    refusal,
)

GOOD: dict[str, Any] = {
    "seq": 1,
    "type": "user.transcription",
    "direction": "in",
    "at": 1763630000123,
    "payload": {},
}

MESSAGES = {
    "event.type": "type must be 1 to 64 plain characters",
    "event.direction": "direction must be in, out or page",
    "event.at": "at must be a number of milliseconds",
    "event.payload": "payload must be an object",
}


def event(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def test_an_event_is_read_with_its_time_and_payload() -> None:
    read = parse_event(event(payload={"text": "Guten Tag"}))

    assert (read.seq, read.type, read.direction) == (1, "user.transcription", "in")
    assert read.occurred_at.isoformat() == "2025-11-20T09:13:20.123000+00:00"
    assert read.payload == {"text": "Guten Tag"}


def test_an_unknown_type_is_kept_verbatim() -> None:
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
def test_an_invalid_event_is_refused_with_its_sequence_number(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        parse_event(event(**changes))

    assert (refusal.value.code, refusal.value.seq) == (code, 1)
    assert str(refusal.value) == MESSAGES.get(code, str(refusal.value))


def test_an_event_that_is_no_object_makes_its_frame_invalid() -> None:
    with pytest.raises(InvalidFrame, match=r"^an event is an object$"):
        parse_event("page.quality")


@pytest.mark.parametrize("seq", [0, -1, 2**31, 1.0, "1", None, True])
def test_an_event_without_a_sequence_number_makes_its_frame_invalid(seq: object) -> None:
    with pytest.raises(InvalidFrame):
        parse_event(event(seq=seq))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the frame is not JSON"),
        ("no json", "the frame is not JSON"),
        ('{"type":"events","x":NaN}', "the frame is not JSON"),
        ('{"type":"events","x":[-Infinity]}', "the frame is not JSON"),
        ("[" * 60_000, "the frame is not JSON"),
        ("[]", "a frame is an object with a type"),
        ("7", "a frame is an object with a type"),
        ("{}", "a frame is an object with a type"),
        ('{"type": 7}', "a frame is an object with a type"),
    ],
)
def test_an_invalid_frame_is_refused_as_a_whole(text: str, message: str) -> None:
    with pytest.raises(InvalidFrame, match=f"^{message}$"):
        parse_frame(text)


@pytest.mark.parametrize("source", ["", "page-", "page-<b>", "site", "page-" + "a" * 33, None, 7])
def test_an_invalid_source_is_refused(source: object) -> None:
    with pytest.raises(InvalidFrame, match=r"^source must be page- and 4 to 32 letters or digits$"):
        parse_source(source)


def test_a_frame_keeps_its_valid_events_when_one_is_invalid() -> None:
    events, refused = parse_events({"events": [event(), event(seq=2, direction="up"), event(seq=3)]})

    assert [good.seq for good in events] == [1, 3]
    assert [bad.seq for bad in refused] == [2]


@pytest.mark.parametrize("at", [-1e18, 0, 1e308, 4_102_444_800_001])
def test_events_of_a_page_with_a_wrong_clock_are_accepted(at: float) -> None:
    assert 2000 <= parse_event(event(at=at)).occurred_at.year <= 2100


def test_characters_that_a_database_cannot_store_are_replaced() -> None:
    read = parse_event(event(payload={"te\0xt": ["a\0b", "lone \ud800", {"emoji": "\N{WAVING HAND SIGN}"}]}))

    assert read.payload == {"te\ufffdxt": ["a\ufffdb", "lone ?", {"emoji": "\N{WAVING HAND SIGN}"}]}


@pytest.mark.parametrize(
    ("text", "stored"), [("a\0b", "a\ufffdb"), ("lone \ud800", "lone ?")], ids=["NUL", "lone surrogate"]
)
def test_each_character_that_a_database_cannot_store_is_replaced(text: str, stored: str) -> None:
    assert parse_event(event(payload={"text": text})).payload == {"text": stored}


def test_what_fits_the_limits_exactly_is_accepted() -> None:
    payload = {"text": "x" * (MAX_PAYLOAD - len('{"text": ""}'))}
    read = parse_event(event(seq=MAX_SEQ, type="x" * 64, payload=payload))
    many, refused = parse_events({"events": [event(seq=n) for n in range(1, MAX_EVENTS + 1)]})
    frame = '{"type":"events","x":""}'
    text = frame[:-2] + "x" * (MAX_FRAME - len(frame)) + frame[-2:]

    assert (read.seq, len(read.type), read.payload) == (MAX_SEQ, 64, payload)
    assert (len(many), refused) == (MAX_EVENTS, [])
    assert parse_frame(text)["type"] == "events"


def test_one_more_than_the_limits_is_refused() -> None:
    frame = '{"type":"events","x":""}'
    with pytest.raises(InvalidFrame, match=f"{MAX_FRAME} bytes"):
        parse_frame(frame[:-2] + "x" * (MAX_FRAME + 1 - len(frame)) + frame[-2:])
    with pytest.raises(InvalidFrame, match=f"a list of at most {MAX_EVENTS}"):
        parse_events({"events": [event(seq=n) for n in range(1, MAX_EVENTS + 2)]})
    with pytest.raises(InvalidEvent, match=f"{MAX_PAYLOAD} characters"):
        parse_event(event(payload={"text": "x" * (MAX_PAYLOAD + 1 - len('{"text": ""}'))}))


@pytest.mark.parametrize("source", ["page-abcd", "page-" + "Z9" * 16])
def test_a_valid_source_is_kept(source: str) -> None:
    assert parse_source(source) == source


def test_a_payload_is_optional() -> None:
    without = event()
    del without["payload"]

    assert parse_event(without).payload == {}


@pytest.mark.parametrize(
    ("at", "moment"), [(0, "2000-01-01T00:00:00+00:00"), (1e300, "2100-01-01T00:00:00+00:00")]
)
def test_a_time_outside_this_century_becomes_its_nearest_moment(at: float, moment: str) -> None:
    assert parse_event(event(at=at)).occurred_at.isoformat() == moment


def test_a_refused_event_is_stored_as_an_event_of_the_site_with_its_number() -> None:
    stored = refusal(InvalidEvent("event.type", "type must be 1 to 64 plain characters", 7))

    assert (stored.seq, stored.type, stored.direction) == (7, "event.refused", "site")
    assert stored.payload == {"code": "event.type", "message": "type must be 1 to 64 plain characters"}
    assert stored.occurred_at.tzinfo is UTC


def test_a_payload_that_is_nested_too_deeply_is_refused() -> None:
    payload: dict[str, Any] = {}
    for _ in range(100_000):
        payload = {"x": payload}

    with pytest.raises(InvalidEvent) as refused:
        parse_event(event(payload=payload))
    assert refused.value.code == "event.payload"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.one_of(JSON, st.fixed_dictionaries({key: JSON | st.just(value) for key, value in GOOD.items()})))
def test_any_event_is_parsed_or_refused_with_these_two_errors(item: Any) -> None:
    try:
        read = parse_event(item)
    except (InvalidEvent, InvalidFrame):
        return
    assert isinstance(read, Event)
    assert "\0" not in json.dumps(read.payload, ensure_ascii=False)
