"""The media websockets of LITE sessions (LiveAvatar docs, lite-mode events).

The parent process accepts the connections and forwards frames between client and worker. The worker implements the
protocol. A client that does not read never blocks the parent.
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
    """The media websockets of all sessions. Each has a secret URL; clients need no other authentication."""

    def __init__(self, url: str) -> None:
        """`url` is the server's, "ws://host:port"."""
        self._url = url
        self._sockets: dict[str, MediaSocket] = {}

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get(PATH + "{secret}", self._serve)

    def open(self, order: Order) -> "MediaSocket":
        """Create a session's websocket. `order(do, **members)` sends to its worker, or raises WorkerFailed."""
        secret = secrets.token_urlsafe(24)
        socket = MediaSocket(f"{self._url}{PATH}{secret}", order, lambda: self._sockets.pop(secret, None))
        self._sockets[secret] = socket
        return socket

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """Accept any origin and query without an Authorization header: clients such as the web SDK send none."""
        socket = self._sockets.get(request.match_info["secret"])
        if socket is None:
            raise web.HTTPNotFound(
                text="There is no such media websocket: its session has ended or never existed"
            )
        return await socket.serve(request)


class MediaSocket:
    """The media websocket of one session. A new connection replaces the current one."""

    def __init__(self, url: str, order: Order, forget: Callable[[], object]) -> None:
        self.url = url
        self._order = order
        self._forget = forget
        self._current: Connection | None = None
        self._count = 0
        self._closed: tuple[int, str] | None = None

    @property
    def connected(self) -> bool:
        """Whether a client is connected."""
        return self._current is not None

    def send(self, connection: int, frame: str) -> None:
        """Queue a frame for the client of that connection; drop it if the client is gone. Never waits."""
        if self._current is not None and self._current.number == connection:
            self._current.send(frame)

    def drop(self, code: int = ABNORMAL) -> None:
        """Disconnect the client with `code`; 1006 aborts TCP. The client may connect again."""
        if self._current is not None:
            self._current.end(code, "dropped on demand")

    async def close(self, code: int, reason: str) -> None:
        """Send the queued frames, close the connection and refuse new ones."""
        self._forget()
        self._closed = (code, reason)
        if self._current is not None:
            self._current.end(code, reason)
            await self._current.gone.wait()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Accept a connection and forward frames in both directions until either side closes it."""
        response = await accept(request)
        self._count += 1
        connection = Connection(self._count, request, response)
        if self._current is not None:
            # 1000: after an error code the replaced client would reconnect and replace its successor in turn.
            self._current.end(WSCloseCode.OK, "replaced by a newer connection")
        self._current = connection
        if self._closed is not None:  # `close` was called during the handshake
            connection.end(*self._closed)
        try:
            await connection.run(self._carry(connection))
        finally:
            connection.gone.set()  # first: a worker that hangs would delay it
            if self._current is connection:
                self._current = None
                await self._tell_worker("socket", **{"is": "closed"})
        return response

    async def _carry(self, connection: Connection) -> None:
        """Forward frames from the client to the worker. A slow worker slows down the client through TCP."""
        await self._tell_worker("socket", **{"is": "open", "connection": connection.number})
        while (frame := await connection.receive()) is not None and self._current is connection:
            await self._tell_worker("media", connection=connection.number, **frame)

    async def _tell_worker(self, do: str, **members: Any) -> None:
        # A worker that is gone ends the session, and the session closes this socket.
        with contextlib.suppress(WorkerFailed):
            await self._order(do, **members)
