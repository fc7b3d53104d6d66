"""The clock of sound, lips and captions: what is heard now, and the mouth that belongs to it.

Positions are seconds of sound since the playback began; silence between clips does not count. A clip is a sentence or a
piece of a stream.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simulator.avatar.lips import REST, Mouth
from voice.speaking.utterance import BYTES_PER_SECOND

FRAME_SECONDS = 0.08  # per write; each is a call into the native library and back
FRAME_BYTES = int(FRAME_SECONDS * BYTES_PER_SECOND)
CLOSE_ENOUGH = 0.0005  # seconds; positions are floats


class Sink(Protocol):
    """Plays 24 kHz, 16-bit, mono PCM in real time out of a short queue."""

    async def write(self, pcm: bytes) -> None:
        """Queue `pcm` at once; return when the queue has room for the next piece."""

    def queued(self) -> float:
        """Return the seconds until all written sound has been heard."""

    def clear(self) -> None:
        """Drop the queued sound at once."""


@dataclass(frozen=True, slots=True)
class _Clip:
    start: float
    end: float
    mouth_at: Callable[[float], Mouth]


class Playback:
    """Plays clips without gaps into a sink. The caller owns the task of `run`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._pcm = bytearray()
        self._more = asyncio.Event()
        self._heard = 0.0  # seconds; at the time of the last write
        self._written = 0  # bytes
        self._end = 0  # bytes
        self._clips: deque[_Clip] = deque()

    @property
    def position(self) -> float:
        """The position that is heard now. It never decreases."""
        return max(self._heard, self._written / BYTES_PER_SECOND - self._sink.queued())

    def push(self, pcm: bytes, mouth_at: Callable[[float], Mouth]) -> float:
        """Play `pcm` after all clips pushed before. Return the position at which it starts.

        `mouth_at` gives the mouth for a time in seconds from the start of this clip.
        """
        start = self._end / BYTES_PER_SECOND
        self._end += len(pcm)
        self._clips.append(_Clip(start, self._end / BYTES_PER_SECOND, mouth_at))
        self._pcm += pcm
        self._more.set()
        return start

    def stop(self) -> None:
        """Stop at once, with the mouth at rest. Sound that was not heard is dropped."""
        self._heard = self.position
        self._written = self._end = round(self._heard * BYTES_PER_SECOND)
        self._pcm.clear()
        self._clips.clear()
        self._more.clear()
        self._sink.clear()

    async def reached(self, position: float) -> None:
        """Wait until `position` is heard. Cancel this wait when you stop the playback: it would not end."""
        while (wait := position - self.position) > CLOSE_ENOUGH:
            await asyncio.sleep(wait)

    def mouth(self, ahead: float = 0.0) -> Mouth:
        """Return the mouth of the sound that is heard in `ahead` seconds."""
        at = self.position + ahead
        while self._clips and self._clips[0].end <= at:
            self._clips.popleft()
        if not self._clips or at < self._clips[0].start:
            return REST
        return self._clips[0].mouth_at(at - self._clips[0].start)

    async def run(self) -> None:
        """Feed the sink until cancelled."""
        while True:
            await self._more.wait()
            frame = bytes(self._pcm[:FRAME_BYTES])
            del self._pcm[:FRAME_BYTES]
            if not self._pcm:
                self._more.clear()
            self._heard = self.position
            self._written += len(frame)  # the sink queues it at once, and counts it as queued
            await self._sink.write(frame)
