"""How a CUSTOM session ends: agent, room, lease and session at the service are gone."""

import json
from datetime import timedelta
from uuid import uuid4

import httpx
import pytest
from django.test import AsyncClient
from django.utils import timezone
from livekit import api

from rigs.agent.leased_agents import Agents, conversing, rooms_left, silence, told
from rigs.rooms.room_rig import RoomRig
from rigs.site_requests import stop
from rigs.vendor import Vendor
from sessions_app.custom.dispatch import MAX_ATTEMPTS
from sessions_app.end_reasons import EndReason
from sessions_app.lifecycle.reaper import reap, replace_lost_agents
from sessions_app.models import AgentLease, AvatarSession, SessionEvent
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)


async def test_the_end_reaches_the_agent_the_service_and_the_room(
    visitor: AsyncClient, crew: Agents, vendor: Vendor
) -> None:
    async with conversing(visitor, crew) as (line, _):
        await stop(visitor, crew.session, reason="user")

        assert await line.receive_json_from() == {"type": "end", "reason": "USER_CLOSED"}

    assert len(vendor.bodies("/v1/sessions/stop")) == 1
    assert await rooms_left(crew.rooms, crew.session) == []
    lease = await AgentLease.objects.aget(session=crew.session)
    assert (lease.start, lease.renewed_at) == ({}, None)
    assert crew.session.released_at is not None


async def test_a_room_that_could_not_be_deleted_is_tried_again_by_the_reaper(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew):
        crew.rooms.refuse_connections()
        await stop(visitor, crew.session, reason="user")
        assert crew.session.released_at is None
        crew.rooms.accept_connections()

        await reap()

    session = await AvatarSession.objects.aget(pk=crew.session.pk)
    assert session.released_at is not None
    assert await rooms_left(crew.rooms, session) == []


@pytest.mark.parametrize(
    ("vendors_reason", "reason"),
    [("MAX_DURATION_REACHED", EndReason.MAX_DURATION_REACHED), (None, EndReason.AVATAR_LOST)],
)
async def test_the_site_asks_the_service_why_it_ended_the_session(
    visitor: AsyncClient, crew: Agents, vendor: Vendor, vendors_reason: str | None, reason: EndReason
) -> None:
    over = {"seq": 1, "type": "agent.session_over", "direction": "in", "at": 1763630000000}

    async with conversing(visitor, crew) as (line, _):
        summary = {
            "id": crew.session.remote_id,
            "mode": "LITE",
            "end_reason": vendors_reason,
            "duration": 5,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }

        async def shown(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"code": 1000, "message": "success", "data": summary})

        vendor.answers[f"/v1/sessions/{crew.session.remote_id}"] = shown
        await line.send_json_to({"type": "events", "events": [{**over, "payload": {"cause": "avatar"}}]})
        await line.receive_json_from()
        assert (await line.receive_json_from())["type"] == "end"

    await crew.session.arefresh_from_db()
    assert crew.session.end_reason == reason


@pytest.mark.parametrize(("cause", "reason"), [("agent", "AGENT_HANG_UP"), ("room", "ROOM_LOST")])
async def test_an_agent_that_hangs_up_or_loses_the_room_ends_the_conversation(
    visitor: AsyncClient, crew: Agents, cause: str, reason: str
) -> None:
    async with conversing(visitor, crew) as (line, _):
        await line.send_json_to({"type": "events", "events": [told(1, "agent.session_over", cause=cause)]})
        await line.receive_json_from()
        assert await line.receive_json_from() == {"type": "end", "reason": reason}


async def test_a_service_that_does_not_say_why_it_ended_the_session_has_lost_the_avatar(
    visitor: AsyncClient, crew: Agents, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    async with conversing(visitor, crew) as (line, _):
        vendor.refuse(f"/v1/sessions/{crew.session.remote_id}", 404, 404, "gone")
        await line.send_json_to({"type": "events", "events": [told(1, "agent.session_over", cause="avatar")]})
        await line.receive_json_from()
        assert await line.receive_json_from() == {"type": "end", "reason": "AVATAR_LOST"}

    assert f"session {crew.session.key}: the vendor does not say why it ended" in caplog.text


async def test_the_reaper_deletes_a_room_that_came_back_and_no_other_room(
    visitor: AsyncClient, crew: Agents
) -> None:
    """An agent that joins while its room is deleted creates the room again, as any participant can."""
    async with conversing(visitor, crew):
        await stop(visitor, crew.session, reason="user")
    other = f"talk-{uuid4().hex}"  # of another site with the same LiveKit
    for name in (crew.session.own_room, other):
        await crew.rooms.service.create_room(api.CreateRoomRequest(name=name))
    await AvatarSession.objects.acreate(
        visitor=uuid4(),
        avatar_id="a",
        state=State.LIVE,
        remote_id="abandoned",
        page_seen_at=timezone.now() - timedelta(hours=1),
    )

    assert await reap() == 2  # the abandoned session and the room

    assert await rooms_left(crew.rooms, crew.session) == []
    listed = await crew.rooms.service.list_rooms(api.ListRoomsRequest(names=[other]))
    assert [room.name for room in listed.rooms] == [other]
    await crew.rooms.service.delete_room(api.DeleteRoomRequest(room=other))


async def test_the_reaper_logs_that_livekit_cannot_be_asked_for_rooms(
    session: AvatarSession, rooms: RoomRig, caplog: pytest.LogCaptureFixture
) -> None:
    rooms.refuse_connections()

    assert await reap() == 0
    assert "rooms left over were not looked for: LiveKit did not list its rooms" in caplog.text


async def test_a_page_cannot_end_a_session_in_its_agents_name(visitor: AsyncClient, crew: Agents) -> None:
    frame = {
        "type": "events",
        "source": "page-12345678",
        "events": [
            {"seq": 1, "type": "agent.session_over", "direction": "in", "at": 1763630000000, "payload": {}}
        ],
    }

    async with conversing(visitor, crew):
        await visitor.post(f"/sessions/{crew.session.key}/beacon/", {"frame": json.dumps(frame)})

        await crew.session.arefresh_from_db()
        assert crew.session.is_open
        assert await SessionEvent.objects.filter(type="agent.session_over").aexists()


async def test_a_conversation_ends_after_too_many_attempts(visitor: AsyncClient, crew: Agents) -> None:
    async with conversing(visitor, crew):
        await AgentLease.objects.filter(session=crew.session).aupdate(attempt=MAX_ATTEMPTS)
        await silence(crew.session)

        await replace_lost_agents()

    await crew.session.arefresh_from_db()
    assert crew.session.end_reason == EndReason.AGENT_LOST
