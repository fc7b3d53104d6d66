"""The avatar's sound: a playback sink over a LiveKit audio source."""

import time

from livekit import rtc

from simulator.avatar.faults import Faults
from voice.speaking.utterance import BYTES_PER_SECOND, SAMPLE_RATE

# Long enough to bridge a busy event loop, short enough to keep lips and sound together by estimate.
QUEUE_MS = 200
# Seconds that sound needs from here to the viewer's ear, beyond what a picture needs to the eye: libwebrtc delivers,
# resamples and packs it in steps of 10 and 20 ms, and stamps it afterwards (benchmarks.lip_sync).
WAY = 0.04
# The sound kept for recognising its echo: the last seconds, pauses shortened, until the avatar was silent for so long
# that no echo can still be on its way.
KEPT, LONGEST_PAUSE, FORGOTTEN_AFTER = 5.0, 0.5, 10.0  # seconds


class VoiceSource:
    """A `simulator.avatar.playback.Sink`. While nothing is written the track carries silence."""

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self.source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)
        # The SDK's own estimate runs ahead for good after a pause in which the queue ran dry.
        self._silent_at = 0.0  # on the monotonic clock
        self._played = bytearray()

    async def write(self, pcm: bytes) -> None:
        if self._faults.silent:
            pcm = bytes(len(pcm))
        begins = max(self._silent_at, time.monotonic() + WAY)
        self._keep(pcm, pause=begins - self._silent_at)
        self._silent_at = begins + len(pcm) / BYTES_PER_SECOND
        await self.source.capture_frame(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2))

    def queued(self) -> float:
        return max(0.0, self._silent_at - time.monotonic())

    def clear(self) -> None:
        self._silent_at = time.monotonic()
        self.source.clear_queue()

    def played(self) -> bytes:
        """Return the last seconds of sound as 24 kHz, 16-bit mono PCM; nothing after a long silence."""
        if time.monotonic() - self._silent_at > FORGOTTEN_AFTER:
            self._played.clear()
        return bytes(self._played)

    def _keep(self, pcm: bytes, pause: float) -> None:
        self._played += bytes(2 * round(min(pause, LONGEST_PAUSE) * SAMPLE_RATE)) + pcm
        del self._played[: -round(KEPT * BYTES_PER_SECOND)]
