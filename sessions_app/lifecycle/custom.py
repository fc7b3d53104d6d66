"""CUSTOM mode (LITE on the wire): our agent listens, thinks and speaks, in our own room or in the vendor's."""

from typing import Any

from django.conf import settings

from liveavatar import CustomSession, OwnRoom, Quality, SessionToken, StartedSession
from sessions_app.clients import liveavatar
from sessions_app.custom.agent_line import dismiss_agent, send_start
from sessions_app.custom.dispatch import dispatch_agent
from sessions_app.custom.lease import wipe_lease
from sessions_app.custom.livekit_server import is_loopback, livekit_server
from sessions_app.custom.own_rooms import delete_room, longest_session, open_room
from sessions_app.lifecycle.at_vendor import RoomAccess, require_open, stop_at_vendor
from sessions_app.models import AvatarSession, RoomKind


class RoomNotReachable(Exception):
    """Our room is on this machine and the vendor is not: its avatar could never join."""


class CustomMode:
    async def prepare(self, session: AvatarSession) -> CustomSession:
        """Open our room first. Raises RoomNotReachable or LiveKitUnavailable."""
        own = session.room_kind == RoomKind.OWN
        if own and is_loopback(settings.LIVEKIT_PUBLIC_URL) and not is_loopback(settings.LIVEAVATAR_API_URL):
            raise RoomNotReachable
        await open_room(session)
        return CustomSession(
            avatar_id=session.avatar_id,
            quality=Quality(session.quality),
            is_sandbox=session.sandbox,
            max_session_duration=settings.LIVEAVATAR_MAX_DURATION,
            own_room=_own_room(session) if own else None,
            mode_name=settings.LIVEAVATAR_CUSTOM_MODE_NAME,
        )

    async def start(self, session: AvatarSession, token: SessionToken) -> RoomAccess:
        """Wait for the agent before the vendor is asked: as long as no agent listens, nothing is billed."""
        await dispatch_agent(session, await _agent_config(session))
        await require_open(session)
        started = await liveavatar().start_session(token)
        await send_start(session, _agent_start(session, started))
        return _room_access(session, started)

    async def release(self, session: AvatarSession) -> bool:
        await dismiss_agent(session)
        if session.remote_id and not await stop_at_vendor(session):
            return False
        await wipe_lease(session)
        return await delete_room(session)


def _own_room(session: AvatarSession) -> OwnRoom:
    token = livekit_server().avatar_token(session.own_room, longest_session())
    return OwnRoom(settings.LIVEKIT_PUBLIC_URL, session.own_room, token)


async def _agent_config(session: AvatarSession) -> dict[str, Any]:
    """Return what the agent is told of its part: name, language and context. Raises LiveAvatarError."""
    context: dict[str, Any] = {"prompt": "", "opening_text": "", "faqs": []}
    if session.context_id:
        found = await liveavatar().context(session.context_id)
        context = {
            "prompt": found.prompt,
            "opening_text": found.opening_text or "",
            "faqs": [link.faq for link in found.links if link.faq],
        }
    return {"avatar_name": session.avatar_name, "language": session.language, "context": context}


def _agent_start(session: AvatarSession, started: StartedSession) -> dict[str, Any]:
    """Return the media websocket's address and, for the vendor's room, the agent's access to it."""
    if session.room_kind == RoomKind.OWN:
        return {"ws_url": started.ws_url or ""}
    return {
        "ws_url": started.ws_url or "",
        "room_url": started.livekit_url or "",
        "room_token": started.livekit_agent_token or "",
    }


def _room_access(session: AvatarSession, started: StartedSession) -> RoomAccess:
    duration = started.max_session_duration
    if session.room_kind == RoomKind.OWN:
        identity = f"visitor-{session.key.hex[:8]}"
        token = livekit_server().user_token(session.own_room, identity, longest_session())
        return RoomAccess(settings.LIVEKIT_PUBLIC_URL, token, duration)
    return RoomAccess(started.livekit_url or "", started.livekit_client_token or "", duration)
