"""Sound as the media websocket takes it: 24 000 Hz, one channel, signed 16-bit little endian (LiveAvatar docs)."""

from typing import Literal

import av

RATE = 24_000  # Hz
BYTES_PER_SECOND = 2 * RATE

SampleFormat = Literal["s16", "s32", "flt"]


class Converter:
    """Converts one stream of interleaved PCM to the websocket's format. One per stream: the filter has a memory."""

    def __init__(self, *, rate: int, channels: int = 1, sample_format: SampleFormat = "s16") -> None:
        """`rate` in Hz; 1 or 2 `channels`; `flt` is 32-bit float from -1 to 1."""
        self._rate, self._format = rate, sample_format
        self._layout = {1: "mono", 2: "stereo"}[channels]
        self._frame_bytes = channels * av.AudioFormat(sample_format).bytes
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        self._rest = b""

    def feed(self, pcm: bytes) -> bytes:
        """Convert the next piece, of any length. The start of a sample that it cuts waits for the next piece."""
        pcm = self._rest + pcm
        whole = len(pcm) // self._frame_bytes * self._frame_bytes
        self._rest = pcm[whole:]
        if not whole:
            return b""
        frame = av.AudioFrame(format=self._format, layout=self._layout, samples=whole // self._frame_bytes)
        frame.sample_rate = self._rate
        frame.planes[0].update(pcm[:whole].ljust(frame.planes[0].buffer_size, b"\0"))
        return self._resampled(frame)

    def flush(self) -> bytes:
        """Return the sound that the filter still holds at the end of the stream."""
        self._rest = b""
        return self._resampled(None)

    def _resampled(self, frame: av.AudioFrame | None) -> bytes:
        return b"".join(bytes(out.planes[0])[: out.samples * 2] for out in self._resampler.resample(frame))
