"""One client per event loop and remote service: the vendor and our LiveKit."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings

from liveavatar import LiveAvatar

# The simulator takes any key; this one never leaves this machine.
SIMULATOR_KEY = "simulator"


class Closable(Protocol):
    async def aclose(self) -> None: ...


Client = TypeVar("Client", bound=Closable)


class PerLoop(Generic[Client]):
    """The client of the running event loop, made at its first use.

    A client belongs to the event loop it was made in. A server has one loop; a test run has many.
    """

    def __init__(self, make: Callable[[], Client]) -> None:
        self._make = make
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Client] = WeakKeyDictionary()

    def __call__(self) -> Client:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._make()
        return self._clients[loop]

    def use(self, client: Client) -> None:
        """Use this client in the running loop from now on."""
        self._clients[asyncio.get_running_loop()] = client

    async def aclose(self) -> None:
        """Close the running loop's client, if there is one."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def _liveavatar() -> LiveAvatar:
    return LiveAvatar(settings.LIVEAVATAR_API_KEY or SIMULATOR_KEY, base_url=settings.LIVEAVATAR_API_URL)


liveavatar = PerLoop(_liveavatar)
