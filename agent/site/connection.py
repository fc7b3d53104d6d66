"""One websocket connection to the site, from hello to close."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import aiohttp

from agent.site.frames import History, SiteFrame, Welcome, parse_frame
from agent.site.job_metadata import JobMetadata
from agent.site.outbox import Outbox

HELLO_TIMEOUT = 5.0  # seconds, for the handshake and again for the welcome
CLOSE_TIMEOUT = 1.0  # seconds, for the closing handshake


class Outgoing:
    """What the agent has to send. It outlives connections."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.state = "waiting"  # sent with every renewal of the lease, and when it changes
        self.history: asyncio.Future[History] | None = None  # the newest request
        self.changed = asyncio.Event()


class SiteConnection:
    """Sends from `outgoing`, and passes every frame of the site to `on_frame`."""

    def __init__(
        self, job: JobMetadata, job_id: str, outgoing: Outgoing, on_frame: Callable[[SiteFrame], None]
    ) -> None:
        self._job = job
        self._job_id = job_id
        self._outgoing = outgoing
        self._on_frame = on_frame

    async def run(self, http: aiohttp.ClientSession, ended: asyncio.Future[Any]) -> int | None:
        """Stay connected until the site closes or `ended` is done; return the close code.

        Raises aiohttp.ClientError, OSError or TimeoutError, and ValueError for a frame that cannot be read.
        """
        async with asyncio.timeout(HELLO_TIMEOUT):
            socket = await http.ws_connect(
                self._job.socket_url, heartbeat=10, timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT)
            )
        receiving = asyncio.create_task(self._receive(socket), name="receive from the site")
        try:
            await asyncio.wait({receiving, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()
            await asyncio.wait({receiving})
            await socket.close()
        if not receiving.cancelled():
            receiving.result()
        return socket.close_code

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        sending: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(HELLO_TIMEOUT) as until_welcome:
                hello = {"key": self._job.key, "attempt": self._job.attempt, "job": self._job_id}
                await socket.send_json({"type": "hello", **hello})
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        continue
                    frame = parse_frame(message.data)
                    if frame is not None:
                        self._on_frame(frame)
                    if isinstance(frame, Welcome) and sending is None:
                        until_welcome.reschedule(None)
                        sending = asyncio.create_task(
                            self._send(socket, frame.renew_every), name="send to the site"
                        )
        finally:
            if sending is not None:
                sending.cancel()
                await asyncio.wait({sending})

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, renew_every: float) -> None:
        """Send what is new, and renew the lease every `renew_every` seconds."""
        clock, outgoing = asyncio.get_running_loop().time, self._outgoing
        renew_at, sent_state = clock(), outgoing.state
        requested: asyncio.Future[History] | None = None
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # `_receive` notices the loss
            while True:
                outgoing.changed.clear()  # before looking: a change during a send is not missed
                if clock() >= renew_at or outgoing.state != sent_state:
                    sent_state = outgoing.state
                    await socket.send_json({"type": "renew", "state": sent_state})
                    renew_at = clock() + renew_every
                if outgoing.history is not requested:
                    requested = outgoing.history
                    await socket.send_json({"type": "history"})
                if frame := outgoing.outbox.next_frame():
                    await socket.send_str(frame)
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(renew_at):
                        await outgoing.changed.wait()
