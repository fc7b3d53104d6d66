"""A segment of speech: an answer, or a part of one, as livekit-agents cuts it."""

import asyncio

from livekit import rtc

from liveavatar.media_socket import UtteranceStream
from liveavatar.pcm import BYTES_PER_SECOND, RATE, Converter


class Segment:
    """Keeps its audio until it has been heard, so that it can continue after a pause."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.sent = 0  # bytes of `pcm` given to `stream`
        self.is_sealed = False  # no audio follows
        self.is_announced = False  # the framework knows that playback started
        self.stream: UtteranceStream | None = None
        self._converter: Converter | None = None
        self._heard = 0.0  # seconds heard before the last pause
        self._playing_since: float | None = None  # the loop's time when `stream` began to sound

    def append(self, frame: rtc.AudioFrame) -> None:
        """Add audio of any rate and channels; the framework resamples, but leaves two channels as they are."""
        if (frame.sample_rate, frame.num_channels) == (RATE, 1):
            self.pcm += frame.data.cast("b")
            return
        if self._converter is None:
            self._converter = Converter(rate=frame.sample_rate, channels=frame.num_channels)
        self.pcm += self._converter.feed(bytes(frame.data.cast("b")))

    def seal(self) -> None:
        """Complete the segment: no audio follows."""
        if self._converter is not None:
            self.pcm += self._converter.flush()
        self.is_sealed = True

    @property
    def duration(self) -> float:
        """Seconds of audio so far."""
        return len(self.pcm) / BYTES_PER_SECOND

    @property
    def position(self) -> float:
        """Seconds of it that have been heard."""
        if self._playing_since is None:
            return self._heard
        return min(self.duration, self._heard + asyncio.get_running_loop().time() - self._playing_since)

    def mark_playing(self, since: float) -> None:
        """`stream` began to sound at `since`, by the loop's clock."""
        self._playing_since = since

    def pause(self) -> None:
        """Stop at `position`; the next stream sends what follows it."""
        self._heard = self.position
        self._playing_since = None
        self.stream = None
        self.sent = round(self._heard * RATE) * 2
