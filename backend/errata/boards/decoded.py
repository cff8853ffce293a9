"""Large pictures that were decoded a moment ago: a scene with many regions is decoded once, not once a tile."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from PIL import Image

_FEWEST_PIXELS = 4_000_000  # less is decoded again as quickly
_MOST_PIXELS = 48_000_000  # of all together; each takes four bytes


class DecodedPictures:
    """Keeps the large pictures that were used last. Thread-safe; who gets one must not change it.

    Args:
        most_pixels: of all that are kept.
        fewest_pixels: smaller ones are not kept.
    """

    def __init__(self, most_pixels: int = _MOST_PIXELS, fewest_pixels: int = _FEWEST_PIXELS) -> None:
        self._most_pixels = most_pixels
        self._fewest_pixels = fewest_pixels
        self._kept: OrderedDict[Hashable, Image.Image] = OrderedDict()  # the last used one last
        self._at_work: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, n_pixels: int, decode: Callable[[], Image.Image]) -> Image.Image:
        """Return a picture, decoded by one thread where several want it at once.

        Args:
            key: of the content, and of how far it is decoded.
            n_pixels: how many it will have, about.
            decode: makes it; what it raises is raised here.
        """
        if not self._fewest_pixels <= n_pixels <= self._most_pixels:
            return decode()
        with self._lock:
            at_work = self._at_work.setdefault(key, threading.Lock())
        with at_work:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key]
            try:
                picture = decode()
                self._keep(key, picture)
            finally:
                with self._lock:
                    self._at_work.pop(key, None)
        return picture

    def _keep(self, key: Hashable, picture: Image.Image) -> None:
        with self._lock:
            self._kept[key] = picture
            while sum(each.width * each.height for each in self._kept.values()) > self._most_pixels:
                self._kept.popitem(last=False)
