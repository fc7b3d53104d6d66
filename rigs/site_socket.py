"""A websocket to the site, inside the test's own process."""

from typing import Any

from channels.testing import WebsocketCommunicator

from liveavatar_site.asgi import application

PATIENCE = 15.0  # seconds


class SiteSocket(WebsocketCommunicator):
    """Channels' own communicator gives up after one second, and a busy machine needs more."""

    def __init__(self, path: str, headers: list[tuple[bytes, bytes]]) -> None:
        super().__init__(application, path, headers)

    async def receive_output(self, timeout: float = PATIENCE) -> dict[str, Any]:
        """Return the next message of the site."""
        return await super().receive_output(max(timeout, PATIENCE))

    async def wait(self, timeout: float = PATIENCE) -> None:
        """Wait until the site's consumer has ended."""
        await super().wait(max(timeout, PATIENCE))
