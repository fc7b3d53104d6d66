"""Joining a room safely."""

import asyncio

from livekit import rtc

CONNECT_TIMEOUT = 5.0  # seconds for one attempt to connect the signalling; the SDK makes three


class JoinFailed(Exception):
    """The room could not be joined; the text says why."""


async def join(room: rtc.Room, url: str, token: str, name: str) -> None:
    """Connect `room` without subscribing to any track. Raises `JoinFailed`, whose text begins with `name`.

    Safe to cancel. The native library ends the whole process if its connect is cancelled half-way, so a cancelled join
    waits for the connection and leaves again.
    """
    options = rtc.RoomOptions(
        auto_subscribe=False, connect_timeout=CONNECT_TIMEOUT, single_peer_connection=True
    )
    connecting = asyncio.ensure_future(room.connect(url, token, options))
    try:
        await asyncio.shield(connecting)
    except rtc.ConnectError as error:
        raise JoinFailed(f"{name} could not join the room at {url}: {error.message}") from None
    except asyncio.CancelledError:
        await asyncio.wait({connecting})
        if connecting.exception() is None:
            await room.disconnect()
        raise
