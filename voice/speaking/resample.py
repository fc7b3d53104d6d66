"""Sample-rate conversion of a whole sound."""

import av
import numpy as np

# libswresample drops a sound that is shorter than its filter, so silence follows it.
TAIL = 256  # input samples


def resample(pcm: bytes, rate_in: int, rate_out: int) -> bytes:
    """Convert 16-bit mono PCM from `rate_in` to `rate_out` (Hz). The duration stays, within one sample."""
    if rate_in == rate_out or not pcm:
        return pcm
    samples = np.frombuffer(pcm + bytes(2 * TAIL), dtype="<i2")
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
    frame.sample_rate = rate_in
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_out)
    converted = b"".join(
        out.to_ndarray().tobytes() for part in (frame, None) for out in resampler.resample(part)
    )
    return converted[: len(pcm) // 2 * rate_out // rate_in * 2]
