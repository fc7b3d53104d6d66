"""The page's websocket: events in, acknowledgements and changes of state out. See docs/protocol.md."""

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async

from sessions_app.events import ingest
from sessions_app.events.bell import page_group
from sessions_app.events.frames import (
    MAX_FRAME,
    InvalidFrame,
    parse_events,
    parse_frame,
    parse_source,
    refusal,
)
from sessions_app.lifecycle.presence import presence
from sessions_app.lifecycle.reported import apply_page_events
from sessions_app.models import AvatarSession
from sessions_app.sockets import tickets
from sessions_app.sockets.hello import BAD_FRAME, IntroducedConsumer

WINDOW = 256  # events that a page may send before they are acknowledged

BAD_TICKET = 4401
NOT_YOURS = 4404


class SessionConsumer(IntroducedConsumer):
    """One page of one session. An acknowledgement means that the events are committed."""

    session: AvatarSession | None = None
    source = ""
    told: dict[str, Any] | None = None  # the state that the page knows

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
            await self.send_frame(
                {"type": "error", "code": "frame.invalid", "message": str(error), "seq": None}
            )
            await self.close(BAD_FRAME)

    async def session_changed(self, message: dict[str, Any]) -> None:
        """Send the session's new state: the site, staff or another page changed it."""
        if self.session is not None:
            await self.session.arefresh_from_db()
            state = _state_of(self.session)
            if state != self.told:  # the end is announced more than once
                self.told = state
                await self.send_frame(state)

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
        self.introduced()
        await self.channel_layer.group_add(page_group(session.key), self.channel_name)
        self.session, self.source = session, source
        await presence.arrived(session)
        await session.arefresh_from_db()
        ack = await sync_to_async(ingest.last_seq)(session.pk, source)
        self.told = _state_of(session)
        await self.send_frame(
            {**self.told, "type": "welcome", "ack": ack, "window": WINDOW, "max_frame": MAX_FRAME}
        )

    async def _events(self, session: AvatarSession, frame: dict[str, Any]) -> None:
        events, refused = parse_events(frame)
        for error in refused:
            await self.send_frame(
                {"type": "error", "code": error.code, "message": str(error), "seq": error.seq}
            )
        kept = [*events, *map(refusal, refused)]
        ack = await sync_to_async(ingest.record)(session.pk, self.source, kept)
        await self.send_frame({"type": "ack", "ack": ack})
        await apply_page_events(session, events)

    async def gone(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            presence.left(session.pk)
            await self.channel_layer.group_discard(page_group(session.key), self.channel_name)

    async def _own_session(self) -> AvatarSession | None:
        key: UUID = self.scope["url_route"]["kwargs"]["key"]
        visitor = await self.scope["session"].aget("visitor")
        if visitor is None:
            return None
        return await AvatarSession.objects.owned_by(UUID(visitor)).filter(key=key).afirst()


def _state_of(session: AvatarSession) -> dict[str, Any]:
    return {
        "type": "state",
        "state": session.state,
        "end_reason": session.end_reason,
        "end_text": session.end_text,
    }
