"""CUSTOM sessions with a scripted service and real room servers: the embedded one and livekit-server."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from django.test import AsyncClient

from rigs.agent.leased_agents import LITE_START, Agents
from rigs.rooms.room_rig import API_KEY, API_SECRET, EVERY_SERVER, RoomRig
from rigs.site_requests import create
from rigs.vendor import CONTEXT, Vendor
from sessions_app.custom.livekit_server import livekit_server
from sessions_app.lifecycle.presence import Presence
from sessions_app.models import AvatarSession


@pytest.fixture(params=EVERY_SERVER)
async def rooms(request: pytest.FixtureRequest, settings: Any, vendor: Vendor) -> AsyncIterator[RoomRig]:
    """Our LiveKit server. The scripted service starts CUSTOM sessions."""
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
    await livekit_server.aclose()
    await rig.close()


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
