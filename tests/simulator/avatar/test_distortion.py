"""Event faults: how they change events on their way out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.avatar.distortion import Distortion
from simulator.avatar.faults import Faults

STARTED = {"event_id": "1", "event_type": "avatar.speak_started", "session_id": "s", "source_event_id": "c"}
CHUNK = {**STARTED, "event_id": "2", "event_type": "avatar.transcription.chunk", "text": "Hello"}
TEXT = {**STARTED, "event_id": "3", "event_type": "avatar.transcription", "text": "Hello"}
ENDED = {**STARTED, "event_id": "4", "event_type": "avatar.speak_ended"}
STOPPED = {**STARTED, "event_id": "5", "event_type": "session.stopped", "end_reason": "UNKNOWN"}
UTTERANCE = [STARTED, CHUNK, CHUNK, TEXT, ENDED]


def sent(faults: Faults, *events: dict[str, Any]) -> list[Any]:
    distortion = Distortion(faults)
    return [json.loads(packet) for event in events for packet in distortion.packets(event)]


def test_without_a_fault_events_pass_as_they_are() -> None:
    assert sent(Faults(), *UTTERANCE) == UTTERANCE


def test_duplicated_events_come_twice_with_the_same_id() -> None:
    assert sent(Faults(events="duplicated"), STARTED, ENDED) == [STARTED, STARTED, ENDED, ENDED]


def test_reordered_events_are_overtaken_by_the_next() -> None:
    assert sent(Faults(events="reordered"), STARTED, CHUNK, TEXT, ENDED) == [CHUNK, STARTED, ENDED, TEXT]


@given(st.lists(st.sampled_from([*UTTERANCE, STOPPED])))
def test_reordering_loses_nothing_once_an_utterance_has_ended(events: list[dict[str, Any]]) -> None:
    events = [*events, ENDED]

    found = sent(Faults(events="reordered"), *events)

    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, events))


def test_a_delayed_event_follows_when_the_fault_is_switched_off() -> None:
    faults = Faults(events="reordered")
    distortion = Distortion(faults)

    held = distortion.packets(STARTED)
    faults.events = "healthy"

    assert held == []
    assert [json.loads(packet) for packet in distortion.packets(ENDED)] == [STARTED, ENDED]


def test_unknown_events_precede_the_real_ones_in_their_shape() -> None:
    unknown, real = sent(Faults(events="unknown"), STARTED)

    assert real == STARTED
    assert unknown.keys() > STARTED.keys()
    assert unknown["event_type"] != STARTED["event_type"]
    assert unknown["event_id"] != STARTED["event_id"]


def test_malformed_packets_precede_the_real_ones() -> None:
    distortion = Distortion(Faults(events="malformed"))

    packets = [distortion.packets(STARTED) for _ in range(6)]

    assert all(json.loads(real) == STARTED for _, real in packets)
    assert len({malformed for malformed, _ in packets}) == 6
    assert not any("avatar.speak_started" in _event_type(malformed) for malformed, _ in packets)


def _event_type(packet: str) -> str:
    try:
        message = json.loads(packet)
    except ValueError:
        return ""
    return str(message.get("event_type")) if isinstance(message, dict) else ""


def test_the_old_vocabulary_of_full_mode_has_no_chunks_and_no_ids() -> None:
    old = sent(Faults(vocabulary="old"), *UTTERANCE)

    assert [event["event_type"] for event in old] == [
        "avatar.speak_started",
        "avatar.transcription",
        "avatar.speak_ended",
    ]
    assert old[0] == {"event_type": "avatar.speak_started", "session_id": "s"}


@pytest.mark.parametrize(
    ("event", "old"),
    [
        (
            {"type": "agent.speak_started", "event_id": "9", "source_event_id": "mine", "task": {"id": "t"}},
            {"type": "agent.speak_started", "event_id": "mine", "task": {"id": "t"}},
        ),
        (
            {"type": "agent.speak_ended", "event_id": "9", "source_event_id": None, "task": {"id": "t"}},
            {"type": "agent.speak_ended", "event_id": "9", "task": {"id": "t"}},
        ),
        (
            {"type": "session.state_updated", "event_id": "9", "source_event_id": None, "state": "connected"},
            {"type": "session.state_updated", "event_id": "9", "state": "connected"},
        ),
        ({"type": "agent.state_updated", "previous_state": "idle", "new_state": "talking"}, None),
        ({"type": "agent.audio_buffer_appended", "event_id": "9"}, None),
        ({"type": "agent.speak_interrupted", "event_id": "9"}, None),
        ({"type": "error", "error": {"type": "server_error"}}, None),
    ],
)
def test_the_old_vocabulary_of_the_media_websocket(event: dict[str, Any], old: dict[str, Any] | None) -> None:
    assert sent(Faults(vocabulary="old"), event) == ([] if old is None else [old])
