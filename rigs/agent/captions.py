"""The avatar's words in the room: livekit-agents publishes each of them when it begins to sound."""

import asyncio

from livekit import rtc

PATIENCE = 30.0  # seconds


class Captions:
    """Reads the text streams of the agent in `room`, as the visitor sees them."""

    def __init__(self, room: rtc.Room) -> None:
        self._room = room
        self._segments: list[list[str]] = []
        self._changed = asyncio.Event()
        self._reading: set[asyncio.Task[None]] = set()
        room.register_text_stream_handler("lk.transcription", self._on_stream)

    def forget(self) -> None:
        """Ignore all segments so far."""
        self._segments.clear()

    async def words(self, count: int) -> str:
        """Wait until the newest segment has `count` words; return its text so far."""
        async with asyncio.timeout(PATIENCE):
            while len(text := "".join(self._segments[-1] if self._segments else ()).split()) < count:
                self._changed.clear()
                await self._changed.wait()
        return " ".join(text)

    def _on_stream(self, reader: rtc.TextStreamReader, identity: str) -> None:
        if identity == self._room.local_participant.identity:
            return  # the visitor's own words
        segment: list[str] = []
        self._segments.append(segment)
        task = asyncio.create_task(self._read(reader, segment), name="captions")
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read(self, reader: rtc.TextStreamReader, segment: list[str]) -> None:
        async for piece in reader:
            segment.append(piece)
            self._changed.set()
