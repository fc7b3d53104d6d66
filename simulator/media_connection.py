"""One client connection of a media websocket. Its outgoing queue and the time it takes to close are bounded."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

logger = logging.getLogger(__name__)

LONGEST_FRAME = 1 << 20  # bytes; the documentation says about 1 MB per packet
# Frames from 1 to 4 MiB are answered with an `error` event; larger ones close the socket with 1009.
LONGEST_READ = 4 << 20
# Queued frames. Further frames are dropped, because some clients, such as livekit-starter, never read.
OUTBOX = 1000
CLOSING = 1.0  # seconds for sending the last frames, and again for the client's part of the closing handshake

ABNORMAL = 1006  # the code a client reports when the connection ends without a closing handshake


async def accept(request: web.Request) -> web.WebSocketResponse:
    """Answer the handshake. Switch off aiohttp's automatic pong and close: both wait until the client reads."""
    response = web.WebSocketResponse(
        autoping=False, autoclose=False, compress=False, timeout=CLOSING, max_msg_size=LONGEST_READ
    )
    await response.prepare(request)
    return response


class Connection:
    """A websocket with a queue of outgoing frames. `gone` is set when the connection is closed."""

    def __init__(self, number: int, request: web.Request, response: web.WebSocketResponse) -> None:
        self.number = number
        self.gone = asyncio.Event()
        self._request = request
        self._response = response
        self._outbox: asyncio.Queue[tuple[WSMsgType, bytes]] = asyncio.Queue(OUTBOX)
        self._is_behind = False
        self._ending: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def send(self, frame: str) -> None:
        """Queue a text frame; drop it when the queue is full."""
        self._put(WSMsgType.TEXT, frame.encode())

    def end(self, code: int, reason: str) -> None:
        """Begin to close. Only the first call counts."""
        if not self._ending.done():
            self._ending.set_result((code, reason))

    async def run(self, carrying: Coroutine[Any, Any, None]) -> None:
        """Send queued frames while `carrying` receives. Close when either stops or `end` is called."""
        reading = asyncio.create_task(carrying, name="media reader")
        writing = asyncio.create_task(self._write(), name="media writer")
        try:
            ends: set[asyncio.Future[Any]] = {reading, writing, self._ending}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await _cancelled(reading)
            self.end(WSCloseCode.OK, "")
            await self._close(writing, *self._ending.result())
        finally:
            await _cancelled(reading)
            await _cancelled(writing)

    async def receive(self) -> dict[str, str | None] | None:
        """Return the next frame as members of the worker's "media" command; None when the client has closed.

        The frame is None, with the reason in `why`, when it is too long or binary.
        """
        while True:
            message: WSMessage = await self._response.receive()
            match message.type:
                case WSMsgType.TEXT if (size := len(message.data.encode())) > LONGEST_FRAME:
                    why = f"A frame of {size} bytes: at most {LONGEST_FRAME} are taken"
                    return {"frame": None, "why": f"{why}. Send the audio in pieces of about one second"}
                case WSMsgType.TEXT:
                    return {"frame": message.data}
                case WSMsgType.BINARY:
                    return {"frame": None, "why": "A binary frame: commands are JSON in text frames"}
                case WSMsgType.PING:
                    # Use the queue: aiohttp's own pong waits until the client reads.
                    self._put(WSMsgType.PONG, message.data)
                case WSMsgType.PONG:
                    pass
                case _:
                    return None

    def _put(self, kind: WSMsgType, payload: bytes) -> None:
        try:
            self._outbox.put_nowait((kind, payload))
        except asyncio.QueueFull:
            if not self._is_behind:
                self._is_behind = True
                logger.warning(
                    "a media websocket's client does not read: %d frames queued, dropping more", OUTBOX
                )

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                kind, payload = await self._outbox.get()
                await self._response.send_frame(payload, kind)
                self._outbox.task_done()

    async def _close(self, writing: asyncio.Task[None], code: int, reason: str) -> None:
        closed = False
        try:
            if code != ABNORMAL and await self._flushed(writing):
                async with asyncio.timeout(2 * CLOSING):
                    await self._response.close(code=code, message=reason.encode())
                closed = True
        except (TimeoutError, ConnectionError):
            logger.info("a media websocket's client did not answer the close frame")
        finally:
            if not closed and self._request.transport is not None:
                self._request.transport.abort()

    async def _flushed(self, writing: asyncio.Task[None]) -> bool:
        """Send the queued frames for at most `CLOSING` seconds, then stop writing. Tell whether all were sent."""
        flushing = asyncio.create_task(self._outbox.join())
        done, _ = await asyncio.wait(
            {flushing, writing}, timeout=CLOSING, return_when=asyncio.FIRST_COMPLETED
        )
        await _cancelled(flushing)
        await _cancelled(writing)
        return flushing in done


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
