"""Session faults as a client in the room sees them, with a real avatar."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
import pytest
from livekit import api, rtc

from rigs.avatar.avatar_rig import AUDIBLE, Viewer
from rigs.rooms.room_rig import EMBEDDED, EVERY_SERVER, rooms_on, until
from rigs.services.simulated_service import SimulatedService, simulated_service
from simulator.seed import COFFEE_CONTEXT
from simulator.worker import AVATAR_COMMAND

pytestmark = pytest.mark.rooms

LOW: dict[str, Any] = {"video_settings": {"quality": "low", "encoding": "VP8"}}


@dataclass
class Visit:
    """A running session with its visitor, and control of its faults."""

    service: SimulatedService
    session_id: str
    bearer: dict[str, str]
    viewer: Viewer
    gone: asyncio.Event

    @property
    def identities(self) -> set[str]:
        return set(self.viewer.room.remote_participants)

    async def switch_on(self, fault: str, **values: Any) -> None:
        body = {"fault": fault, "session_id": self.session_id, **values}
        assert (await self.service.http.post("/simulator/faults", json=body)).status_code == 201

    async def switch_off(self) -> None:
        await self.service.http.post("/simulator/faults/off")

    async def say(self, text: str = "One two three four.") -> None:
        response = await self.service.http.post(
            f"/simulator/sessions/{self.session_id}/say", json={"text": text}
        )
        assert response.status_code == 200

    async def stop(self) -> None:
        await self.service.http.post("/v1/sessions/stop", headers=self.bearer)

    async def events(self, kind: str, count: int) -> list[dict[str, Any]]:
        """Wait for `count` events of a kind. Return all events of that kind."""
        await until(lambda: self._count(kind) >= count)
        return [event for event in self.viewer.events if event.get("event_type") == kind]

    async def pictures_stopped(self) -> int:
        """Wait until no picture has arrived for half a second. Return the number of pictures so far."""
        seen = -1
        while seen != len(self.viewer.pictures):
            seen = len(self.viewer.pictures)
            await asyncio.sleep(0.5)
        return seen

    def _count(self, kind: str) -> int:
        return sum(event.get("event_type") == kind for event in self.viewer.events)


@contextlib.asynccontextmanager
async def visiting(server: str = EMBEDDED, **persona: Any) -> AsyncIterator[Visit]:
    async with simulated_service(command=AVATAR_COMMAND, livekit=rooms_on(server)) as service:
        session_id, bearer = await service.mint(**LOW, avatar_persona=persona)
        started = (await service.http.post("/v1/sessions/start", headers=bearer)).json()["data"]
        room, gone = rtc.Room(), asyncio.Event()
        room.on("disconnected", lambda _: gone.set())
        viewer = Viewer(room)
        await room.connect(started["livekit_url"], started["livekit_client_token"])
        try:
            yield Visit(service, session_id, bearer, viewer, gone)
        finally:
            await viewer.close()
            await room.disconnect()


@pytest.fixture
async def visit(request: pytest.FixtureRequest) -> AsyncIterator[Visit]:
    async with visiting(getattr(request, "param", EMBEDDED)) as visit:
        yield visit


async def test_a_silent_avatar_speaks_without_sound(visit: Visit) -> None:
    await visit.switch_on("silent")
    await visit.say()
    await visit.events("avatar.speak_ended", 1)
    heard = max(loud for _, loud in visit.viewer.sounds)

    await visit.switch_off()
    await visit.say()

    assert heard < AUDIBLE
    assert await visit.viewer.sound()


async def test_a_frozen_picture_does_not_move_while_the_voice_continues(visit: Visit) -> None:
    await visit.viewer.pictures_seen(10)
    await visit.switch_on("frozen")
    await visit.say()
    began = await visit.viewer.sound()
    await visit.events("avatar.speak_ended", 1)
    frozen = [picture for at, picture in visit.viewer.pictures if at > began]

    await visit.switch_off()
    seen = len(visit.viewer.pictures)
    await visit.say()
    await visit.events("avatar.speak_ended", 2)
    moving = [picture for _, picture in visit.viewer.pictures[seen:]]

    assert _movement(frozen) * 3 < _movement(moving)


def _movement(pictures: list[np.ndarray]) -> float:
    """Return the standard deviation over time of the pixel that changes most."""
    return float(np.std(np.array(pictures, float), axis=0).max())


async def test_events_are_sent_twice_until_the_fault_is_switched_off(visit: Visit) -> None:
    await visit.switch_on("events", how="duplicated")
    await visit.say()
    twice = await visit.events("avatar.speak_ended", 2)

    await visit.switch_off()
    await visit.say()
    after = await visit.events("avatar.speak_ended", 3)

    assert twice[0] == twice[1]
    assert after[2]["event_id"] != twice[0]["event_id"]


async def test_packet_loss_stops_the_picture_until_the_fault_is_switched_off(visit: Visit) -> None:
    await visit.viewer.pictures_seen(5)

    await visit.switch_on("loss", down=100)
    seen = await visit.pictures_stopped()
    await visit.switch_off()

    await visit.viewer.pictures_seen(seen + 10)


@pytest.mark.parametrize("visit", EVERY_SERVER, indirect=True)
async def test_the_session_can_end_without_session_stopped(visit: Visit) -> None:
    await visit.switch_on("no_farewell")

    await visit.stop()
    await visit.gone.wait()

    assert "session.stopped" not in [event["event_type"] for event in visit.viewer.events]


@pytest.mark.parametrize("visit", EVERY_SERVER, indirect=True)
@pytest.mark.parametrize("who", ["avatar", "agent"])
async def test_the_session_continues_when_the_avatar_or_the_agent_leaves(visit: Visit, who: str) -> None:
    agent = f"liveavatar-agent-{visit.session_id}"
    await until(lambda: {"heygen", agent} <= visit.identities)

    await visit.switch_on(f"{who}_leaves")
    await until(lambda: len(visit.identities) == 1)
    shown = (await visit.service.http.get(f"/simulator/sessions/{visit.session_id}")).json()
    await visit.stop()

    assert visit.identities <= ({agent} if who == "avatar" else {"heygen"})
    assert shown["state"] == "active"
    assert len(shown["participants"]) == 2
    assert (await visit.service.ended(visit.session_id))["end_reason"] == "USER_CLOSED"


@pytest.mark.parametrize("visit", EVERY_SERVER, indirect=True)
async def test_a_deleted_room_ends_the_session(visit: Visit) -> None:
    await visit.switch_on("room_closed")

    await visit.gone.wait()

    assert (await visit.service.ended(visit.session_id))["end_reason"] == "SERVER_ERROR"


@pytest.mark.parametrize("visit", EVERY_SERVER, indirect=True)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("worker_crash", "SERVER_ERROR"),
        ("no_credits", "NO_CREDITS"),
        ("max_duration", "MAX_DURATION_REACHED"),
    ],
)
async def test_the_visitor_gets_the_end_reason_and_room_and_process_are_gone(
    visit: Visit, fault: str, reason: str
) -> None:
    workers = psutil.Process().children(recursive=True)
    await visit.switch_on(fault, after=0)

    stopped = await visit.viewer.event("session.stopped")
    await visit.gone.wait()
    await visit.service.ended(visit.session_id)
    addresses = visit.service.addresses
    async with api.LiveKitAPI(
        addresses.livekit_url, addresses.livekit_api_key, addresses.livekit_api_secret
    ) as lk:
        rooms = (await lk.room.list_rooms(api.ListRoomsRequest(names=[visit.session_id]))).rooms

    assert (stopped["end_reason"], stopped["stop_reason"]) == (reason, reason)
    assert list(rooms) == []
    assert any(not worker.is_running() for worker in workers)


async def test_a_hanging_avatar_continues_when_the_fault_is_switched_off(visit: Visit) -> None:
    await visit.viewer.pictures_seen(5)
    await visit.switch_on("hang_worker")
    seen = await visit.pictures_stopped()

    await visit.switch_off()

    await visit.viewer.pictures_seen(seen + 10)


async def test_the_thinking_fault_delays_answers_but_not_given_texts() -> None:
    async with visiting(context_id=COFFEE_CONTEXT) as visit:
        await visit.events("avatar.speak_ended", 1)  # the greeting
        await visit.switch_on("thinking", seconds=600)
        await visit.viewer.send(event_type="avatar.speak_response", event_id="slow", text="When do you open?")
        await visit.say("This text needs no thinking.")
        await visit.viewer.send(event_type="avatar.interrupt")
        await visit.switch_off()
        await visit.viewer.send(
            event_type="avatar.speak_response", event_id="quick", text="When do you open?"
        )

        await visit.viewer.event("avatar.speak_started", source_event_id="quick")

        assert visit.viewer.kinds("slow") == []
