"""A websocket that stays connected to one URL: the line to the media server of a CUSTOM session."""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from uuid import uuid4

import aiohttp

from liveavatar.pace import Pace

logger = logging.getLogger(__name__)

GONE = frozenset({401, 403, 404, 410})  # answers to a handshake that no retry changes
CLOSING = 1.0  # seconds for the closing handshake
LONGEST_FRAME = 4 << 20  # bytes that we take; the vendor sends a few hundred


class MediaSocketError(Exception):
    """The websocket could not be opened. The text never holds its URL, which is a secret."""


class MediaConnection:
    """Connects, reconnects after each of `retry_after` seconds in turn, and keeps the line alive.

    `over` is set, with the reason, when the session is over or cannot be reached any more.
    """

    def __init__(
        self,
        url: str,
        pace: Pace,
        retry_after: tuple[float, ...],
        *,
        on_frame: Callable[[str], None],
        on_drop: Callable[[], None],
    ) -> None:
        """`on_frame` gets every text frame; `on_drop` is called when a connection is gone."""
        self._url = url
        self._pace = pace
        self._retry_after = retry_after
        self._on_frame = on_frame
        self._on_drop = on_drop
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._last_sent = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._sending = asyncio.Lock()
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def is_connected(self) -> bool:
        return self._socket is not None

    async def open(self) -> None:
        """Connect, once. Raises MediaSocketError."""
        self._http = aiohttp.ClientSession()
        await self._connect()
        self._tasks = [
            asyncio.create_task(self._stay_connected(), name="media socket"),
            asyncio.create_task(self._keep_alive(), name="media keep-alive"),
        ]

    def end(self, why: str) -> None:
        """Neither send nor reconnect from now on. The first reason stays."""
        if not self.over.done():
            self.over.set_result(why)

    async def close(self) -> None:
        """End it and close the websocket."""
        self.end("we closed it")
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._hang_up()
        if self._http is not None:
            await self._http.close()

    async def send(self, message: Mapping[str, object]) -> bool:
        """Send one message as JSON. Return False when there is no connection to send it over."""
        async with self._sending:
            if self._socket is None or self.over.done():
                return False
            try:
                async with asyncio.timeout(self._pace.connect):
                    await self._socket.send_str(json.dumps(message))
            except (ConnectionError, aiohttp.ClientError):
                return False
            except TimeoutError:
                logger.warning(
                    "media websocket: the vendor has not read for %g s, closing it", self._pace.connect
                )
                await self._hang_up()
                return False
            self._last_sent = asyncio.get_running_loop().time()
            return True

    async def _connect(self) -> None:
        assert self._http is not None
        try:
            async with asyncio.timeout(self._pace.connect):
                self._socket = await self._http.ws_connect(self._url, max_msg_size=LONGEST_FRAME)
                self._last_sent = asyncio.get_running_loop().time()
                return
        except aiohttp.WSServerHandshakeError as error:
            if error.status in GONE:
                self.end(f"the vendor has no such session any more (HTTP {error.status})")
            why = f"the handshake was answered with HTTP {error.status}"
        except (aiohttp.InvalidURL, ValueError):
            why = "its address is no websocket URL"
        except TimeoutError:
            why = f"no answer within {self._pace.connect:g} s"
        except (aiohttp.ClientError, OSError) as error:
            why = f"the connection failed ({type(error).__name__})"
        # Raised out here, because the errors of aiohttp show the URL.
        raise MediaSocketError(f"the media websocket could not be opened: {why}")

    async def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._socket.close(), CLOSING)

    async def _stay_connected(self) -> None:
        """Read and reconnect until the session is over or no retry helps."""
        try:
            while True:
                code = await self._read()
                self._socket = None
                self._on_drop()
                if self.over.done():
                    return
                logger.warning("media websocket: closed with code %s, reconnecting", code)
                if not await self._reconnect():
                    return
        finally:
            self.end("the media websocket could not be opened again")

    async def _read(self) -> int | None:
        """Pass on text frames until the connection is closed. Return its close code."""
        assert self._socket is not None
        async for frame in self._socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                self._on_frame(frame.data)
        return self._socket.close_code

    async def _reconnect(self) -> bool:
        for pause in self._retry_after:
            await asyncio.wait({self.over}, timeout=pause)
            if self.over.done():
                return False
            try:
                await self._connect()
            except MediaSocketError as error:
                logger.warning("%s", error)
            else:
                return True
        return False

    async def _keep_alive(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._last_sent + self._pace.keep_alive - loop.time())
            if loop.time() >= self._last_sent + self._pace.keep_alive:
                await self.send({"type": "session.keep_alive", "event_id": str(uuid4())})
                self._last_sent = loop.time()
