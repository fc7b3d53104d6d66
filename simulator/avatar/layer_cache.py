"""Least recently used drawings, held to a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from PIL import Image


class LayerCache:
    """Poses are many and a head at 1080 lines is 3 MB, so what is capped are bytes, not entries."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._layers: OrderedDict[Hashable, Image.Image] = OrderedDict()

    def get(self, key: Hashable, draw: Callable[[], Image.Image]) -> Image.Image:
        """The layer under `key`, drawn now if it is not held."""
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = draw()
            self._bytes += _size(layer)
            while self._bytes > self._max_bytes and len(self._layers) > 1:
                self._bytes -= _size(self._layers.popitem(last=False)[1])
        else:
            self._layers.move_to_end(key)
        return layer


def _size(layer: Image.Image) -> int:
    return layer.width * layer.height * 4  # Pillow holds RGB in four bytes as well
