"""The one client of the avatar service in this process, built from the settings."""

import asyncio
from weakref import WeakKeyDictionary

from django.conf import settings

from liveavatar import LiveAvatar

# The simulator takes any key; it never leaves this machine.
SIMULATOR_KEY = "simulator"

# A client belongs to the event loop it was made in. A server has one loop; a test run has many.
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, LiveAvatar] = WeakKeyDictionary()


def avatar_service() -> LiveAvatar:
    """The client for the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = LiveAvatar(
            settings.LIVEAVATAR_API_KEY or SIMULATOR_KEY, base_url=settings.LIVEAVATAR_API_URL
        )
    return _clients[loop]


async def close_avatar_service() -> None:
    client = _clients.pop(asyncio.get_running_loop(), None)
    if client is not None:
        await client.aclose()
