"""CUSTOM mode (LITE on the wire): our agent listens, thinks and speaks, in our own room or in the vendor's."""

from django.conf import settings

from liveavatar import CustomSession, OwnRoom, Quality, SessionToken
from sessions_app.custom.agent_config import agent_config, avatar_addresses
from sessions_app.custom.agent_line import dismiss_agent, send_start
from sessions_app.custom.dispatch import dispatch_agent
from sessions_app.custom.lease import wipe_lease
from sessions_app.custom.livekit_server import is_loopback
from sessions_app.custom.own_rooms import delete_room, open_room, visitor_token
from sessions_app.lifecycle.at_vendor import RoomAccess, start_at_vendor, stop_at_vendor
from sessions_app.models import AvatarSession, RoomKind


class RoomNotReachable(Exception):
    """Our room is on this machine and the vendor is not: its avatar could never join."""


class CustomMode:
    async def prepare(self, session: AvatarSession) -> CustomSession:
        """Open our room first. Raises RoomNotReachable or LiveKitUnavailable."""
        own = session.room_kind == RoomKind.OWN
        if own and is_loopback(settings.LIVEKIT_PUBLIC_URL) and not is_loopback(settings.LIVEAVATAR_API_URL):
            raise RoomNotReachable
        avatar = await open_room(session)
        return CustomSession(
            avatar_id=session.avatar_id,
            quality=Quality(session.quality),
            is_sandbox=session.sandbox,
            max_session_duration=settings.LIVEAVATAR_MAX_DURATION,
            own_room=OwnRoom(settings.LIVEKIT_PUBLIC_URL, session.own_room, avatar) if own else None,
            mode_name=settings.LIVEAVATAR_CUSTOM_MODE_NAME,
        )

    async def start(self, session: AvatarSession, token: SessionToken) -> RoomAccess:
        """Wait for the agent before the vendor is asked: as long as no agent listens, nothing is billed."""
        await dispatch_agent(session, await agent_config(session))
        started = await start_at_vendor(session, token)
        own = session.room_kind == RoomKind.OWN
        await send_start(session, avatar_addresses(started, own_room=own))
        url, visitor = started.livekit_url or "", started.livekit_client_token or ""
        if own:
            url, visitor = settings.LIVEKIT_PUBLIC_URL, visitor_token(session)
        return RoomAccess(url, visitor, started.max_session_duration)

    async def release(self, session: AvatarSession) -> bool:
        await dismiss_agent(session)
        if session.remote_id and not await stop_at_vendor(session):
            return False
        await wipe_lease(session)
        return await delete_room(session)
