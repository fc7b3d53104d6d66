"""`python -m simulator.avatar.bake`: render the SVG art into sprite files, one per avatar and height.

A sprite file is a zip of PNG images named `<part>@<x>,<y>.png`; x and y are its position in the frame, in pixels.
Needs resvg-py (requirements-dev.txt). The sprite files are committed, so the avatar itself does not need it.
"""

import io
import logging
import sys
import zipfile
from math import ceil, floor
from pathlib import Path

import resvg_py
from PIL import Image

from simulator.avatar.rig import AVATARS, EYES_BOX, MOUTH_BOX, SIZES, WHOLE_LAYERS, View

logger = logging.getLogger(__name__)

ART = Path(__file__).parent / "art"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same art gives the same bytes


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for avatar in AVATARS:
        for size in SIZES.values():
            view = View(*size)
            target = ART / f"{avatar}-{view.height}.zip"
            target.write_bytes(bake(ART / avatar, view))
            logger.info("%s: %d kB", target.name, target.stat().st_size // 1000)
    return 0


def bake(drawings: Path, view: View) -> bytes:
    """Return a sprite file of all SVG files in `drawings`, for frames of the size of `view`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as sprites:  # not deflated: PNG is compressed already
        for drawing in sorted(drawings.glob("*.svg")):
            (x, y), image = _draw(drawing, view)
            png = io.BytesIO()
            image.save(png, "PNG", optimize=True)
            sprites.writestr(zipfile.ZipInfo(f"{drawing.stem}@{x},{y}.png", EPOCH), png.getvalue())
    return packed.getvalue()


def _draw(drawing: Path, view: View) -> tuple[tuple[int, int], Image.Image]:
    """Return the image, cropped to its painted part, and the position of its corner.

    Its pixels lie on pixels of the frame, so that parts fit together without resampling.
    """
    left, top, right, bottom = _pixels(drawing.stem, view)
    width, height = right - left, bottom - top
    box = (left / view.scale + view.left, top / view.scale, width / view.scale, height / view.scale)
    svg = drawing.read_text()
    inner = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
    framed = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{" ".join(map(str, box))}" preserveAspectRatio="none">{inner}</svg>'
    )
    image = Image.open(io.BytesIO(resvg_py.svg_to_bytes(svg_string=framed, skip_system_fonts=True)))
    if drawing.stem == "background":
        return (left, top), image.convert("RGB")
    painted = image.getbbox() or (0, 0, 1, 1)
    return (left + painted[0], top + painted[1]), image.crop(painted)


def _pixels(name: str, view: View) -> tuple[int, int, int, int]:
    if name in WHOLE_LAYERS:
        return 0, 0, view.width, view.height
    x, y, width, height = EYES_BOX if name.startswith("eyes") else MOUTH_BOX
    return (
        floor(view.x(x)),
        floor(view.y(y)),
        ceil(view.x(x + width)),
        ceil(view.y(y + height)),
    )


if __name__ == "__main__":
    sys.exit(main())
