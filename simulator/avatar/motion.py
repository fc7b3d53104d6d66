"""The presenter's movement: sway, breath, blinks and glances, with a bearing for each mood."""

import math
import random
from dataclasses import dataclass
from enum import Enum

from simulator.avatar.lips import Mouth
from simulator.avatar.pose import Pose

TURN_RATE, RISE_RATE = 6.0, 11.0  # per second: rates at which bearing and nod are approached
LONGEST_STEP = 0.1  # seconds; keeps the presenter from jumping after a pause of the process
BLINK = ((0.04, "half"), (0.12, "closed"), (0.16, "soft"))  # (seconds since its start until which, lid)
NOD_SECONDS, NOD_DEPTH = 0.24, 8.0
EMPHASIS, EMPHASIS_SECONDS = 0.8, 0.35  # mouth opening that raises the brows, and for how long


class Mood(Enum):
    IDLE = "idle"
    LISTENING = "listening"
    THINKING = "thinking"
    SPEAKING = "speaking"


@dataclass(frozen=True, slots=True)
class Bearing:
    """The posture of a mood. `glances`: gazes to choose from; the eyes return to the first."""

    turn: float
    brow: str
    smile: int
    glances: tuple[str, ...]
    dwell: tuple[float, float]


BEARINGS = {
    Mood.IDLE: Bearing(0.0, "rest", 2, ("centre", "left", "right", "down", "up_left"), (0.6, 2.2)),
    Mood.LISTENING: Bearing(2.6, "raised", 3, ("centre",), (2.2, 2.2)),
    Mood.THINKING: Bearing(-2.2, "raised", 0, ("up_left", "up"), (0.6, 1.4)),
    Mood.SPEAKING: Bearing(0.0, "rest", 1, ("centre", "centre", "left", "right", "down"), (0.6, 2.2)),
}


class Motion:
    """Computes the presenter's poses over time. Equal `chance` and equal calls give equal poses."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._last: float | None = None
        self._turn = self._rise = 0.0
        self._gaze, self._gaze_until = "centre", 0.0
        self._blink_at = self._nod_at = math.nan
        self._brows_until = 0.0
        self._mood = Mood.IDLE

    def at(self, now: float, mood: Mood, mouth: Mouth) -> Pose:
        """Return the pose at `now` (seconds, never decreasing) in `mood` with that mouth."""
        step = min(LONGEST_STEP, now - self._last) if self._last is not None else 0.0
        bearing = BEARINGS[mood]
        if mood is not self._mood or self._last is None:
            self._mood, self._gaze, self._gaze_until = mood, bearing.glances[0], now + bearing.dwell[0]
            self._nod_at = now + self._chance.uniform(1.2, 2.4)
        self._last = now
        breath = math.sin(now * 2 * math.pi / 4.3)
        speaking = mood is Mood.SPEAKING
        lean = bearing.turn + (0.7 * math.sin(1.3 * now) if speaking else 0.0)
        fall = self._nod(now) if mood is Mood.LISTENING else -4.0 * mouth.opening if speaking else 0.0
        self._turn += (lean - self._turn) * (1 - math.exp(-TURN_RATE * step))
        self._rise += (fall - self._rise) * (1 - math.exp(-RISE_RATE * step))
        return Pose(
            shift_x=2.2 * math.sin(0.9 * now) + 1.3 * math.sin(0.37 * now + 1.0),
            shift_y=self._rise + 0.7 * breath,
            turn=self._turn + 0.55 * math.sin(0.53 * now),
            breath=1.0 * breath,
            eyes=self._eyes(now, bearing, mouth),
            mouth=mouth.sprite or f"mouth_rest{bearing.smile}",
        )

    def _nod(self, now: float) -> float:
        if now >= self._nod_at + NOD_SECONDS:
            self._nod_at = now + self._chance.uniform(2.4, 5.0)
        return NOD_DEPTH if now >= self._nod_at else 0.0

    def _eyes(self, now: float, bearing: Bearing, mouth: Mouth) -> str:
        lid = self._lid(now)
        if now >= self._gaze_until:
            away = self._gaze != bearing.glances[0]
            self._gaze = bearing.glances[0] if away else self._chance.choice(bearing.glances)
            self._gaze_until = now + self._chance.uniform(*bearing.dwell)
        if mouth.opening >= EMPHASIS:
            self._brows_until = now + EMPHASIS_SECONDS
        brow = "raised" if now < self._brows_until else bearing.brow
        return f"eyes_{lid}_{'centre' if lid == 'closed' else self._gaze}_{brow}"

    def _lid(self, now: float) -> str:
        if math.isnan(self._blink_at):
            self._blink_at = now + self._chance.uniform(1.0, 2.5)
        for until, lid in BLINK:
            if self._blink_at <= now < self._blink_at + until:
                return lid
        if now >= self._blink_at:
            self._blink_at = now + self._chance.uniform(2.2, 5.5)
        return "open"
