"""Serves the site's websockets on a real port, in the test's own event loop, and can cut their connections."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import WSMsgType, web

from liveavatar_site.asgi import application

# The messages of the ASGI protocol are plain dictionaries here.
asgi_application: Any = application


class AsgiServer:
    """Serves websockets only. `connections` counts all that were made; `open` holds the current ones."""

    def __init__(self) -> None:
        self.connections = 0
        self.open: set[web.WebSocketResponse] = set()
        self.port = 0
        self._runner: web.AppRunner | None = None
        self._news = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Cut all connections and refuse new ones, as a process that ends does."""
        await self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def cut(self) -> None:
        """Cut all connections without a closing handshake."""
        for socket in self.open:
            request = socket._req
            if request is not None and request.transport is not None:
                request.transport.abort()
        await self._until(lambda: not self.open)

    async def connected(self, count: int) -> None:
        """Wait until the `count`th connection is made."""
        await self._until(lambda: self.connections >= count)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        incoming.put_nowait({"type": "websocket.connect"})
        accepted = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            with contextlib.suppress(ConnectionError):
                match message["type"]:
                    case "websocket.accept":
                        await socket.prepare(request)
                        accepted.set()
                    case "websocket.send":
                        await socket.send_str(message["text"])
                    case "websocket.close":
                        await socket.close(code=message.get("code", 1000))

        scope: Any = {
            "type": "websocket",
            "path": request.path,
            "raw_path": request.path.encode(),
            "query_string": request.query_string.encode(),
            "headers": [(b"host", b"testserver")],
            "subprotocols": [],
        }
        consumer = asyncio.create_task(asgi_application(scope, incoming.get, send))
        try:
            await accepted.wait()
            self.connections += 1
            self.open.add(socket)
            self._news.set()
            async for frame in socket:
                if frame.type is WSMsgType.TEXT:
                    incoming.put_nowait({"type": "websocket.receive", "text": frame.data})
        finally:
            self.open.discard(socket)
            self._news.set()
            incoming.put_nowait({"type": "websocket.disconnect", "code": socket.close_code or 1006})
            await asyncio.wait({consumer}, timeout=5)
        return socket


@contextlib.asynccontextmanager
async def asgi_server() -> AsyncIterator[AsgiServer]:
    server = AsgiServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
