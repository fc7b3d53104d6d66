"""What the page's and the agent's websockets have in common: the first frame must say who it is, and in time."""

import asyncio
import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

HELLO_WITHIN = 10  # seconds

BAD_FRAME = 4400
NO_HELLO = 4408


class IntroducedConsumer(AsyncWebsocketConsumer):
    """Closes with NO_HELLO unless `introduced` is called in time, and calls `gone` once, whatever ends it."""

    _deadline: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Channels calls disconnect() only when the other side hangs up, not when receive() raises.
            self.introduced()
            await self.gone()

    async def connect(self) -> None:
        # A refused handshake reaches a page only as 1006, so it is accepted and closed with a code.
        await self.accept()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(
            HELLO_WITHIN, lambda: loop.create_task(self.close(NO_HELLO), name="no hello")
        )

    def introduced(self) -> None:
        """The other side said who it is."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    async def gone(self) -> None:
        """The socket is closed."""

    async def send_frame(self, frame: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(frame))
