"""The delay of one curve behind another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = Sequence[tuple[float, float]]  # (seconds, value), in order
Floats = NDArray[np.float64]

GRID = 0.005  # seconds
FARTHEST = 0.4  # seconds, the longest delay tried in both directions


@dataclass(frozen=True, slots=True)
class Shift:
    """The delay of the lips behind the sound in milliseconds, and their correlation at it (-1 to 1)."""

    ms: float
    agreement: float

    @classmethod
    def between(cls, openings: Curve, sounds: Curve) -> "Shift":
        """Return the delay with the best correlation."""
        begin = max(openings[0][0], sounds[0][0]) + FARTHEST
        end = min(openings[-1][0], sounds[-1][0]) - FARTHEST
        grid = np.arange(begin, end, GRID)
        loudness = _standardised(sounds, grid)
        return max(
            (
                cls(1000 * shift, float((_standardised(openings, grid + shift) * loudness).mean()))
                for shift in np.arange(-FARTHEST, FARTHEST, GRID)
            ),
            key=lambda shift: shift.agreement,
        )


def _standardised(curve: Curve, grid: Floats) -> Floats:
    moments, values = np.array(curve).T
    found: Floats = np.interp(grid, moments, values)
    standardised: Floats = (found - found.mean()) / found.std()
    return standardised
