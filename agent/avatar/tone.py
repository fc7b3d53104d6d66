"""A test tone: silence instead of it means a fault of the sound path, not of the speech."""

from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc

from liveavatar.pcm import RATE

FREQUENCY = 440  # Hz
SECONDS = 2.0
AMPLITUDE = 0.25  # of full scale
FADE = 0.02  # seconds; without it the tone clicks
FRAME = RATE // 20  # samples


async def sine_tone() -> AsyncIterator[rtc.AudioFrame]:
    """Yield two seconds of 440 Hz in frames of 50 ms, faded in and out."""
    at = np.arange(round(SECONDS * RATE)) / RATE
    fade = np.clip(np.minimum(at, SECONDS - at) / FADE, 0, 1)
    samples = (32767 * AMPLITUDE * fade * np.sin(2 * np.pi * FREQUENCY * at)).astype("<i2")
    for start in range(0, len(samples), FRAME):
        piece = samples[start : start + FRAME]
        yield rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece))
