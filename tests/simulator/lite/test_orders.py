"""The parent's orders to a LITE session and the session's reports, without a room."""

import asyncio
import json
from typing import Any

import pytest

from simulator.avatar.job import LiteJob, Order
from simulator.avatar.lite_session import LiteSession
from simulator.avatar.reports import Reports

JOB = LiteJob("session-1", "ws://nowhere", "token", "ava", (640, 360), "VP8", longest_buffer=10)


class Parent:
    """Gives orders and reads reports."""

    def __init__(self, session: LiteSession, output: pytest.CaptureFixture[str]) -> None:
        self.session = session
        self._output = output
        self._reports: list[dict[str, Any]] = []

    def opens(self, connection: int) -> None:
        self.order("socket", **{"is": "open", "connection": connection})

    def passes(self, connection: int, **frame: Any) -> None:
        self.order("media", connection=connection, frame=json.dumps(frame))

    def order(self, do: str, **members: Any) -> None:
        self.session.take(Order(do, {"do": do, **members}))

    def reports(self, kind: str) -> list[dict[str, Any]]:
        self._reports += [json.loads(line) for line in self._output.readouterr().out.splitlines()]
        return [report for report in self._reports if report["is"] == kind]

    def frames(self) -> list[tuple[int, dict[str, Any]]]:
        return [(report["connection"], json.loads(report["frame"])) for report in self.reports("media")]


@pytest.fixture
async def parent(capsys: pytest.CaptureFixture[str]) -> Parent:
    return Parent(LiteSession(JOB, Reports()), capsys)


async def test_the_first_event_of_a_connection_is_connected(parent: Parent) -> None:
    parent.passes(1, type="agent.start_listening")
    parent.opens(1)
    parent.passes(1, type="agent.start_listening")
    parent.opens(2)
    parent.passes(1, type="agent.stop_listening")
    parent.passes(2, type="agent.stop_listening")

    told = [(number, event.get("state") or event["new_state"]) for number, event in parent.frames()]
    assert told == [(1, "connected"), (1, "listening"), (2, "connected"), (2, "idle")]


async def test_no_event_is_sent_without_a_connection(parent: Parent) -> None:
    parent.opens(1)
    parent.order("socket", **{"is": "closed"})
    parent.order("interrupt")
    await parent.session.announce_end("USER_CLOSED")

    assert [event["type"] for _, event in parent.frames()] == ["session.state_updated"]


async def test_commands_before_connected_are_dropped(parent: Parent) -> None:
    parent.order("faults", faults={"connected_after": 0.05})
    parent.opens(1)
    parent.passes(1, type="agent.start_listening")
    early = parent.frames()
    while not parent.frames():
        await asyncio.sleep(0.01)
    parent.passes(1, type="session.keep_alive")

    assert early == []
    assert [event["type"] for _, event in parent.frames()] == ["session.state_updated"]


async def test_the_connected_event_may_never_come(parent: Parent) -> None:
    parent.order("faults", faults={"connected_after": None})
    parent.opens(1)
    parent.passes(1, type="agent.start_listening")

    assert parent.frames() == []


async def test_the_old_vocabulary_has_the_commands_id_and_no_newer_events(parent: Parent) -> None:
    parent.order("faults", faults={"vocabulary": "old"})
    parent.opens(1)
    parent.passes(1, type="agent.speak", audio="AAAA", event_id="a")
    parent.passes(1, type="agent.interrupt", event_id="b")
    await parent.session.announce_end("USER_CLOSED")

    events = [event for _, event in parent.frames()]
    assert [event["type"] for event in events] == [
        "session.state_updated",
        "agent.speak_ended",
        *["session.state_updated"] * 2,
    ]
    assert events[1]["event_id"] == "a"
    assert {event["state"] for event in events if "state" in event} == {"connected", "closed"}


async def test_the_log_shows_the_size_of_sound_and_never_the_sound(parent: Parent) -> None:
    parent.opens(1)
    parent.passes(1, type="agent.speak", audio="AAAA", event_id="a")

    commands = [report for report in parent.reports("event") if report["direction"] == "in"]
    assert [(each["channel"], each["name"], each["message"]) for each in commands] == [
        ("media", "agent.speak", {"event_id": "a", "bytes": 3})
    ]
    assert "AAAA" not in json.dumps(parent.reports("event"))
    assert len(parent.reports("activity")) == 1


async def test_a_frame_that_the_parent_refused_gets_its_reason(parent: Parent) -> None:
    parent.opens(1)
    parent.order("media", connection=1, frame=None, why="A binary frame")

    assert parent.frames()[-1][1]["error"] == {
        "type": "invalid_request_error",
        "message": "A binary frame",
        "event_id": None,
    }
