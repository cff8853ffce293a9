"""What a network should say of every pixel: which class it is of, and whether it lies in the core of its region."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.raster import rasterize
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size

UNKNOWN = -1  # the class of pixels that nothing is learned from
_CORE = 0.35  # of the greatest depth of a region: what lies deeper is its core
_SEVERAL = 0.05  # of the images that have a class at most have several regions of it, where it is marked as a whole


@dataclass(frozen=True, slots=True)
class Target:
    """What was given on one image, packed: thousands of images would not fit in memory.

    Attributes:
        size: of the image as learned, in pixels.
        classes: (h, w) int16, 0 for none, K for the last label, -1 where it is not known.
        cores: (h, w) bool.
    """

    size: Size
    classes: bytes
    cores: bytes

    def unpack(self) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        """Return `classes` and `cores`."""
        shape = self.size[1], self.size[0]
        classes = np.frombuffer(zlib.decompress(self.classes), dtype=np.int16)
        return classes.reshape(shape), np.frombuffer(zlib.decompress(self.cores), dtype=np.bool_).reshape(shape)


def to_target(regions: Sequence[Region], labels: Sequence[str], size: Size) -> Target:
    """Return what the regions of an image ask for; where they overlap, the smaller lies above.

    A region's core is what is deep inside it, by distances to its edge as shares of the greatest: regions that touch
    have each a core of their own, whatever their size.
    """
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - takes 0.1 s

    numbers = {label: number for number, label in enumerate(labels, 1)}
    classes = np.zeros((size[1], size[0]), dtype=np.int16)
    cores = np.zeros(classes.shape, dtype=np.bool_)
    masks = [
        (mask, numbers.get(region.label, UNKNOWN)) for region in regions if (mask := rasterize(region.shape, size))
    ]
    for mask, number in sorted(masks, key=lambda each: -int(each[0].bitmap.sum())):
        height, width = mask.bitmap.shape
        window = slice(mask.top, mask.top + height), slice(mask.left, mask.left + width)
        distance = distance_transform_edt(np.pad(mask.bitmap, 1))[1:-1, 1:-1]
        classes[window][mask.bitmap] = number
        cores[window][mask.bitmap] = (distance > _CORE * distance.max())[mask.bitmap]
    return Target(size, zlib.compress(classes.tobytes(), 1), zlib.compress(cores.tobytes(), 1))


def find_wholes(given: Sequence[Sequence[Region]], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return (K,) which classes people mark by one region an image, however many parts it has, and not one by one."""
    counts = np.array([[sum(region.label == label for region in each) for label in labels] for each in given])
    counts = counts.reshape(len(given), len(labels))
    return np.asarray((counts > 1).sum(axis=0) <= _SEVERAL * (counts > 0).sum(axis=0), dtype=bool)
