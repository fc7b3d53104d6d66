"""A pose of the presenter, and the grid that poses are snapped to."""

from dataclasses import dataclass, replace

from simulator.avatar.rig import View

SHIFT_STEP = 0.5  # pixels
TURN_STEP = 0.2  # degrees; moves the eyes by about half a design unit


@dataclass(frozen=True, slots=True)
class Pose:
    """Positions in design units, `turn` in degrees (positive leans to the viewer's right), sprites by name."""

    shift_x: float
    shift_y: float
    turn: float
    breath: float
    eyes: str
    mouth: str

    def snapped(self, view: View) -> "Pose":
        """Return the nearest pose on the grid of `view`.

        Poses that look the same become equal, so that a drawing of one serves for the other.
        """
        step = SHIFT_STEP / view.scale
        return replace(
            self,
            shift_x=_snap(self.shift_x, step),
            shift_y=_snap(self.shift_y, step),
            turn=_snap(self.turn, TURN_STEP),
            breath=_snap(self.breath, step),
        )


def _snap(value: float, step: float) -> float:
    return round(value / step) * step
