"""A playback sink without an output, in the time of its event loop, with a queue like LiveKit's."""

import asyncio

from voice.speaking.utterance import BYTES_PER_SECOND

QUEUE_SECONDS = 0.16


class Loudspeaker:
    def __init__(self) -> None:
        self.taken = bytearray()
        self._silent_at = 0.0

    async def write(self, pcm: bytes) -> None:
        self.taken += pcm
        self._silent_at = max(self._silent_at, self._now()) + len(pcm) / BYTES_PER_SECOND
        if self.queued() > QUEUE_SECONDS:
            await asyncio.sleep(self.queued() - QUEUE_SECONDS)

    def queued(self) -> float:
        return max(0.0, self._silent_at - self._now())

    def clear(self) -> None:
        self._silent_at = self._now()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
