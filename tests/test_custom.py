"""CUSTOM sessions: rooms of ours, agents that are dispatched, their lease, and what is left at the end. The service is
scripted, the room server real."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.test import AsyncClient
from django.utils import timezone
from livekit import api

from liveavatar_site.asgi import application
from sessions_app import agents
from sessions_app.endings import EndReason
from sessions_app.lifecycle import State
from sessions_app.livekit import close_livekit
from sessions_app.models import AgentLease, AvatarSession, SessionEvent, Turn
from sessions_app.presence import Presence, reap, replace_lost_agents
from tests.room_rig import API_KEY, API_SECRET, EVERY_SERVER, PATIENCE, RoomRig
from tests.test_starting import create, start, stop
from tests.vendor import CONTEXT, Vendor

pytestmark = pytest.mark.django_db(transaction=True)

LITE_START = {
    "session_id": "remote",
    "livekit_url": "ws://rooms.test",
    "livekit_client_token": "canary-client-token",
    "livekit_agent_token": "canary-agent-token",
    "ws_url": "ws://media.test/canary-secret",
    "max_session_duration": 600,
}


@pytest.fixture(params=EVERY_SERVER)
async def rooms(request: pytest.FixtureRequest, settings: Any, vendor: Vendor) -> AsyncIterator[RoomRig]:
    """Our LiveKit, and a service that starts CUSTOM sessions."""
    rig = RoomRig()
    await rig.open(request.param)
    settings.LIVEKIT_URL = settings.LIVEKIT_PUBLIC_URL = rig.url
    settings.LIVEKIT_API_KEY, settings.LIVEKIT_API_SECRET = API_KEY, API_SECRET
    settings.CUSTOM_AVAILABLE = True
    settings.AGENT_HELLO_WITHIN, settings.AGENT_START_WITHIN = 5, 10

    async def started(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, json={"code": 1000, "message": "success", "data": LITE_START})

    async def context(request: httpx.Request) -> httpx.Response:
        data = {**CONTEXT, "prompt": "We open at nine.", "opening_text": "Hello.", "links": []}
        return httpx.Response(200, json={"code": 1000, "message": "success", "data": data})

    vendor.answers["/v1/sessions/start"] = started
    vendor.answers[f"/v1/contexts/{CONTEXT['id']}"] = context
    yield rig
    await close_livekit()
    await rig.close()


class Agents:
    """The workers' side: reads the dispatches of a session's room, and comes to the site as their agent would."""

    def __init__(self, rooms: RoomRig, session: AvatarSession) -> None:
        self.rooms = rooms
        self.session = session

    async def assignment(self, attempt: int = 1) -> dict[str, Any]:
        """What the dispatch of that attempt says, as soon as it is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for dispatch in await self.dispatches():
                    metadata: dict[str, Any] = json.loads(dispatch.metadata)
                    if metadata["attempt"] == attempt:
                        return metadata
                await asyncio.sleep(0.01)

    async def dispatches(self) -> list[api.AgentDispatch]:
        if not await rooms_left(self.rooms, self.session):
            return []  # a livekit-server would look for such a room for seconds
        found = await self.rooms.dispatch.list_dispatch(self.session.own_room)
        # Servers also list the unnamed dispatch that every room has.
        return [dispatch for dispatch in found if dispatch.agent_name]

    @asynccontextmanager
    async def line(self) -> AsyncIterator[WebsocketCommunicator]:
        path = f"/ws/agents/{self.session.key}/"
        socket = WebsocketCommunicator(application, path, [(b"host", b"testserver")])
        assert (await socket.connect())[0]
        try:
            yield socket
        finally:
            await socket.disconnect()

    @asynccontextmanager
    async def at_work(
        self, attempt: int = 1, job: str = "AJ_1"
    ) -> AsyncIterator[tuple[WebsocketCommunicator, dict[str, Any]]]:
        """An agent that has said hello, and its welcome."""
        assignment = await self.assignment(attempt)
        async with self.line() as socket:
            await socket.send_json_to(
                {"type": "hello", "key": assignment["key"], "attempt": attempt, "job": job}
            )
            yield socket, await socket.receive_json_from(5)


@pytest.fixture
def custom(choice: dict[str, Any]) -> dict[str, Any]:
    """A form that asks for our own agent in our own room."""
    return {**choice, "answerer": "agent-own-room"}


@pytest.fixture
async def session(
    visitor: AsyncClient, custom: dict[str, Any], rooms: RoomRig, presence: Presence
) -> AvatarSession:
    return await create(visitor, custom)


@pytest.fixture
async def crew(rooms: RoomRig, session: AvatarSession) -> AsyncIterator[Agents]:
    async with asyncio.timeout(30):
        yield Agents(rooms, session)


@asynccontextmanager
async def conversing(
    visitor: AsyncClient, crew: Agents
) -> AsyncIterator[tuple[WebsocketCommunicator, dict[str, Any]]]:
    """A session that runs, and its agent's line to the site."""
    starting = asyncio.create_task(start(visitor, crew.session))
    async with crew.at_work() as (line, _):
        begun = await line.receive_json_from(5)
        response = await starting
        assert response.status_code == 200, response.content
        yield line, begun


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, API_SECRET, algorithms=["HS256"])


async def rooms_left(rooms: RoomRig, session: AvatarSession) -> list[str]:
    listed = await rooms.service.list_rooms(api.ListRoomsRequest(names=[session.own_room]))
    return [room.name for room in listed.rooms]


async def test_the_page_gets_a_token_of_its_own_and_the_avatar_is_sent_to_our_room(
    visitor: AsyncClient, crew: Agents, vendor: Vendor
) -> None:
    starting = asyncio.create_task(start(visitor, crew.session))
    async with crew.at_work() as (line, welcome):
        begun = await line.receive_json_from(5)
        answer = (await starting).json()

    asked = vendor.bodies("/v1/sessions/token")[0]
    assert (asked["mode"], asked["livekit_config"]["livekit_room"]) == ("LITE", crew.session.own_room)
    avatar = claims(asked["livekit_config"]["livekit_client_token"])
    assert (avatar["sub"], avatar["kind"], avatar["video"]["canPublishData"]) == ("heygen", "agent", True)
    assert answer["livekit_url"] == crew.rooms.url
    visitors = claims(answer["livekit_client_token"])
    assert visitors["video"]["canPublishSources"] == ["microphone"]
    assert visitors["video"]["room"] == crew.session.own_room
    assert begun == {"type": "start", "start": {"ws_url": LITE_START["ws_url"]}}
    assert welcome["context"] == {"prompt": "We open at nine.", "opening_text": "Hello.", "faqs": []}
    assert "canary" not in json.dumps(answer)


async def test_in_a_hosted_room_the_page_gets_the_services_token_and_the_agent_its_own(
    visitor: AsyncClient,
    choice: dict[str, Any],
    rooms: RoomRig,
    vendor: Vendor,
    presence: Presence,
    settings: Any,
) -> None:
    session = await create(visitor, {**choice, "answerer": "agent"})
    crew = Agents(rooms, session)

    async with conversing(visitor, crew) as (_, begun):
        answer = (await start(visitor, session)).json()
        (waiting,) = (await rooms.service.list_rooms(api.ListRoomsRequest(names=[session.own_room]))).rooms

    # The agent waits where nobody else comes, and a room with agents alone counts as empty.
    assert min(waiting.empty_timeout, waiting.departure_timeout) > settings.LIVEAVATAR_MAX_DURATION
    assert "livekit_config" not in vendor.bodies("/v1/sessions/token")[0]
    assert (await crew.assignment())["hosted"] is True
    assert answer["livekit_client_token"] == "canary-client-token"
    assert begun["start"] == {
        "ws_url": LITE_START["ws_url"],
        "room_url": "ws://rooms.test",
        "room_token": "canary-agent-token",
    }


async def test_nothing_is_billed_when_no_agent_comes(
    visitor: AsyncClient, session: AvatarSession, rooms: RoomRig, vendor: Vendor, settings: Any
) -> None:
    settings.AGENT_HELLO_WITHIN = settings.AGENT_START_WITHIN = 0.3

    response = await start(visitor, session)

    assert response.status_code == 502
    assert response.json()["error"]["code"] == "agent.none"
    assert vendor.bodies("/v1/sessions/start") == []
    assert len(vendor.bodies("/v1/sessions/stop")) == 1
    assert await rooms_left(rooms, session) == []
    assert session.state == State.FAILED


async def test_a_dispatch_nobody_serves_is_made_again(
    visitor: AsyncClient, crew: Agents, settings: Any
) -> None:
    settings.AGENT_HELLO_WITHIN = 0.5
    starting = asyncio.create_task(start(visitor, crew.session))

    async with crew.at_work(attempt=2):
        response = await starting

    assert response.status_code == 200
    assert (await AgentLease.objects.aget(session=crew.session)).attempt == 2


async def test_a_loopback_room_is_refused_before_a_real_service_is_asked(
    visitor: AsyncClient, session: AvatarSession, vendor: Vendor, settings: Any
) -> None:
    settings.LIVEAVATAR_API_URL = "https://api.liveavatar.com"

    response = await start(visitor, session)

    assert "cannot join a room on this site's own machine" in response.json()["error"]["message"]
    assert vendor.bodies("/v1/sessions/token") == []


async def test_a_room_server_that_is_away_fails_the_start_in_words(
    visitor: AsyncClient, session: AvatarSession, rooms: RoomRig, vendor: Vendor
) -> None:
    rooms.refuse_connections()

    response = await start(visitor, session)

    assert response.json()["error"]["code"] == "livekit.unavailable"
    assert vendor.bodies("/v1/sessions/token") == []


async def test_a_start_the_service_refuses_leaves_no_room(
    visitor: AsyncClient, crew: Agents, vendor: Vendor
) -> None:
    vendor.refuse("/v1/sessions/start", 403, 4033, "no credits")
    starting = asyncio.create_task(start(visitor, crew.session))

    async with crew.at_work() as (line, _):
        response = await starting
        assert (await line.receive_json_from(5))["type"] == "end"

    assert response.json()["error"]["code"] == "service.no_credits"
    assert await rooms_left(crew.rooms, crew.session) == []


async def test_the_end_reaches_the_agent_the_service_and_the_room(
    visitor: AsyncClient, crew: Agents, vendor: Vendor
) -> None:
    async with conversing(visitor, crew) as (line, _):
        await stop(visitor, crew.session, reason="user")

        assert await line.receive_json_from(5) == {"type": "end", "reason": "USER_CLOSED"}

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

    await crew.session.arefresh_from_db()
    assert crew.session.released_at is not None
    assert await rooms_left(crew.rooms, crew.session) == []


async def test_what_the_agent_reports_becomes_turns_with_what_was_really_heard(
    visitor: AsyncClient, crew: Agents
) -> None:
    said = [
        ("user.speak_started", {}),
        ("user.transcription", {"text": "When do you open?"}),
        ("user.speak_ended", {}),
        ("avatar.speak_started", {}),
        ("avatar.transcription", {"text": "We open at nine on weekdays."}),
        ("avatar.speak_ended", {}),
        ("agent.answered", {"heard": "We open at", "interrupted": True, "seconds": {"e2e_latency": 0.6}}),
    ]
    events = [
        {"seq": n, "type": kind, "direction": "in", "at": 1763630000000 + n, "payload": payload}
        for n, (kind, payload) in enumerate(said, start=1)
    ]

    async with conversing(visitor, crew) as (line, _):
        await line.send_json_to({"type": "events", "events": events})
        assert await line.receive_json_from(5) == {"type": "ack", "ack": 7}
        await line.send_json_to({"type": "events", "events": events[5:]})
        assert await line.receive_json_from(5) == {"type": "ack", "ack": 7}

    turns = [(turn.role, turn.said, turn.interrupted) async for turn in crew.session.turns.all()]
    assert turns == [("user", "When do you open?", False), ("avatar", "We open at", True)]
    assert (await Turn.objects.aget(role="avatar")).text == "We open at nine on weekdays."


async def silence(session: AvatarSession) -> None:
    """As if the agent had not been heard of for long."""
    past = timezone.now() - timedelta(minutes=1)
    await AgentLease.objects.filter(session=session).aupdate(renewed_at=past)


async def test_an_agent_that_fell_silent_is_replaced_and_the_next_one_knows_what_was_said(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew) as (old, _):
        await Turn.objects.acreate(
            session=crew.session, role="user", text="Hello there", is_final=True, started_at=timezone.now()
        )
        await silence(crew.session)

        assert await replace_lost_agents() == 1
        async with crew.at_work(attempt=2) as (_, welcome):
            await old.send_json_to({"type": "renew", "state": "listening"})
            assert (await old.receive_output(5))["code"] == 4409

        assert welcome["history"] == [{"role": "user", "text": "Hello there"}]
        assert welcome["start"] == {"ws_url": LITE_START["ws_url"]}
        assert await replace_lost_agents() == 0


async def test_two_processes_that_notice_at_once_dispatch_one_agent(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew):
        await silence(crew.session)

        await asyncio.gather(replace_lost_agents(), replace_lost_agents())

    assert (await AgentLease.objects.aget(session=crew.session)).attempt == 2
    assert len(await crew.dispatches()) == 1


async def test_a_renewal_keeps_the_lease(visitor: AsyncClient, crew: Agents) -> None:
    async with conversing(visitor, crew) as (line, _):
        await silence(crew.session)
        await line.send_json_to({"type": "renew", "state": "speaking"})
        await line.send_json_to({"type": "events", "events": []})
        await line.receive_json_from(5)

        assert await replace_lost_agents() == 0
        assert (await AgentLease.objects.aget(session=crew.session)).agent_state == "speaking"


async def test_an_agent_that_leaves_is_replaced_at_once(visitor: AsyncClient, crew: Agents) -> None:
    leaving = {"seq": 1, "type": "agent.leaving", "direction": "in", "at": 1763630000000, "payload": {}}

    async with conversing(visitor, crew) as (line, _):
        await line.send_json_to({"type": "events", "events": [leaving]})
        await line.receive_json_from(5)

        assert (await crew.assignment(2))["attempt"] == 2


async def test_a_conversation_no_agent_survives_ends(visitor: AsyncClient, crew: Agents) -> None:
    async with conversing(visitor, crew):
        await AgentLease.objects.filter(session=crew.session).aupdate(attempt=agents.MOST_ATTEMPTS)
        await silence(crew.session)

        await replace_lost_agents()

    await crew.session.arefresh_from_db()
    assert crew.session.end_reason == EndReason.AGENT_LOST


@pytest.mark.parametrize(
    ("told", "reason"),
    [("MAX_DURATION_REACHED", EndReason.MAX_DURATION_REACHED), (None, EndReason.AVATAR_LOST)],
)
async def test_why_the_service_ended_it_is_asked_at_the_service(
    visitor: AsyncClient, crew: Agents, vendor: Vendor, told: str | None, reason: EndReason
) -> None:
    over = {"seq": 1, "type": "agent.session_over", "direction": "in", "at": 1763630000000}

    async with conversing(visitor, crew) as (line, _):
        summary = {
            "id": crew.session.remote_id,
            "mode": "LITE",
            "end_reason": told,
            "duration": 5,
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
        }

        async def shown(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"code": 1000, "message": "success", "data": summary})

        vendor.answers[f"/v1/sessions/{crew.session.remote_id}"] = shown
        await line.send_json_to({"type": "events", "events": [{**over, "payload": {"cause": "avatar"}}]})
        await line.receive_json_from(5)
        assert (await line.receive_json_from(5))["type"] == "end"

    await crew.session.arefresh_from_db()
    assert crew.session.end_reason == reason


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"type": "hello", "key": "forged", "attempt": 1}, 4401),
        ({"type": "hello", "attempt": 1}, 4401),
        ({"type": "hello", "key": None, "attempt": "1"}, 4401),
        ({"type": "renew"}, 4400),
    ],
)
async def test_an_agent_without_its_key_is_turned_away(
    crew: Agents, hello: dict[str, Any], code: int
) -> None:
    async with crew.line() as socket:
        await socket.send_json_to(hello)

        assert (await socket.receive_output(5))["code"] == code


async def test_a_key_of_another_attempt_or_session_opens_nothing(crew: Agents) -> None:
    key = agents.signed_key(crew.session, 1)
    async with crew.line() as socket:
        await socket.send_json_to({"type": "hello", "key": key, "attempt": 2})
        assert (await socket.receive_output(5))["code"] == 4401

    async with crew.line() as socket:
        await socket.send_json_to({"type": "hello", "key": key, "attempt": 1})
        assert (await socket.receive_output(5))["code"] == 4409


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start_mode": "browser"}, "is started by the site"),
        ({"interactivity": "PUSH_TO_TALK"}, "has no button to hold"),
    ],
)
async def test_what_an_agent_of_ours_cannot_do_is_said_in_the_form(
    visitor: AsyncClient, custom: dict[str, Any], rooms: RoomRig, change: dict[str, str], words: str
) -> None:
    response = await visitor.post("/sessions/", {**custom, **change})

    assert response.status_code == 422
    assert words in response.content.decode()


async def test_without_a_livekit_of_ours_nobody_is_offered_an_agent(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, settings: Any
) -> None:
    settings.CUSTOM_AVAILABLE = False

    page = (await visitor.get("/")).content.decode()
    session = await create(visitor, {**choice, "answerer": "agent"})

    assert "Our own agent" not in page
    assert not session.is_custom


async def test_staff_with_the_permission_directs_a_running_agent(
    visitor: AsyncClient, crew: Agents, staff: User
) -> None:
    admin = AsyncClient()
    await admin.aforce_login(staff)
    path = f"/admin/sessions_app/avatarsession/{crew.session.pk}"

    async with conversing(visitor, crew) as (line, _):
        page = await admin.get(f"{path}/transcript/")
        await admin.post(f"{path}/direct/", {"command": "tone"})
        asked = await line.receive_json_from(5)
        await admin.post(f"{path}/direct/", {"command": "made up"})
        assert await line.receive_nothing()

    assert b"Play a test tone" in page.content
    assert asked == {"type": "do", "command": {"event_type": "avatar.test_tone"}}


async def test_staff_without_the_permission_directs_nobody(visitor: AsyncClient, crew: Agents) -> None:
    reader = await User.objects.acreate_user("reader", password="a long password", is_staff=True)
    await reader.user_permissions.aset(
        await sync_to_async(list)(Permission.objects.filter(codename__in=["view_transcript"]))
    )
    admin = AsyncClient()
    await admin.aforce_login(reader)
    path = f"/admin/sessions_app/avatarsession/{crew.session.pk}"

    async with conversing(visitor, crew):
        page = await admin.get(f"{path}/transcript/")
        refused = await admin.post(f"{path}/direct/", {"command": "tone"})

    assert b"Play a test tone" not in page.content
    assert refused.status_code == 403


def told(seq: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"seq": seq, "type": kind, "direction": "in", "at": 1763630000000 + seq, "payload": payload}


async def test_a_job_that_was_offered_again_takes_over_and_all_it_says_is_stored(
    visitor: AsyncClient, crew: Agents
) -> None:
    async with conversing(visitor, crew) as (old, _):
        said = [told(1, "avatar.transcription", text="We open at nine."), told(2, "avatar.speak_started")]
        await old.send_json_to({"type": "events", "events": said})
        await old.receive_json_from(5)

        async with crew.at_work(job="AJ_2") as (new, welcome):
            said = [told(1, "avatar.transcription", text="We have tea."), told(2, "avatar.speak_started")]
            await new.send_json_to({"type": "events", "events": said})
            assert await new.receive_json_from(5) == {"type": "ack", "ack": 2}
            await old.send_json_to({"type": "renew", "state": "speaking"})
            assert (await old.receive_output(5))["code"] == 4409
            await new.send_json_to({"type": "renew", "state": "speaking"})
            assert await new.receive_nothing()

    assert welcome["ack"] == 0
    assert welcome["history"] == [{"role": "avatar", "text": "We open at nine."}]
    turns = [(turn.said, turn.interrupted) async for turn in crew.session.turns.all()]
    assert turns == [("We open at nine.", True), ("We have tea.", False)]


async def test_an_agent_whose_line_broke_is_replaced_before_its_lease_lapses(
    visitor: AsyncClient, crew: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "RETURN_WITHIN", 0.0)

    async with conversing(visitor, crew):
        assert await replace_lost_agents() == 0

    assert await replace_lost_agents() == 1


async def test_an_agent_that_opens_its_line_again_keeps_its_lease(
    visitor: AsyncClient, crew: Agents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "RETURN_WITHIN", 0.0)

    async with conversing(visitor, crew):
        pass
    async with crew.at_work():
        assert await replace_lost_agents() == 0
