"""The signalling websocket: the join request, and an outbound queue that never waits for its client."""

import asyncio
import base64
import binascii
import contextlib
import gzip
import logging
from dataclasses import dataclass, field

from aiohttp import web
from google.protobuf.message import DecodeError, Message
from livekit.protocol import rtc as R

logger = logging.getLogger(__name__)

OUTBOX_LIMIT = 4 << 20  # bytes not yet sent; a client with more is dead or will never catch up
HEARTBEAT = 10.0  # seconds between websocket pings; a lost client is noticed within 1.5 times this
CLOSE_TIMEOUT = 1.0  # seconds to wait for a client's close frame
FRAME_LIMIT = 1 << 20  # bytes of one incoming message; an SDP offer is about 10 kB


class BadJoin(Exception):
    """The join request cannot be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The options with which a client opens the signalling websocket."""

    single: bool  # v1: one peer connection for both directions; the client makes all offers
    auto_subscribe: bool
    resume_sid: str = ""  # PA_...: the client resumes this participant
    offer: R.SessionDescription | None = None
    tracks: list[R.AddTrackRequest] = field(default_factory=list)


def read_v0(request: web.Request) -> Invitation:
    """Read the query of `GET /rtc` (livekit-client 2.15.7, livekit-rtc 1.1.21)."""
    query = request.query
    return Invitation(
        single=False,
        auto_subscribe=query.get("auto_subscribe", "1") in ("1", "true"),
        resume_sid=query.get("sid", "") if query.get("reconnect") == "1" else "",
    )


def read_v1(request: web.Request) -> Invitation:
    """Read the query of `GET /rtc/v1` (livekit-client 2.23.0). Raises `BadJoin`."""
    text = request.query.get("join_request", "").rstrip("=")
    if not text:
        raise BadJoin("join_request is missing")
    try:
        padded = text + "=" * (-len(text) % 4)
        wrapped = R.WrappedJoinRequest.FromString(base64.b64decode(padded, b"-_", validate=True))
        packed = wrapped.compression == R.WrappedJoinRequest.GZIP
        join = R.JoinRequest.FromString(
            gzip.decompress(wrapped.join_request) if packed else wrapped.join_request
        )
    except (binascii.Error, ValueError, OSError, EOFError, DecodeError) as error:
        raise BadJoin(f"join_request cannot be read: {error}") from error
    return Invitation(
        single=True,
        auto_subscribe=join.connection_settings.auto_subscribe,
        resume_sid=join.participant_sid if join.reconnect else "",
        offer=join.publisher_offer if join.HasField("publisher_offer") else None,
        tracks=list(join.add_track_requests),
    )


class Signal:
    """The websocket to one client. `send` never blocks; a client that stops reading is disconnected."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.overflowed = False
        self._request = request
        self._socket = socket
        self._outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._backlog = 0  # bytes in the outbox
        self._writer = asyncio.create_task(self._write(), name="signal writer")

    def send(self, message: Message) -> None:
        if self.overflowed:
            return
        frame = message.SerializeToString()
        self._backlog += len(frame)
        self._outbox.put_nowait(frame)
        if self._backlog > OUTBOX_LIMIT:
            self.overflowed = True
            if self._request.transport is not None:
                self._request.transport.abort()

    def finish(self) -> None:
        """Close the websocket when everything sent so far has been written."""
        self._outbox.put_nowait(None)

    async def closed(self) -> None:
        """Wait until either side has closed the websocket."""
        await asyncio.wait([self._writer])

    async def close(self) -> None:
        """Cancel the writer. Call when the reader has ended; by then the websocket is closed."""
        self._writer.cancel()
        await self.closed()

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):  # the reader sees it as well, and handles it
            while (frame := await self._outbox.get()) is not None:
                await self._socket.send_bytes(frame)
                self._backlog -= len(frame)
            await self._socket.close()
