"""What a CUSTOM session needs besides the service: a room of ours, and what its agent is to know."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from liveavatar import CustomSession, LiveAvatar, OwnRoom, Quality, StartedSession
from sessions_app.custom.own_rooms import LiveKit, is_loopback
from sessions_app.models import AvatarSession, RoomKind

# A session's end deletes its room; it goes by itself, beyond the longest session, when nobody could. Not earlier: for a
# livekit-server a room is empty when only agents are in it, and where an agent waits there is never anybody else.
MARGIN = timedelta(minutes=1)


class RoomNotReachable(Exception):
    """Our room is on this machine and the service is not: its avatar could never join."""


async def prepare(session: AvatarSession, livekit: LiveKit) -> CustomSession:
    """Open our room and write the request for the session. Raises RoomNotReachable or LiveKitUnavailable."""
    own = session.room_kind == RoomKind.OWN
    if own and is_loopback(settings.LIVEKIT_PUBLIC_URL) and not is_loopback(settings.LIVEAVATAR_API_URL):
        raise RoomNotReachable
    await livekit.open_room(session.own_room, empty_for=(_lifetime() + MARGIN).total_seconds())
    room = None
    if own:
        token = livekit.avatar_token(session.own_room, _lifetime())
        room = OwnRoom(settings.LIVEKIT_PUBLIC_URL, session.own_room, token)
    return CustomSession(
        avatar_id=session.avatar_id,
        quality=Quality(session.quality),
        is_sandbox=session.sandbox,
        max_session_duration=settings.LIVEAVATAR_MAX_DURATION,
        own_room=room,
        mode_name=settings.LIVEAVATAR_CUSTOM_MODE_NAME,
    )


async def brief(session: AvatarSession, service: LiveAvatar) -> dict[str, Any]:
    """What the agent is to know and to be. Raises LiveAvatarError."""
    context: dict[str, Any] = {"prompt": "", "opening_text": "", "faqs": []}
    if session.context_id:
        found = await service.context(session.context_id)
        context = {
            "prompt": found.prompt,
            "opening_text": found.opening_text or "",
            "faqs": [link.faq for link in found.links if link.faq],
        }
    return {
        "avatar_name": session.avatar_name,
        "language": session.language,
        "context": context,
    }


def way_in(session: AvatarSession, started: StartedSession, livekit: LiveKit) -> tuple[str, str]:
    """The address of the session's room and the visitor's token for it, nobody else's."""
    if session.room_kind == RoomKind.OWN:
        identity = f"visitor-{session.key.hex[:8]}"
        return settings.LIVEKIT_PUBLIC_URL, livekit.user_token(session.own_room, identity, _lifetime())
    return started.livekit_url or "", started.livekit_client_token or ""


def agent_start(session: AvatarSession, started: StartedSession) -> dict[str, Any]:
    """What the agent needs once the session runs; in a room of ours it is there already."""
    if session.room_kind == RoomKind.OWN:
        return {"ws_url": started.ws_url or ""}
    return {
        "ws_url": started.ws_url or "",
        "room_url": started.livekit_url or "",
        "room_token": started.livekit_agent_token or "",
    }


def _lifetime() -> timedelta:
    return timedelta(seconds=settings.LIVEAVATAR_MAX_DURATION)
