"""Tells the pages of a session that it changed. A page then reads the row; the message carries no state."""

from uuid import UUID

from channels.layers import get_channel_layer

from sessions_app.models import AvatarSession


def page_group(key: UUID) -> str:
    """The channel layer's group of a session's pages."""
    return f"session.{key.hex}"


async def announce_change(session: AvatarSession) -> None:
    """Tell the session's open pages, in every process, to read its row again."""
    layer = get_channel_layer()
    if layer is not None:
        await layer.group_send(page_group(session.key), {"type": "session.changed"})
