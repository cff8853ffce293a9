"""How much of a mask the belief surely contradicts: a few sure pixels say more than many of which it is unsure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.evidence import Pixels, Shared, sums_of
from errata_model.regions.shapes import Size

Floats = NDArray[np.float64]

_TEMPERATURE = 0.1  # of probabilities: a pixel given .1 counts a third of one given 0, one given .5 a hundredth
_LEAST = 0.005  # of a mask's pixels: fewer are as good as none
# By how much a pixel contradicts that it is of a class, whose probability is so much of 255.
_AGAINST = np.exp(-np.arange(256) / 255 / _TEMPERATURE)


def against(said: NDArray[np.uint8], columns: NDArray[np.int64]) -> Floats:
    """Return by how much each of M pixels contradicts its being of a class, in (0, 1].

    Args:
        said: (M, K + 1) probabilities, of 255.
        columns: (M,) of the class; 0 of no class.
    """
    own = np.take(said.ravel(), np.arange(0, said.size, said.shape[1]) + columns)
    return np.take(_AGAINST, own)


def free_pixels(believed: Pixels, given: Pixels, size: Size) -> Pixels:
    """Return the pixels of believed regions that no given mask holds, on an image of a size in pixels."""
    is_held = np.zeros(size[0] * size[1], dtype=np.bool_)
    is_held[given.places] = True
    free = (~np.take(is_held, believed.places)).nonzero()[0]
    owners = np.take(believed.owners, free)
    return Pixels(np.take(believed.places, free), owners, np.bincount(owners, minlength=len(believed.areas)))


def contradiction_features(pixels: Pixels, within: Floats, free: Pixels, there: Floats, shared: Shared) -> Floats:
    """Return (G, 2) what of each given mask is surely contradicted, as logarithms of shares: columns

    0   of its pixels, what is surely not of its label; all of a mask that is no area
    1   of those of the believed region that it is, what is surely something and in no given mask; none where it is none

    Args:
        pixels: (M) of the given masks.
        within: (M,) `against` their being of their labels; 1 where the config has none of that name.
        free: (F) pixels of the believed regions that are in no given mask.
        there: (F,) `against` there being nothing.
        shared: how given and believed masks share pixels.

    Source:
        The weights are those of the softmin of Lad and Mueller, "Estimating label quality and errors in semantic
        segmentation data via any model", 2023, within a region in place of an image.
    """
    inside = sums_of(pixels, within, np.float64) / np.maximum(pixels.areas, 1)
    inside[pixels.areas == 0] = 1
    left_out = sums_of(free, there, np.float64) / np.maximum(shared.believed_area, 1)
    outside = np.append(left_out, 0.0)[shared.believed_of]  # -1 is the last one
    return np.log(np.column_stack((inside, outside)) / _LEAST + 1)
