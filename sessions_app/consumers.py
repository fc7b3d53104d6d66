"""The page's websocket: events in, acknowledgements and changes of state out. See docs/protocol.md."""

import asyncio
import json
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from sessions_app import ingest, tickets
from sessions_app.events import MAX_FRAME, InvalidFrame, parse_events, parse_frame, parse_source, refusal
from sessions_app.models import AvatarSession
from sessions_app.presence import presence
from sessions_app.service import avatar_service
from sessions_app.services import follow, group_of

HELLO_WITHIN = 10  # seconds
WINDOW = 256  # events a page may have unacknowledged

BAD_FRAME = 4400
BAD_TICKET = 4401
NOT_YOURS = 4404
NO_HELLO = 4408


class SessionConsumer(AsyncWebsocketConsumer):
    """One page of one session. An acknowledgement means that the events are committed."""

    session: AvatarSession | None = None
    source = ""
    _deadline: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Channels calls disconnect() only when the page hangs up, not when receive() raises.
            await self._gone()

    async def connect(self) -> None:
        # A refused handshake reaches a page only as 1006, so it is accepted and closed with a code.
        await self.accept()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(
            HELLO_WITHIN, lambda: loop.create_task(self.close(NO_HELLO), name="no hello")
        )

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if text_data is None:
                raise InvalidFrame("frames are text")
            frame = parse_frame(text_data)
            if self.session is None:
                await self._hello(frame)
            elif frame["type"] == "events":
                await self._events(self.session, frame)
            else:
                raise InvalidFrame(f"a frame of type {frame['type'][:40]!r} is not expected here")
        except InvalidFrame as error:
            await self._send({"type": "error", "code": "frame.invalid", "message": str(error), "seq": None})
            await self.close(BAD_FRAME)

    async def session_changed(self, message: dict[str, Any]) -> None:
        """The session was started or ended by somebody else."""
        if self.session is not None:
            await self.session.arefresh_from_db()
            await self._send(_state_of(self.session))

    async def _hello(self, frame: dict[str, Any]) -> None:
        if frame["type"] != "hello":
            raise InvalidFrame("the first frame must be hello")
        source = parse_source(frame.get("source"))
        session = await self._own_session()
        if session is None:
            await self.close(NOT_YOURS)
            return
        if not await tickets.redeem(session, frame.get("ticket")):
            await self.close(BAD_TICKET)
            return
        self._cancel_deadline()
        await self.channel_layer.group_add(group_of(session.key), self.channel_name)
        self.session, self.source = session, source
        await presence.arrived(session)
        await session.arefresh_from_db()
        ack = await sync_to_async(ingest.last_seq)(session.pk, source)
        await self._send(
            {**_state_of(session), "type": "welcome", "ack": ack, "window": WINDOW, "max_frame": MAX_FRAME}
        )

    async def _events(self, session: AvatarSession, frame: dict[str, Any]) -> None:
        events, refused = parse_events(frame)
        for error in refused:
            await self._send({"type": "error", "code": error.code, "message": str(error), "seq": error.seq})
        kept = [*events, *map(refusal, refused)]
        ack = await sync_to_async(ingest.record)(session.pk, self.source, kept)
        await self._send({"type": "ack", "ack": ack})
        await follow(session, events, service=avatar_service())

    async def _gone(self) -> None:
        self._cancel_deadline()
        session, self.session = self.session, None
        if session is not None:
            presence.left(session.pk)
            await self.channel_layer.group_discard(group_of(session.key), self.channel_name)

    async def _own_session(self) -> AvatarSession | None:
        key: UUID = self.scope["url_route"]["kwargs"]["key"]
        visitor = await self.scope["session"].aget("visitor")
        if visitor is None:
            return None
        return await AvatarSession.objects.owned_by(UUID(visitor)).filter(key=key).afirst()

    async def _send(self, frame: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(frame))

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _state_of(session: AvatarSession) -> dict[str, Any]:
    return {
        "type": "state",
        "state": session.state,
        "end_reason": session.end_reason,
        "end_text": session.end_text,
    }
