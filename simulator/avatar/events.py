"""Events of the data topic `agent-response` (LiveAvatar docs, full-mode events)."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

TOPIC = "agent-response"


class Events:
    """Sends the events of one session in order; the caller owns the task of `run`."""

    def __init__(self, session_id: str, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        self._session_id = session_id
        self._send = send
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def publish(self, event_type: str, source_event_id: str | None = None, **members: str) -> None:
        """Queue one event. `source_event_id` is the id of the command that caused it, if there is one."""
        event: dict[str, Any] = {
            "event_id": str(uuid.uuid4()),
            "event_type": event_type,
            "session_id": self._session_id,
            "source_event_id": source_event_id,
            **members,
        }
        self._queue.put_nowait(event)

    async def flushed(self) -> None:
        """Wait until all events published so far have been handed to the room."""
        await self._queue.join()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            event = await self._queue.get()
            try:
                await self._send(event)
            finally:
                self._queue.task_done()
