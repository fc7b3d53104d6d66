"""The avatar's own voice in the user's microphone: when to expect it, and how to recognise it."""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulator.avatar.hearing import FRAME_MS, SAMPLE_RATE
from voice.hearing.vad import QUIET
from voice.speaking.utterance import SAMPLE_RATE as PLAYED_RATE

# Pieces of sound in which no echo may have come back. The span is longer than an echo needs on a busy machine:
# otherwise the quiet time before it arrives would pass for headphones.
WATCHED = 3000 // FRAME_MS
FRESH = 400 // FRAME_MS  # newest pieces, not counted: the user may have begun to speak in them
ECHOING = 2000 // FRAME_MS  # pieces after a recognised echo in which more of it may come, however late it is

# Echo recognition compares sound by its power per mel band, in steps of `HOP`.
WINDOW, HOP = 0.04, 0.01  # seconds
COMPARED = 0.3  # seconds at the end of what the microphone heard; a jitter buffer tears longer ones apart
BANDS, LOWEST, HIGHEST = 16, 100.0, 4000.0  # Hz
FLOOR = 1e-3  # power; below the noise of 16-bit samples
DEPTH = 3.0  # decades of power below the loudest moment that are compared
# Correlation. An echo 20 to 35 dB below the avatar's voice reaches 0.95 to 1.0. Of the moments at which a user begins
# to speak, alone or over the echo, one in a hundred reaches 0.9; that beginning is recognised 0.2 s later.
SAME = 0.9

Floats = NDArray[np.float64]


class EchoGuard:
    """Keeps the avatar from interrupting itself, whatever time its echo takes.

    While the avatar is audible, a voice must be clearly louder than an echo to begin a turn. Headphones and good echo
    cancellation leave no echo; then soft voices may interrupt at once. In all cases a beginning that sounds like what
    the avatar has just played is its echo.
    """

    def __init__(self, audible: Callable[[], bool], played: Callable[[], bytes]) -> None:
        """`audible()`: a microphone near the user's loudspeaker may pick the avatar up now. `played()`: what the
        avatar played last, as 24 kHz, 16-bit mono PCM; its echo may still arrive."""
        self._audible = audible
        self._played = played
        self._loudness: deque[float] = deque(maxlen=WATCHED + FRESH)  # while the avatar was audible
        self._echoing = 0  # pieces

    def needed(self, pcm: bytes | memoryview) -> bool:
        """Return whether the voice detector needs its raised gate for this piece, as `Hearing` delivers them."""
        if self._echoing:
            self._echoing -= 1
            return True
        if not self._audible():
            return False
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        self._loudness.append(float(np.sqrt(np.mean(samples * samples))))
        watched = list(self._loudness)[:-FRESH]
        return len(watched) < WATCHED or max(watched) >= QUIET

    def is_echo(self, pcm: bytes) -> bool:
        """Return whether this sound of the microphone (16 kHz, 16-bit mono) ends with what the avatar played.

        The comparison tries every delay at which the sound kept by `played` can come back, so it needs no clock.
        """
        if likeness(pcm[-2 * round(COMPARED * SAMPLE_RATE) :], self._played()) < SAME:
            return False
        self._echoing = ECHOING
        self._loudness.clear()
        return True


def likeness(heard: bytes, played: bytes) -> float:
    """Return the correlation, at most 1, of sound that was heard with the most similar stretch of what was played.

    `heard` is 16 kHz and `played` 24 kHz, both 16-bit mono PCM. 0 where either is too short to compare.
    """
    sound, reference = _band_powers(heard, SAMPLE_RATE), _band_powers(played, PLAYED_RATE)
    if not len(sound) or len(reference) < len(sound):
        return 0.0
    stretches = np.lib.stride_tricks.sliding_window_view(reference, len(sound), axis=0).swapaxes(1, 2)
    return float((_normalised(stretches) * _normalised(sound)).sum(axis=(1, 2)).max())


def _band_powers(pcm: bytes, rate: int) -> Floats:
    """Decades of power of shape (steps, BANDS). Equal windows at any rate give equal frequency bins."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    width = round(WINDOW * rate)
    if len(samples) < width:
        return np.zeros((0, BANDS))
    windows = np.lib.stride_tricks.sliding_window_view(samples, width)[:: round(HOP * rate)]
    spectra = np.abs(np.fft.rfft(windows * np.hanning(width), axis=1)[:, : len(_FILTERS)] / width) ** 2
    powers: Floats = np.log10(spectra @ _FILTERS + FLOOR)
    return powers


def _normalised(powers: Floats) -> Floats:
    """Of each (steps, BANDS): how every band rises and falls. Loudness and tone colour make no difference."""
    audible = np.maximum(powers, powers.max(axis=(-2, -1), keepdims=True) - DEPTH)
    changes = audible - audible.mean(axis=-2, keepdims=True)
    length = np.sqrt((changes**2).sum(axis=(-2, -1), keepdims=True))
    normalised: Floats = changes / np.maximum(length, FLOOR)
    return normalised


def _mel_filters() -> Floats:
    """Triangles of equal width on the mel scale, of shape (frequency bins up to HIGHEST, BANDS)."""
    lowest, highest = (2595 * np.log10(1 + edge / 700) for edge in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    frequencies = (np.arange(round(HIGHEST * WINDOW)) / WINDOW)[:, None]
    left, middle, right = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (frequencies - left) / (middle - left), (right - frequencies) / (right - middle)
    filters: Floats = np.clip(np.minimum(rise, fall), 0, None)
    return filters


_FILTERS = _mel_filters()
