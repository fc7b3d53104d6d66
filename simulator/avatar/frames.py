"""Converts pictures into I420 frames for a video source; only the changed part each time."""

import numpy as np
from livekit import rtc
from numpy.typing import NDArray
from PIL import Image

from simulator.avatar.painter import Patch

I420, RGB24 = rtc.VideoBufferType.I420, rtc.VideoBufferType.RGB24


class FrameBuffer:
    """The memory of one frame. Each picture overwrites it; `frame` is a view of it."""

    def __init__(self, background: Image.Image) -> None:
        self._pixels = _converted(background)
        width, height = background.size
        self._planes = _planes(self._pixels, width, height)
        self.frame = rtc.VideoFrame(width, height, I420, self._pixels.data)

    def write(self, patch: Patch) -> None:
        """Write a changed part of the picture at its position."""
        box = patch.box
        parts = _planes(_converted(patch.picture), box.width, box.height)
        luma, blue, red = self._planes
        luma[box.y : box.y + box.height, box.x : box.x + box.width] = parts[0]
        rows = slice(box.y // 2, (box.y + box.height) // 2)
        columns = slice(box.x // 2, (box.x + box.width) // 2)
        blue[rows, columns] = parts[1]
        red[rows, columns] = parts[2]


def _converted(picture: Image.Image) -> NDArray[np.uint8]:
    frame = rtc.VideoFrame(picture.width, picture.height, RGB24, picture.tobytes()).convert(I420)
    return np.frombuffer(bytearray(frame.data), dtype=np.uint8)


def _planes(pixels: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], ...]:
    luma, chroma = width * height, width * height // 4
    return (
        pixels[:luma].reshape(height, width),
        pixels[luma : luma + chroma].reshape(height // 2, width // 2),
        pixels[luma + chroma :].reshape(height // 2, width // 2),
    )
