"""Whether the avatar's own voice comes back by the user's microphone."""

from collections import deque
from collections.abc import Callable

import numpy as np

from simulator.avatar.hearing import FRAME_MS
from voice.hearing.vad import QUIET

WATCHED = 1000 // FRAME_MS  # pieces of sound in which nothing may have come back
FRESH = 400 // FRAME_MS  # newest pieces, which do not count: there the user may have begun to speak


class EchoGuard:
    """Headphones and good echo cancellation leave nothing of the avatar in the microphone. Then everybody may
    interrupt at once and with a soft voice; a raised gate for the voice detector would only be in their way."""

    def __init__(self, audible: Callable[[], bool]) -> None:
        """`audible()`: the avatar may be heard at the microphone now."""
        self._audible = audible
        self._loudness: deque[float] = deque(maxlen=WATCHED + FRESH)  # while it was audible

    def needed(self, pcm: bytes | memoryview) -> bool:
        """Whether to listen to this piece, as `Hearing` delivers them, with a raised gate."""
        if not self._audible():
            return False
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        self._loudness.append(float(np.sqrt(np.mean(samples * samples))))
        watched = list(self._loudness)[:-FRESH]
        return len(watched) < WATCHED or max(watched) >= QUIET
