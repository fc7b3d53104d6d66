"""A test tone."""

import numpy as np

from voice.speaking.utterance import SAMPLE_RATE

AMPLITUDE = 12_000  # of 32767
FADE = 0.01  # seconds; without it the tone would begin and end with a click
LONGEST = 60.0  # seconds


def tone(seconds: float, hertz: float) -> bytes:
    """Return a sine as 24 kHz, 16-bit little-endian mono PCM, at most a minute long."""
    count = int(min(max(seconds, 0.0), LONGEST) * SAMPLE_RATE)
    ends = np.minimum(np.arange(count), np.arange(count)[::-1]) / (FADE * SAMPLE_RATE)
    wave = AMPLITUDE * np.sin(2 * np.pi * hertz * np.arange(count) / SAMPLE_RATE) * np.minimum(1.0, ends)
    return bytes(wave.astype("<i2").tobytes())
