"""The media websocket of LITE sessions (LiveAvatar docs, lite-mode events): a pipe between a caller and a worker.

The protocol is spoken in the worker. Here connections come and go, and nobody waits for a caller that does not read.
"""

import contextlib
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSCloseCode, web

from simulator.media_connection import ABNORMAL, Connection, accept
from simulator.worker import WorkerFailed

PATH = "/media/"
Order = Callable[..., Awaitable[None]]


class MediaSockets:
    """The websockets of all sessions, each under a secret of its own, which is all that a caller shows."""

    def __init__(self, url: str) -> None:
        """`url` is the server's, "ws://host:port"."""
        self._url = url
        self._sockets: dict[str, MediaSocket] = {}

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(PATH + "{secret}", self._serve)

    def open(self, order: Order) -> "MediaSocket":
        """A new one; `order(do, **members)` reaches its session's worker, or raises WorkerFailed."""
        secret = secrets.token_urlsafe(24)
        socket = MediaSocket(f"{self._url}{PATH}{secret}", order, lambda: self._sockets.pop(secret, None))
        self._sockets[secret] = socket
        return socket

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """Any origin, any query, no authorisation: seen in the web SDK and others."""
        socket = self._sockets.get(request.match_info["secret"])
        if socket is None:
            raise web.HTTPNotFound(text="There is no such media websocket: the session is over, or never was")
        return await socket.serve(request)


class MediaSocket:
    """One session's. Callers may connect as often as they like: the newest connection counts."""

    def __init__(self, url: str, order: Order, forget: Callable[[], object]) -> None:
        self.url = url
        self._order = order
        self._forget = forget
        self._current: Connection | None = None
        self._count = 0
        self._closed: tuple[int, str] | None = None

    @property
    def connected(self) -> bool:
        """Whether a caller is connected now."""
        return self._current is not None

    def send(self, connection: int, frame: str) -> None:
        """Pass a frame on to the caller of that connection, unless it has gone. Never waits."""
        if self._current is not None and self._current.number == connection:
            self._current.send(frame)

    def drop(self, code: int = ABNORMAL) -> None:
        """Cut the caller off: with that close code, or (1006) without a word. It may connect again."""
        if self._current is not None:
            self._current.end(code, "dropped on demand")

    async def close(self, code: int, reason: str) -> None:
        """Let the caller read the last frames, close the connection, and take no new one."""
        self._forget()
        self._closed = (code, reason)
        if self._current is not None:
            self._current.end(code, reason)
            await self._current.gone.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Carry frames in both directions until either side has enough."""
        response = await accept(request)
        self._count += 1
        connection = Connection(self._count, request, response)
        if self._current is not None:
            # Not an error code: a caller that reconnects after errors would fight its successor.
            self._current.end(WSCloseCode.OK, "replaced by a newer connection")
        self._current = connection
        if self._closed is not None:  # during the handshake
            connection.end(*self._closed)
        try:
            await connection.run(self._carry(connection))
        finally:
            connection.gone.set()  # first, for a worker that hangs does not read the news
            if self._current is connection:
                self._current = None
                await self._tell_worker("socket", **{"is": "closed"})
        return response

    async def _carry(self, connection: Connection) -> None:
        """From the caller to the worker. As fast as that one reads: the caller is held back by TCP."""
        await self._tell_worker("socket", **{"is": "open", "connection": connection.number})
        while (frame := await connection.receive()) is not None and self._current is connection:
            await self._tell_worker("media", connection=connection.number, **frame)

    async def _tell_worker(self, do: str, **members: Any) -> None:
        # When it is leaving, or dead, the session ends and closes this socket.
        with contextlib.suppress(WorkerFailed):
            await self._order(do, **members)
