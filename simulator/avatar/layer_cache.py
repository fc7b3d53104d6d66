"""A cache of drawn layers, bounded in bytes; it drops the least recently used."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

from PIL import Image


class LayerCache:
    """The bound is in bytes, not entries: a head at 1080 lines takes 3 MB, and poses are many."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._layers: OrderedDict[Hashable, Image.Image] = OrderedDict()

    def get(self, key: Hashable, draw: Callable[[], Image.Image]) -> Image.Image:
        """Return the layer of `key`; draw it if it is not in the cache."""
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
