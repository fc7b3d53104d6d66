"""The avatar's sound: a playback sink over a LiveKit audio source."""

import time

from livekit import rtc

from simulator.avatar.faults import Faults
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE

# Long enough to bridge a busy event loop, short enough to keep lips and sound together by estimate.
QUEUE_MS = 200
# Seconds a voice takes from here to ears, beyond what a picture takes to eyes: libwebrtc delivers, resamples and
# packs it in steps of 10 and 20 ms, and stamps it when that is done (benchmarks.lip_sync).
WAY = 0.04


class VoiceSource:
    """A `simulator.avatar.playback.Sink`. While nothing is written the track carries silence."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self.source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)
        # The SDK's own estimate runs ahead for good after a pause in which the queue ran dry.
        self._silent_at = 0.0  # on the monotonic clock

    async def write(self, pcm: bytes) -> None:
        if self._faults.silent:
            pcm = bytes(len(pcm))
        begins = max(self._silent_at, time.monotonic() + WAY)
        self._silent_at = begins + len(pcm) / BYTES_PER_SECOND
        await self.source.capture_frame(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2))

    def queued(self) -> float:
        return max(0.0, self._silent_at - time.monotonic())

    def clear(self) -> None:
        self._silent_at = 0.0
        self.source.clear_queue()
