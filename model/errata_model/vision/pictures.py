"""Pictures at the size that a learner works at."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    import torch

_MOST_ENLARGED = 2.0


class Pictures:
    """Pictures scaled down, on disk until they are closed: thousands would not fit in memory.

    Attributes:
        side: of the longer side, in pixels.
        sizes: (N, 2) int64, width and height of each in pixels, scaled; 0 of those that are not there.

    Args:
        pictures: RGB images, each asked for once; None of one that cannot be had.
        side: see there.
    """

    def __init__(self, pictures: Iterable[Image.Image | None], side: int) -> None:
        self.side = side
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this
        sizes = []
        for picture in pictures:
            if picture is None:
                sizes.append((0, 0))
                continue
            pixels = scale(picture, side)
            self._file.write(pixels.tobytes())
            sizes.append((pixels.shape[2], pixels.shape[1]))
        self._file.flush()
        self.sizes: NDArray[np.int64] = np.array(sizes, dtype=np.int64).reshape(-1, 2)
        self._starts = np.concatenate(([0], np.cumsum(3 * self.sizes.prod(axis=1))))
        self._bytes = (
            np.memmap(self._file, dtype=np.uint8, mode="r") if self._starts[-1] else np.zeros(0, dtype=np.uint8)
        )

    def __enter__(self) -> Pictures:
        return self

    def __len__(self) -> int:
        return len(self.sizes)

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    @property
    def are_there(self) -> NDArray[np.bool_]:
        """Say which pictures there are, (N,)."""
        return np.asarray(self.sizes[:, 0] > 0)

    def load(self, row: int) -> NDArray[np.uint8]:
        """Return (3, h, w)."""
        width, height = self.sizes[row]
        return np.array(self._bytes[self._starts[row] : self._starts[row + 1]]).reshape(3, height, width)


def scale(picture: Image.Image, side: int) -> NDArray[np.uint8]:
    """Return (3, h, w): a picture whose longer side is `side` pixels, or less where it is much smaller."""
    factor = min(side / max(picture.size), _MOST_ENLARGED)
    width, height = (max(1, round(length * factor)) for length in picture.size)
    small = picture.convert("RGB").resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def lay(images: Sequence[NDArray[np.uint8]], multiple: int) -> torch.Tensor:
    """Return (n, 3, H, W) uint8: images from the top left corner of canvases whose sides are multiples of a number.

    What is left is filled with each image's own mean colour.
    """
    import torch  # noqa: PLC0415 - takes seconds

    height, width = (math.ceil(max(each.shape[axis] for each in images) / multiple) * multiple for axis in (1, 2))
    canvas = np.empty((len(images), 3, height, width), dtype=np.uint8)
    for row, image in zip(canvas, images, strict=True):
        row[:] = image.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
        row[:, : image.shape[1], : image.shape[2]] = image
    return torch.from_numpy(canvas)
