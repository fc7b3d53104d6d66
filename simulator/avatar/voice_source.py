"""The avatar's sound: a playback sink over a LiveKit audio source."""

from livekit import rtc

from voice.utterance import SAMPLE_RATE

# Long enough to bridge a busy event loop, short enough to keep lips and sound together by estimate.
QUEUE_MS = 160


class VoiceSource:
    """A `simulator.avatar.playback.Sink`. While nothing is written the track carries silence."""

    def __init__(self) -> None:
        self.source = rtc.AudioSource(SAMPLE_RATE, 1, queue_size_ms=QUEUE_MS)

    async def write(self, pcm: bytes) -> None:
        await self.source.capture_frame(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2))

    def queued(self) -> float:
        return self.source.queued_duration

    def clear(self) -> None:
        self.source.clear_queue()
