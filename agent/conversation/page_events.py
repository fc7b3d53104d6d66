"""The events that the agent publishes to the page, in FULL mode's words and on its topic."""

import asyncio
import contextlib
import json
from uuid import uuid4

from livekit import rtc
from livekit.rtc.participant import PublishDataError

from liveavatar.vocabulary import EVENT_TOPIC


class PageEvents:
    """Queues events in synchronous handlers; `run` publishes them."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._kinds: asyncio.Queue[str] = asyncio.Queue()

    def publish(self, kind: str) -> None:
        """Queue an event without members."""
        self._kinds.put_nowait(kind)

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            packet = json.dumps({"event_id": str(uuid4()), "event_type": await self._kinds.get()}).encode()
            with contextlib.suppress(PublishDataError):  # the room is closing
                await self._room.local_participant.publish_data(packet, topic=EVENT_TOPIC)
