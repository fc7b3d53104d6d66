"""Poses into pictures: sprites put together with Pillow, keeping every turned layer for the next time."""

import math
from dataclasses import dataclass

from PIL import Image

from simulator.avatar.layer_cache import LayerCache
from simulator.avatar.pose import SHIFT_STEP, Pose
from simulator.avatar.rig import HAIR_FOLLOWS, NECK, View
from simulator.avatar.sprites import Sprite

CACHE_BYTES = 64 << 20
BACK_STEP = 1.0  # design units: the hair behind the head may move more coarsely than the face
WIDEST_TURN = math.radians(6)  # more than any mood asks for: what the margins are made for


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the frame, in pixels; all even, so that it fits the half-size colour planes of I420."""

    x: int
    y: int
    width: int
    height: int


class Painter:
    """Draws one avatar at one size. Only the `stage`, the box around the presenter, ever changes."""

    def __init__(self, sprites: dict[str, Sprite], view: View) -> None:
        self.background = sprites["background"].image
        self.stage = _stage(sprites, view)
        self._view = view
        self._neck = (view.x(NECK[0]), view.y(NECK[1]))
        self._sprites = sprites
        self._cache = LayerCache(CACHE_BYTES)
        stage = self.stage
        self._backdrop = self.background.crop(
            (stage.x, stage.y, stage.x + stage.width, stage.y + stage.height)
        )
        self._canvas = self._backdrop.copy()

    def paint(self, pose: Pose) -> Image.Image:
        """The stage in a snapped `pose`, RGB. The picture is painted over by the next call."""
        self._canvas.paste(self._backdrop)
        shift_x, shift_y = pose.shift_x * self._view.scale, pose.shift_y * self._view.scale
        follows, step = HAIR_FOLLOWS, max(SHIFT_STEP, BACK_STEP * self._view.scale)
        self._put("hair_back", pose.turn * follows, shift_x * follows, shift_y * follows, step)
        self._put("body", 0.0, 0.0, pose.breath * self._view.scale, SHIFT_STEP)
        for part in ("head", pose.eyes, pose.mouth):
            self._put(part, pose.turn, shift_x, shift_y, SHIFT_STEP)
        return self._canvas

    def _put(self, name: str, turn: float, shift_x: float, shift_y: float, step: float) -> None:
        """Paste a sprite turned about the neck by `turn` degrees, then shifted (pixels, in steps of `step`)."""
        sprite = self._sprites[name]
        width, height = sprite.image.size
        middle_x, middle_y = sprite.at[0] + width / 2, sprite.at[1] + height / 2
        cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        from_neck = middle_x - self._neck[0], middle_y - self._neck[1]
        # Whole pixels are left to the pasting, so that one turned layer serves wherever it goes.
        whole_x, part_x = _split(
            self._neck[0] + cos * from_neck[0] - sin * from_neck[1] + shift_x - middle_x, step
        )
        whole_y, part_y = _split(
            self._neck[1] + sin * from_neck[0] + cos * from_neck[1] + shift_y - middle_y, step
        )
        layer = self._cache.get(
            (name, turn, part_x, part_y), lambda: _turned(sprite.image, cos, sin, part_x, part_y)
        )
        margin_x, margin_y = _margins(width, height)
        left = sprite.at[0] + whole_x - margin_x - self.stage.x
        top = sprite.at[1] + whole_y - margin_y - self.stage.y
        self._canvas.paste(layer, (left, top), layer)


def _split(pixels: float, step: float) -> tuple[int, float]:
    """Whole pixels and the rest, which is a multiple of `step`."""
    snapped = round(pixels / step) * step
    whole = math.floor(snapped)
    return whole, snapped - whole


def _turned(image: Image.Image, cos: float, sin: float, part_x: float, part_y: float) -> Image.Image:
    """`image` with margins, turned about its middle and shifted by a part of a pixel."""
    margin_x, margin_y = _margins(*image.size)
    size = (image.width + 2 * margin_x, image.height + 2 * margin_y)
    from_x, from_y = size[0] / 2 + part_x, size[1] / 2 + part_y
    # Pillow asks for the inverse: where in `image` each pixel of the result comes from.
    inverse = (
        cos, sin, image.width / 2 - cos * from_x - sin * from_y,
        -sin, cos, image.height / 2 + sin * from_x - cos * from_y,
    )  # fmt: skip
    return image.transform(size, Image.Transform.AFFINE, inverse, Image.Resampling.BILINEAR)


def _margins(width: int, height: int) -> tuple[int, int]:
    """Room around a sprite for its corners when it turns, and a pixel for the shift."""
    return (
        math.ceil(height / 2 * math.sin(WIDEST_TURN)) + 1,
        math.ceil(width / 2 * math.sin(WIDEST_TURN)) + 1,
    )


def _stage(sprites: dict[str, Sprite], view: View) -> Box:
    room = 24 * view.scale  # the largest shift of any layer
    layers = [sprites[name] for name in ("hair_back", "body", "head")]
    swing = sprites["head"].image.height * math.sin(WIDEST_TURN)
    left = min(sprite.at[0] for sprite in layers) - room
    right = max(sprite.at[0] + sprite.image.width for sprite in layers) + room
    head = sprites["head"]
    left = min(left, head.at[0] - swing)
    right = max(right, head.at[0] + head.image.width + swing)
    top = min(sprite.at[1] for sprite in layers) - room
    x, y = max(0, int(left) // 2 * 2), max(0, int(top) // 2 * 2)
    return Box(x, y, min(view.width, math.ceil(right / 2) * 2) - x, view.height - y)
