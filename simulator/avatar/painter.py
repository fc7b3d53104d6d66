"""Renders poses: composes sprites with Pillow and caches turned layers."""

import math
from dataclasses import dataclass, replace

from PIL import Image

from simulator.avatar.layer_cache import LayerCache
from simulator.avatar.pose import SHIFT_STEP, Pose
from simulator.avatar.rig import EYES_BOX, HAIR_FOLLOWS, MOUTH_BOX, NECK, View
from simulator.avatar.sprites import Sprite

CACHE_BYTES = 64 << 20
BACK_STEP = 1.0  # design units; the hair behind the head may move in coarser steps than the face
WIDEST_TURN = math.radians(6)  # more than any mood turns; the margins are sized for it
WIDEST_SHIFT = 24.0  # design units, of any layer


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the frame in pixels. All values are even, to fit the half-size colour planes of I420."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Patch:
    """A part of the frame: RGB pixels and their position."""

    picture: Image.Image
    box: Box

    def cut(self, box: Box) -> "Patch":
        """Return a copy of the part in `box`."""
        x, y = box.x - self.box.x, box.y - self.box.y
        return Patch(self.picture.crop((x, y, x + box.width, y + box.height)), box)


class Painter:
    """Draws one avatar at one size. Only the box around the presenter, `stage`, ever changes."""

    def __init__(self, sprites: dict[str, Sprite], view: View) -> None:
        self.background = sprites["background"].image
        self.stage = _stage(sprites, view)
        self._face = _face(view)
        self._view = view
        self._neck = (view.x(NECK[0]), view.y(NECK[1]))
        self._sprites = sprites
        self._cache = LayerCache(CACHE_BYTES)
        whole = Patch(self.background, Box(0, 0, view.width, view.height))
        self._backdrop = whole.cut(self.stage)
        self._faceless = whole.cut(self.stage)
        self._stands: Pose | None = None  # the pose that `_faceless` shows

    def paint(self, pose: Pose) -> Patch:
        """Return what a snapped `pose` changes in the frame before it.

        Lips and eyes move more often than the head. While the head keeps still, only the face is painted.
        """
        stands = replace(pose, eyes="", mouth="")
        box = self._face if stands == self._stands else self.stage
        if stands != self._stands:
            self._paint_faceless(pose)
            self._stands = stands
        patch = self._faceless.cut(box)
        for part in (pose.eyes, pose.mouth):
            self._put(patch, part, pose.turn, pose.shift_x, pose.shift_y)
        return patch

    def _paint_faceless(self, pose: Pose) -> None:
        self._faceless.picture.paste(self._backdrop.picture)
        turn, shift_x, shift_y = (HAIR_FOLLOWS * move for move in (pose.turn, pose.shift_x, pose.shift_y))
        back_step = max(SHIFT_STEP, BACK_STEP * self._view.scale)
        self._put(self._faceless, "hair_back", turn, shift_x, shift_y, back_step)
        self._put(self._faceless, "body", 0.0, 0.0, pose.breath)
        self._put(self._faceless, "head", pose.turn, pose.shift_x, pose.shift_y)

    def _put(
        self, onto: Patch, name: str, turn: float, shift_x: float, shift_y: float, step: float = SHIFT_STEP
    ) -> None:
        """Paste a sprite, turned about the neck by `turn` degrees and shifted by design units.

        `step`: the grid of the shift, in pixels.
        """
        sprite = self._sprites[name]
        width, height = sprite.image.size
        middle_x, middle_y = sprite.at[0] + width / 2, sprite.at[1] + height / 2
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        from_neck = middle_x - self._neck[0], middle_y - self._neck[1]
        # Pasting shifts by whole pixels, so that one turned layer serves every position.
        to_x = self._neck[0] + cos * from_neck[0] - sin * from_neck[1] + shift_x * self._view.scale
        to_y = self._neck[1] + sin * from_neck[0] + cos * from_neck[1] + shift_y * self._view.scale
        whole_x, part_x = _split(to_x - middle_x, step)
        whole_y, part_y = _split(to_y - middle_y, step)
        layer = self._cache.get(
            (name, turn, part_x, part_y), lambda: _turned(sprite.image, cos, sin, part_x, part_y)
        )
        margin_x, margin_y = _margins(width, height)
        left = sprite.at[0] + whole_x - margin_x - onto.box.x
        top = sprite.at[1] + whole_y - margin_y - onto.box.y
        onto.picture.paste(layer, (left, top), layer)


def _split(pixels: float, step: float) -> tuple[int, float]:
    """Split into whole pixels and a rest that is a multiple of `step`."""
    snapped = round(pixels / step) * step
    whole = math.floor(snapped)
    return whole, round(snapped - whole, 4)  # rounded, so that equal rests are equal cache keys


def _turned(image: Image.Image, cos: float, sin: float, part_x: float, part_y: float) -> Image.Image:
    """Return `image` with margins, turned about its middle and shifted by a part of a pixel."""
    margin_x, margin_y = _margins(*image.size)
    size = (image.width + 2 * margin_x, image.height + 2 * margin_y)
    from_x, from_y = size[0] / 2 + part_x, size[1] / 2 + part_y
    # Pillow takes the inverse: where in `image` each pixel of the result comes from.
    inverse = (
        cos, sin, image.width / 2 - cos * from_x - sin * from_y,
        -sin, cos, image.height / 2 + sin * from_x - cos * from_y,
    )  # fmt: skip
    return image.transform(size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)


def _margins(width: int, height: int) -> tuple[int, int]:
    """Return the margins that a sprite's corners need when it turns, and one pixel for the shift."""
    return (
        math.ceil(height / 2 * math.sin(WIDEST_TURN)) + 1,
        math.ceil(width / 2 * math.sin(WIDEST_TURN)) + 1,
    )


def _stage(sprites: dict[str, Sprite], view: View) -> Box:
    room = WIDEST_SHIFT * view.scale
    layers = [sprites[name] for name in ("hair_back", "body", "head")]
    head = sprites["head"]
    swing = head.image.height * math.sin(WIDEST_TURN)
    left = min(min(sprite.at[0] for sprite in layers) - room, head.at[0] - swing)
    right = max(sprite.at[0] + sprite.image.width for sprite in layers) + room
    right = max(right, head.at[0] + head.image.width + swing)
    top = min(sprite.at[1] for sprite in layers) - room
    return _even_box(left, top, right, view.height, view)


def _face(view: View) -> Box:
    """Return the box in which eyes and mouth may be."""
    left, top = min(EYES_BOX[0], MOUTH_BOX[0]), EYES_BOX[1]
    right = max(EYES_BOX[0] + EYES_BOX[2], MOUTH_BOX[0] + MOUTH_BOX[2])
    bottom = MOUTH_BOX[1] + MOUTH_BOX[3]
    swing_x = (NECK[1] - top) * math.sin(WIDEST_TURN) + WIDEST_SHIFT
    swing_y = (right - left) / 2 * math.sin(WIDEST_TURN) + WIDEST_SHIFT
    return _even_box(
        view.x(left - swing_x),
        view.y(top - swing_y),
        view.x(right + swing_x),
        view.y(bottom + swing_y),
        view,
    )


def _even_box(left: float, top: float, right: float, bottom: float, view: View) -> Box:
    """Return the smallest even box around these edges, within the frame."""
    x, y = max(0, int(left) // 2 * 2), max(0, int(top) // 2 * 2)
    width = min(view.width, math.ceil(right / 2) * 2) - x
    return Box(x, y, width, min(view.height, math.ceil(bottom / 2) * 2) - y)
