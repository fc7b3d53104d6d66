"""A tone to hear whether sound gets through at all, before anybody looks for faults in speech."""

from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc

from liveavatar.pcm import RATE

HERTZ, SECONDS, LOUDNESS = 440, 2.0, 0.25
FRAME = RATE // 20  # samples


async def tone() -> AsyncIterator[rtc.AudioFrame]:
    """Two seconds of 440 Hz in frames of 50 ms, faded in and out so that it does not click."""
    at = np.arange(round(SECONDS * RATE)) / RATE
    fade = np.clip(np.minimum(at, SECONDS - at) / 0.02, 0, 1)
    samples = (32767 * LOUDNESS * fade * np.sin(2 * np.pi * HERTZ * at)).astype("<i2")
    for start in range(0, len(samples), FRAME):
        piece = samples[start : start + FRAME]
        yield rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece))
