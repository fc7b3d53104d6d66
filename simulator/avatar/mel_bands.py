"""The loudness of a voice per mel band, relative to its own loudest moments."""

import numpy as np
from numpy.typing import NDArray

from simulator.avatar.lips import STEP
from voice.speaking.utterance import SAMPLE_RATE

Floats = NDArray[np.float32]

HOP = int(STEP * SAMPLE_RATE)  # samples from one measurement to the next
WINDOW = 2 * HOP
LOOKS = 3  # measurements per feature row: the newest and its differences from the two before
HISTORY = WINDOW + (LOOKS - 1) * HOP
BANDS, LOWEST, HIGHEST = 20, 80.0, 8000.0  # Hz; the range in which vowels and hisses differ
FFT = 1024
FLOOR = 1e-9  # power; far below the noise of 16 bits
DEPTH = 4.0  # decades of power below the loudest that are distinguished
QUIETEST_PEAK = -5.0  # decades of power; softer sound is no voice
FALL = 0.002  # decades by which the peak decays per hop


def _filters() -> Floats:
    """Return triangles of equal width on the mel scale, of shape (FFT / 2 + 1, BANDS)."""
    lowest, highest = (2595 * np.log10(1 + edge / 700) for edge in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    frequencies = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)[:, None]
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
    triangles = np.clip(np.minimum(rise, fall), 0, None)
    filters: Floats = (triangles / triangles.sum(axis=0)).astype(np.float32)
    return filters


FILTERS = _filters()
TAPER = np.hanning(WINDOW).astype(np.float32)
TAPER /= np.sqrt((TAPER**2).sum())


def samples_of(pcm: bytes) -> Floats:
    """Convert 16-bit little-endian PCM to numbers from -1 to 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)


class MelBands:
    """Measures one stream of speech, in pieces of any size."""

    def __init__(self) -> None:
        self._heard = np.zeros(HISTORY, np.float32)
        self._peak = QUIETEST_PEAK
        self.into_hop = 0  # samples of the current hop that were in earlier pieces

    def measure(self, samples: Floats) -> tuple[Floats, Floats]:
        """Return features (hops, LOOKS * BANDS) and loudness (hops) at the end of each hop that `samples` touch.

        Samples are -1 to 1; loudness is in decades of power. A hop that the piece ends in is measured so far, and again
        with the next piece.
        """
        reached = self.into_hop + len(samples)
        ends = np.minimum(np.arange(HOP, reached + HOP, HOP), reached) - self.into_hop
        sound = np.concatenate([self._heard, samples])
        before = ends[0] - HOP * np.arange(LOOKS - 1, 0, -1)
        bands = _bands(sound, HISTORY - WINDOW + np.concatenate([before, ends]))
        loudness = np.log10((10 ** bands[LOOKS - 1 :]).mean(axis=1))
        relative = np.clip(bands - self._loudest(loudness, ends / HOP)[:, None], -DEPTH, 1) / 2 + 1
        self._heard = sound[-HISTORY:]
        self.into_hop = reached % HOP
        newest = relative[LOOKS - 1 :]
        changes = [newest - relative[LOOKS - 1 - ago : -ago] for ago in range(1, LOOKS)]
        return np.hstack([newest, *changes]), loudness

    def _loudest(self, loudness: Floats, hops: NDArray[np.float64]) -> Floats:
        """Return the decaying peak at `hops` after the piece's start, preceded by its value before the piece."""
        risen = np.maximum.accumulate(np.append(self._peak, loudness + FALL * hops))
        peaks = np.maximum(risen - FALL * np.append(0, hops), QUIETEST_PEAK).astype(np.float32)
        earlier, self._peak = np.full(LOOKS - 1, peaks[0]), float(peaks[-1])
        return np.concatenate([earlier, peaks[1:]])


def _bands(sound: Floats, starts: NDArray[np.int64]) -> Floats:
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[starts] * TAPER
    spectra = np.fft.rfft(windows, FFT, axis=1)
    power = (spectra.real**2 + spectra.imag**2).astype(np.float32)
    bands: Floats = np.log10(power @ FILTERS + FLOOR)
    return bands
