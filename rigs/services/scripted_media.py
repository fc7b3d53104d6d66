"""A scripted media websocket: the service's end of `liveavatar.media_socket`."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from liveavatar.media_socket import Pace
from rigs.rooms.room_rig import PATIENCE

# Options of a client that times out and retries at once.
QUICK: dict[str, Any] = {"pace": Pace(ready=0.1), "retry_after": (0.01, 0.01, 0.01)}
CONNECTED = {"type": "session.state_updated", "state": "connected"}


class ScriptedMedia:
    """Keeps the commands of clients. Every client that connects gets `greeting`."""

    def __init__(self) -> None:
        self.url = ""
        self.greeting: list[dict[str, Any]] = [CONNECTED]
        self.refusal: int | None = None  # an HTTP status for the next handshakes
        self.connections = 0
        self.commands: list[dict[str, Any]] = []
        self._socket: web.WebSocketResponse | None = None
        self._news = asyncio.Condition()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        async with self._news:
            self.connections += 1
            self._news.notify_all()
        if self.refusal is not None:
            return web.json_response({"code": 4004}, status=self.refusal)
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        self._socket = socket
        for message in self.greeting:
            await socket.send_json(message)
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                async with self._news:
                    self.commands.append(json.loads(frame.data))
                    self._news.notify_all()
        return socket

    async def say(self, *messages: dict[str, Any] | str) -> None:
        assert self._socket is not None
        for message in messages:
            await self._socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def close(self, code: int = WSCloseCode.OK) -> None:
        assert self._socket is not None
        await self._socket.close(code=code)

    async def drop(self) -> None:
        """Drop the connection without a closing handshake."""
        assert self._socket is not None
        request = self._socket._req
        assert request is not None
        assert request.transport is not None
        request.transport.abort()

    async def command(self, kind: str, count: int = 1) -> dict[str, Any]:
        """Wait for the `count`th command of a kind."""
        async with self._news, asyncio.timeout(PATIENCE):
            while len(found := self.of(kind)) < count:
                await self._news.wait()
            return found[count - 1]

    async def connected(self, count: int) -> None:
        async with self._news, asyncio.timeout(PATIENCE):
            while self.connections < count:
                await self._news.wait()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [command for command in self.commands if command["type"] == kind]

    def sound(self) -> list[bytes]:
        return [base64.b64decode(command["audio"], validate=True) for command in self.of("agent.speak")]


@asynccontextmanager
async def scripted_media() -> AsyncIterator[ScriptedMedia]:
    media = ScriptedMedia()
    app = web.Application()
    app.router.add_get("/media/secret-of-the-url", media.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    media.url = f"ws://127.0.0.1:{port}/media/secret-of-the-url"
    try:
        yield media
    finally:
        await runner.cleanup()
