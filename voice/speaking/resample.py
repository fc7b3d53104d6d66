"""Sample-rate conversion of speech: a polyphase windowed sinc, as one matrix product."""

from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

HALF_TAPS = 16  # input samples on each side of an output sample
KAISER_BETA = 8.0  # about 80 dB of stop-band attenuation
PASSBAND = 0.95  # of the lower Nyquist frequency


def resample(pcm: bytes, rate_in: int, rate_out: int) -> bytes:
    """Convert 16-bit mono PCM from `rate_in` to `rate_out` (Hz); the duration stays within one sample."""
    if rate_in == rate_out or not pcm:
        return pcm
    filters = _filters(rate_in, rate_out)
    step, per_block = _ratio(rate_in, rate_out)
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    blocks = -(-len(samples) // step)

    padded = np.zeros(blocks * step + 2 * HALF_TAPS, dtype=np.float32)
    padded[HALF_TAPS : HALF_TAPS + len(samples)] = samples
    windows = np.lib.stride_tricks.sliding_window_view(padded, step + 2 * HALF_TAPS)[::step]
    converted: NDArray[np.float32] = (windows @ filters).reshape(-1)[: len(samples) * per_block // step]
    rounded: NDArray[np.int16] = np.clip(np.rint(converted), -32768, 32767).astype("<i2")
    return rounded.tobytes()


def _ratio(rate_in: int, rate_out: int) -> tuple[int, int]:
    """Input and output samples of one block, after which the phases of the two rates meet again."""
    common = gcd(rate_in, rate_out)
    return rate_in // common, rate_out // common


@lru_cache(maxsize=4)
def _filters(rate_in: int, rate_out: int) -> NDArray[np.float32]:
    """Weights, shape (block in + both margins, block out): column j makes output sample j of a block."""
    step, per_block = _ratio(rate_in, rate_out)
    positions = np.arange(per_block) * step / per_block + HALF_TAPS
    distance = np.arange(step + 2 * HALF_TAPS)[:, None] - positions[None, :]
    cutoff = PASSBAND * min(1.0, rate_out / rate_in)
    inside = np.clip(1 - (distance / HALF_TAPS) ** 2, 0, None)
    window = np.i0(KAISER_BETA * np.sqrt(inside)) / np.i0(KAISER_BETA) * (inside > 0)
    weights: NDArray[np.float64] = cutoff * np.sinc(cutoff * distance) * window
    normalised: NDArray[np.float32] = (weights / weights.sum(axis=0)).astype(np.float32)
    return normalised
