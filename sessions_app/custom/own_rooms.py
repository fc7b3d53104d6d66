"""Rooms of CUSTOM sessions at our LiveKit server: opened before the start, deleted at the end, swept later."""

import logging
from datetime import timedelta

from django.conf import settings

from sessions_app.custom.livekit_server import LiveKitUnavailable, livekit_server
from sessions_app.models import AvatarSession

# The end of a session deletes its room. If no process could, the server does so once it has been empty for the longest
# session and this margin. Not earlier: livekit-server counts a room with only agents in it as empty.
MARGIN = timedelta(minutes=1)

logger = logging.getLogger(__name__)


async def open_room(session: AvatarSession) -> str:
    """Create the session's room at our LiveKit and return the avatar's token for it. Raises LiveKitUnavailable."""
    server, lifetime = livekit_server(), _longest_session()
    await server.open_room(session.own_room, empty_for=(lifetime + MARGIN).total_seconds())
    return server.avatar_token(session.own_room, lifetime)


def visitor_token(session: AvatarSession) -> str:
    """Return the visitor's token for the session's room at our LiveKit."""
    identity = f"visitor-{session.key.hex[:8]}"
    return livekit_server().user_token(session.own_room, identity, _longest_session())


async def delete_room(session: AvatarSession) -> bool:
    """Delete the session's room and disconnect its participants; False if LiveKit could not be asked."""
    try:
        await livekit_server().delete_room(session.own_room)
    except LiveKitUnavailable as error:
        logger.warning("session %s: its room was not deleted: %s", session.key, error)
        return False
    return True


async def sweep_rooms() -> int:
    """Delete rooms of released sessions and return their number. Raises LiveKitUnavailable.

    A participant that was joining while the room was deleted (an agent, or a page that was asleep) creates it again.
    """
    server = livekit_server()
    named = {key: name for name in await server.rooms() if (key := AvatarSession.key_of_room(name))}
    released = AvatarSession.objects.filter(key__in=named, released_at__isnull=False)
    keys = [key async for key in released.values_list("key", flat=True)]
    for key in keys:
        await server.delete_room(named[key])
    return len(keys)


def _longest_session() -> timedelta:
    """Return how long a session may last; its tokens and its room must outlive it."""
    return timedelta(seconds=settings.LIVEAVATAR_MAX_DURATION)
