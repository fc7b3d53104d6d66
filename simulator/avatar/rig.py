"""The geometry of the drawing, in design units: 1280 x 720 for the whole frame."""

from dataclasses import dataclass

DESIGN_WIDTH, DESIGN_HEIGHT = 1280, 720
NECK = (640.0, 455.0)  # the point about which hair and head turn
HAIR_FOLLOWS = 0.8  # of the head's turn and shift

WHOLE_LAYERS = ("background", "hair_back", "body", "head")
EYES_BOX = (536, 262, 208, 96)  # x, y, width, height
MOUTH_BOX = (572, 378, 136, 86)

# Frame sizes by quality (LiveAvatar docs, `video_settings.quality`).
SIZES = {"low": (640, 360), "medium": (848, 480), "high": (1280, 720), "very_high": (1920, 1080)}
AVATARS = ("ava", "mira")


@dataclass(frozen=True, slots=True)
class View:
    """Maps design units to the pixels of a frame of `width` x `height`, centred horizontally."""

    width: int
    height: int

    @property
    def scale(self) -> float:
        """Pixels per design unit."""
        return self.height / DESIGN_HEIGHT

    @property
    def left(self) -> float:
        """Design x of the frame's left edge; not 0 where the width is rounded, as in 848 x 480."""
        return (DESIGN_WIDTH - self.width / self.scale) / 2

    def x(self, design: float) -> float:
        return (design - self.left) * self.scale

    def y(self, design: float) -> float:
        return design * self.scale
