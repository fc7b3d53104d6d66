"""Loads the sprites of one avatar at one size."""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ART = Path(__file__).parent / "art"


@dataclass(frozen=True, slots=True)
class Sprite:
    """`image` is RGBA (the background RGB); `at` is the position of its corner in the frame, in pixels."""

    image: Image.Image
    at: tuple[int, int]


def load_sprites(avatar: str, height: int) -> dict[str, Sprite]:
    """Return all sprites of `avatar` ("ava", "mira") for frames of `height` lines.

    Raises `FileNotFoundError` if they have not been baked (`python -m simulator.avatar.bake`).
    """
    sprites = {}
    with zipfile.ZipFile(ART / f"{avatar}-{height}.zip") as packed:
        for entry in packed.namelist():
            name, _, place = entry.removesuffix(".png").partition("@")
            x, y = place.split(",")
            image = Image.open(io.BytesIO(packed.read(entry)))
            image.load()
            sprites[name] = Sprite(image, (int(x), int(y)))
    return sprites
