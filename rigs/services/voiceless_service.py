"""The service without avatars: it starts CUSTOM sessions and discards their audio in real time.

It serves to measure a crowd of conversations without the cost of the avatars. All other requests go to a simulator.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from aiohttp import WSMsgType, web

from liveavatar.pcm import BYTES_PER_SECOND
from rigs.services.simulated_service import KEY

DURATION = 3600  # seconds


@dataclass
class VoicelessSession:
    """`heard` holds the lengths of its utterances in seconds."""

    id: str
    heard: list[float] = field(default_factory=list)
    stopped: bool = False


class VoicelessService:
    """The service. Set `catalogue` to the simulator's URL before the first visitor comes."""

    def __init__(self) -> None:
        self.url = self.catalogue = ""
        self.sessions: dict[str, VoicelessSession] = {}
        self._http = httpx.AsyncClient(headers=KEY)
        self._websockets: set[web.WebSocketResponse] = set()

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/v1/sessions/token", self._mint)
        app.router.add_post("/v1/sessions/start", self._start)
        app.router.add_post("/v1/sessions/stop", self._stop)
        app.router.add_post("/v1/sessions/keep-alive", self._agree)
        app.router.add_get("/media/{session_id}", self._media)
        app.router.add_get("/{path:.*}", self._from_catalogue)

    async def close(self) -> None:
        for socket in list(self._websockets):
            await socket.close()
        await self._http.aclose()

    async def _mint(self, request: web.Request) -> web.Response:
        session = VoicelessSession(str(uuid4()))
        self.sessions[session.id] = session
        return _ok({"session_id": session.id, "session_token": session.id})

    async def _start(self, request: web.Request) -> web.Response:
        session_id = request.headers["Authorization"].removeprefix("Bearer ")
        media = f"{self.url.replace('http', 'ws')}/media/{session_id}"
        return _ok({"session_id": session_id, "ws_url": media, "max_session_duration": DURATION}, 201)

    async def _stop(self, request: web.Request) -> web.Response:
        self.sessions[(await request.json())["session_id"]].stopped = True
        return _ok(None)

    async def _agree(self, request: web.Request) -> web.Response:
        return _ok(None)

    async def _from_catalogue(self, request: web.Request) -> web.Response:
        answer = await self._http.get(f"{self.catalogue}{request.path_qs}")
        return web.json_response(answer.json(), status=answer.status_code)

    async def _media(self, request: web.Request) -> web.StreamResponse:
        session = self.sessions[request.match_info["session_id"]]
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        self._websockets.add(socket)
        player = _Player(socket, session)
        try:
            await socket.send_json({"type": "session.state_updated", "state": "connected"})
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    await player.obey(json.loads(frame.data))
        finally:
            await player.interrupt()
            self._websockets.discard(socket)
        return socket


class _Player:
    """Waits for the length of each utterance and reports its start and end."""

    def __init__(self, socket: web.WebSocketResponse, session: VoicelessSession) -> None:
        self._socket = socket
        self._session = session
        self._id = ""
        self._seconds = 0.0
        self._begun = 0.0
        self._playing: asyncio.Task[None] | None = None

    async def obey(self, command: dict[str, Any]) -> None:
        match command["type"]:
            case "agent.speak":
                if not self._id:
                    self._id, self._seconds = command["event_id"], 0.0
                    self._begun = asyncio.get_running_loop().time()
                    await self._tell("agent.speak_started")
                self._seconds += len(base64.b64decode(command["audio"])) / BYTES_PER_SECOND
            case "agent.speak_end" if self._id:
                self._playing = asyncio.create_task(self._play_out())
            case "agent.interrupt":
                await self.interrupt()

    async def interrupt(self) -> None:
        if self._playing is not None:
            self._playing.cancel()
            await asyncio.wait({self._playing})
        self._id = ""

    async def _play_out(self) -> None:
        await asyncio.sleep(self._begun + self._seconds - asyncio.get_running_loop().time())
        self._session.heard.append(self._seconds)
        await self._tell("agent.speak_ended")
        self._id = ""

    async def _tell(self, kind: str) -> None:
        with suppress(ConnectionError):
            await self._socket.send_json(
                {"type": kind, "event_id": str(uuid4()), "source_event_id": self._id}
            )


def _ok(data: object, status: int = 200) -> web.Response:
    return web.json_response({"code": 1000, "data": data, "message": "success"}, status=status)


@asynccontextmanager
async def voiceless_service() -> AsyncIterator[VoicelessService]:
    """Serve it on a free port of loopback while the context is open."""
    service = VoicelessService()
    app = web.Application()
    service.add_routes(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield service
    finally:
        await service.close()
        await runner.cleanup()
