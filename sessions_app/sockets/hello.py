"""What the page's and the agent's websockets share: the first frame must be a hello and come in time."""

import asyncio
import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

HELLO_WITHIN = 10  # seconds

BAD_FRAME = 4400
NO_HELLO = 4408


class IntroducedConsumer(AsyncWebsocketConsumer):
    """Closes with NO_HELLO unless `introduced` is called in time. Calls `gone` once, however the socket ends."""

    _deadline: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Channels calls disconnect() only when the other side hangs up, not when receive() raises.
            self.introduced()
            await self.gone()

    async def connect(self) -> None:
        # A refused handshake reaches a page only as 1006, so the socket is accepted and then closed with a code.
        await self.accept()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(
            HELLO_WITHIN, lambda: loop.create_task(self.close(NO_HELLO), name="no hello")
        )

    def introduced(self) -> None:
        """Stop the hello time-out: the page or agent has identified itself."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    async def gone(self) -> None:
        """Clean up after the socket has closed."""

    async def send_frame(self, frame: dict[str, Any]) -> None:
        """Send a frame as JSON text."""
        await self.send(text_data=json.dumps(frame))
