"""How a CUSTOM session starts, and what a failed start cleans up."""

import asyncio
import json
from typing import Any

import pytest
from django.test import AsyncClient
from livekit import api

from rigs.agent.leased_agents import LITE_START, Agents, claims, conversing, rooms_left
from rigs.rooms.room_rig import RoomRig
from rigs.site_requests import create, start
from rigs.vendor import Vendor
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AgentLease, AvatarSession
from sessions_app.states import State

pytestmark = pytest.mark.django_db(transaction=True)


async def test_the_page_gets_its_own_token_and_the_avatar_joins_our_room(
    visitor: AsyncClient, crew: Agents, vendor: Vendor
) -> None:
    starting = asyncio.create_task(start(visitor, crew.session))
    async with crew.at_work() as (line, welcome):
        begun = await line.receive_json_from()
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

    # Only the agent waits in this room, and livekit-server counts a room with only agents as empty.
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


async def test_an_unanswered_dispatch_is_repeated(visitor: AsyncClient, crew: Agents, settings: Any) -> None:
    settings.AGENT_HELLO_WITHIN = 0.5
    starting = asyncio.create_task(start(visitor, crew.session))
    await crew.assignment(attempt=1)
    settings.AGENT_HELLO_WITHIN = 5  # for the next one

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


async def test_an_unreachable_room_server_fails_the_start_before_the_service_is_asked(
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
        assert (await line.receive_json_from())["type"] == "end"

    assert response.json()["error"]["code"] == "service.no_credits"
    assert await rooms_left(crew.rooms, crew.session) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"start_mode": "browser"}, "is started by the site"),
        ({"interactivity": "PUSH_TO_TALK"}, "has no button to hold"),
    ],
)
async def test_the_form_says_what_our_own_agent_cannot_do(
    visitor: AsyncClient, custom: dict[str, Any], rooms: RoomRig, change: dict[str, str], words: str
) -> None:
    response = await visitor.post("/sessions/", {**custom, **change})

    assert response.status_code == 422
    assert words in response.content.decode()


async def test_without_a_livekit_server_the_lobby_offers_no_agent(
    visitor: AsyncClient, choice: dict[str, Any], vendor: Vendor, presence: Presence, settings: Any
) -> None:
    settings.CUSTOM_AVAILABLE = False

    page = (await visitor.get("/")).content.decode()
    session = await create(visitor, {**choice, "answerer": "agent"})

    assert "Our own agent" not in page
    assert not session.is_custom
