"""Regions cut out of maps of what each pixel is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.kinds.masks.raster import crop
from errata_model.regions.records import Region
from errata_model.regions.shapes import Mask, Size

Floats = NDArray[np.floating]

_LEVELS = (0.5, 0.25, 0.1)  # of the probability that something is there: what is fainter is looked for where nothing is
_CORE = 0.5
_FEWEST_PIXELS = 4


def cut(
    probabilities: Floats, cores: Floats, labels: Sequence[str], is_whole: NDArray[np.bool_], size: Size
) -> tuple[Region, ...]:
    """Return the regions of an image, each with the mean probability of its class as score.

    Regions that touch are told apart by their cores: each pixel goes to the nearest. Faint regions are cut
    at lower levels, where nothing surer is. A class that is marked as a whole has one region of all pixels where it is
    the likeliest class, whatever it touches; a faint one only where no pixel of it is surer.

    Args:
        probabilities: (K + 1, h, w), of no class first; they sum to 1.
        cores: (h, w) the probability of being in a region's core.
        labels: K.
        is_whole: (K,) which classes are marked as a whole.
        size: of the image that the masks are for, in pixels.
    """
    foreground, best = 1 - probabilities[0], probabilities[1:].argmax(axis=0)
    numbers = separate(np.where(is_whole[best], 0, foreground), cores)
    n_parts = int(numbers.max()) + 1
    sums = np.stack([np.bincount(numbers.ravel(), each.ravel(), n_parts) for each in probabilities[1:]])
    sums[is_whole] = -1
    classes = sums.argmax(axis=0).tolist()
    for whole in np.flatnonzero(is_whole).tolist():
        is_there = _surest(np.where(best == whole, foreground, 0))
        if is_there.any():
            numbers[is_there] = len(classes)
            classes.append(whole)
    where = numbers.ravel()
    of_class = np.take_along_axis(probabilities[1:], np.array(classes)[numbers][None], axis=0)
    scores = np.bincount(where, of_class.ravel()) / np.maximum(np.bincount(where), 1)
    return tuple(
        Region("", labels[classes[number]], mask, float(scores[number])) for number, mask in _crops(numbers, size)
    )


def _surest(foreground: Floats) -> NDArray[np.bool_]:
    """Return (h, w) the pixels beyond the highest level that any is beyond; none where too few are."""
    areas = (foreground > level for level in _LEVELS)
    return next((area for area in areas if np.count_nonzero(area) >= _FEWEST_PIXELS), np.zeros(foreground.shape, bool))


def separate(foreground: Floats, cores: Floats) -> NDArray[np.int32]:
    """Return (h, w) numbers of regions from 1, 0 where none is.

    Args:
        foreground: (h, w) the probability that anything is there.
        cores: (h, w) the probability of being in the core of a region.
    """
    from scipy.ndimage import label  # noqa: PLC0415 - takes 0.1 s

    likely, *fainter = _LEVELS
    area = foreground > likely
    markers = _add_parts(label((cores > _CORE) & area)[0], area, fewest=1)
    numbers = _grow(markers, area)
    for level in fainter:
        numbers = _add_parts(numbers, foreground > level, _FEWEST_PIXELS)
    return numbers


def _grow(markers: NDArray[np.int32], area: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give each pixel of an area the number of the nearest marker in the same connected part; every part has one."""
    from scipy.ndimage import distance_transform_edt, label  # noqa: PLC0415

    if not markers.any():
        return markers
    parts, n_parts = label(area)
    is_marked = markers > 0
    any_of_part, part_of = np.zeros(n_parts + 1, dtype=np.int32), np.zeros(markers.max() + 1, dtype=np.int32)
    any_of_part[parts[is_marked]], part_of[markers[is_marked]] = markers[is_marked], parts[is_marked]
    nearest = markers[tuple(distance_transform_edt(~is_marked, return_distances=False, return_indices=True))]
    return np.where(area, np.where(part_of[nearest] == parts, nearest, any_of_part[parts]), 0).astype(np.int32)


def _add_parts(numbers: NDArray[np.int32], area: NDArray[np.bool_], fewest: int) -> NDArray[np.int32]:
    """Number the connected parts of an area that hold no pixel with a number, if they are large enough."""
    from scipy.ndimage import label  # noqa: PLC0415

    parts, n_parts = label(area)
    is_fresh = np.bincount(parts.ravel(), minlength=n_parts + 1) >= fewest
    is_fresh[parts[numbers > 0]] = False
    is_fresh[0] = False
    fresh = np.zeros(n_parts + 1, dtype=np.int32)
    fresh[is_fresh] = numbers.max() + 1 + np.arange(is_fresh.sum())
    return np.asarray(np.where(numbers > 0, numbers, fresh[parts]))


def _crops(numbers: NDArray[np.integer], size: Size) -> Iterator[tuple[int, Mask]]:
    """Yield each number above 0 with the mask of the pixels that have it, brought to the size of the image."""
    from scipy.ndimage import find_objects  # noqa: PLC0415

    shown = np.asarray(Image.fromarray(numbers.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
    for number, window in enumerate(find_objects(shown), 1):
        if window is not None:
            mask = crop(shown[window] == number, window[0].start, window[1].start, size)
            if mask is not None:
                yield number, mask
