"""Scripted agents of CUSTOM sessions, which connect to the site when they are dispatched."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import jwt
from django.test import AsyncClient
from django.utils import timezone
from livekit import api

from rigs.rooms.room_rig import API_SECRET, PATIENCE, RoomRig
from rigs.site_requests import start
from rigs.site_socket import SiteSocket
from sessions_app.models import AgentLease, AvatarSession

LITE_START = {
    "session_id": "remote",
    "livekit_url": "ws://rooms.test",
    "livekit_client_token": "canary-client-token",
    "livekit_agent_token": "canary-agent-token",
    "ws_url": "ws://media.test/canary-secret",
    "max_session_duration": 600,
}


class Agents:
    """Reads the dispatches of a session's room, and connects to the site as their agent."""

    def __init__(self, rooms: RoomRig, session: AvatarSession) -> None:
        self.rooms = rooms
        self.session = session

    async def assignment(self, attempt: int = 1) -> dict[str, Any]:
        """Wait for the dispatch of that attempt, and return its metadata."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for dispatch in await self.dispatches():
                    metadata: dict[str, Any] = json.loads(dispatch.metadata)
                    if metadata["attempt"] == attempt:
                        return metadata
                await asyncio.sleep(0.01)

    async def dispatches(self) -> list[api.AgentDispatch]:
        if not await rooms_left(self.rooms, self.session):
            return []  # a livekit-server looks for a missing room for seconds
        found = await self.rooms.dispatch.list_dispatch(self.session.own_room)
        # Servers also list the dispatch without a name that every room has.
        return [dispatch for dispatch in found if dispatch.agent_name]

    @asynccontextmanager
    async def line(self) -> AsyncIterator[SiteSocket]:
        path = f"/ws/agents/{self.session.key}/"
        socket = SiteSocket(path, [(b"host", b"testserver")])
        assert (await socket.connect())[0]
        try:
            yield socket
        finally:
            await socket.disconnect()

    @asynccontextmanager
    async def at_work(
        self, attempt: int = 1, job: str = "AJ_1"
    ) -> AsyncIterator[tuple[SiteSocket, dict[str, Any]]]:
        """Connect an agent that says hello; yields its socket and its welcome."""
        assignment = await self.assignment(attempt)
        async with self.line() as socket:
            await socket.send_json_to(
                {"type": "hello", "key": assignment["key"], "attempt": attempt, "job": job}
            )
            yield socket, await socket.receive_json_from()


@asynccontextmanager
async def conversing(visitor: AsyncClient, crew: Agents) -> AsyncIterator[tuple[SiteSocket, dict[str, Any]]]:
    """Start the session with an agent; yields the agent's socket and its start frame."""
    starting = asyncio.create_task(start(visitor, crew.session))
    async with crew.at_work() as (line, _):
        begun = await line.receive_json_from()
        response = await starting
        assert response.status_code == 200, response.content
        yield line, begun


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, API_SECRET, algorithms=["HS256"])


async def rooms_left(rooms: RoomRig, session: AvatarSession) -> list[str]:
    listed = await rooms.service.list_rooms(api.ListRoomsRequest(names=[session.own_room]))
    return [room.name for room in listed.rooms]


async def silence(session: AvatarSession) -> None:
    """Make the lease as old as that of an agent that has been silent for a minute."""
    past = timezone.now() - timedelta(minutes=1)
    await AgentLease.objects.filter(session=session).aupdate(renewed_at=past)


def told(seq: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"seq": seq, "type": kind, "direction": "in", "at": 1763630000000 + seq, "payload": payload}
