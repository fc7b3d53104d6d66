"""Tells the pages of a session that it changed. A page then reads the row; the message carries no state."""

import logging
from uuid import UUID

from channels.layers import get_channel_layer

from sessions_app.models import AvatarSession

logger = logging.getLogger(__name__)


def page_group(key: UUID) -> str:
    """The channel layer's group of a session's pages."""
    return f"session.{key.hex}"


async def announce_change(session: AvatarSession) -> None:
    """Tell the session's open pages, in every process, to read its row again. Never fails: the row has the change."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(page_group(session.key), {"type": "session.changed"})
    except Exception:  # each kind of channel layer has errors of its own
        logger.exception("session %s: its pages were not told that it changed", session.key)
