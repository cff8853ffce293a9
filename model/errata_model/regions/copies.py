"""Copies of a region, by the thousands where a tool went wrong: some of them stand for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.records import Item, Region

_MOST_COPIES = 20  # of one region that are compared with each other: time goes with the square of their number
_MOST_PAIRS = 1_000_000  # of regions of an item that overlap: beyond that near copies, too, stand for one another
# Which are near: left, right, top and bottom differ by less than this share of the extent; and how many stay of those.
_NEAR = ((0.1, 20), (0.2, 10), (0.4, 5), (0.8, 2))
_ROWS_AT_A_TIME = 256

Floats = NDArray[np.float64]
_KeysOf = Callable[[Sequence[Region]], Sequence[Hashable]]


def without_copies(item: Item) -> tuple[Item, list[int]]:
    """Leave out regions of which 20 exact copies, label and shape, are there already.

    Where a million pairs still overlap, copies that are not quite exact are left out, too: as few as need be. Of
    believed ones the surest stay.

    Returns:
        item: with fewer regions; the same one where there are no such copies.
        speaks: of each given region the row, in the returned item, of the one that stands for it.
    """
    fewer, speaks = _thinned(item, _exactly, _MOST_COPIES)
    for grain, most in _NEAR:
        if _n_pairs(fewer) <= _MOST_PAIRS:
            break
        fewer, speaks = _thinned(item, partial(_roughly, grain=grain), most)
    return fewer, speaks


def _thinned(item: Item, keys_of: _KeysOf, most: int) -> tuple[Item, list[int]]:
    believed = item.believed.regions
    if max(len(item.given), len(believed)) <= most:
        return item, list(range(len(item.given)))
    kept, speaks = _first_copies(keys_of(item.given), most)
    surest = sorted(range(len(believed)), key=lambda row: -(believed[row].score or 0.0))
    stay = sorted(surest[place] for place in _first_copies(keys_of([believed[row] for row in surest]), most)[0])
    if len(kept) == len(item.given) and len(stay) == len(believed):
        return item, speaks
    regions = tuple(believed[row] for row in stay)
    given = tuple(item.given[row] for row in kept)
    return replace(item, given=given, believed=replace(item.believed, regions=regions)), speaks


def _first_copies(keys: Sequence[Hashable], most: int) -> tuple[list[int], list[int]]:
    """Return the rows of the first copies of each region, and for each region the place there of what stands for it."""
    counts: Counter[Hashable] = Counter()
    last: dict[Hashable, int] = {}
    kept: list[int] = []
    speaks: list[int] = []
    for row, key in enumerate(keys):
        counts[key] += 1
        if counts[key] <= most:
            last[key] = len(kept)
            kept.append(row)
        speaks.append(last[key])
    return kept, speaks


def _exactly(regions: Sequence[Region]) -> Sequence[Hashable]:
    return [(region.label, region.shape) for region in regions]


def _roughly(regions: Sequence[Region], grain: float) -> Sequence[Hashable]:
    """Return keys that regions share whose sides are in the same cells, cells being shares of the extent."""
    bounds = _bounds(regions)
    extents = np.exp2(np.floor(np.log2(np.maximum(bounds[:, 2:] - bounds[:, :2], np.finfo(float).tiny))))
    cells = np.floor(bounds / np.tile(extents, 2) / grain)
    whole = np.column_stack((cells, extents)).tolist()
    return [(region.label, type(region.shape), *cell) for region, cell in zip(regions, whole, strict=True)]


def _n_pairs(item: Item) -> int:
    """Return how many pairs of regions overlap by their bounding boxes; fewer than it takes are not counted exactly."""
    if (len(item.given) + len(item.believed.regions)) ** 2 <= _MOST_PAIRS:
        return 0
    given, believed = _bounds(item.given), _bounds(item.believed.regions)
    sides = ((given, believed), (given, given), (believed, believed))
    return sum(
        _n_meeting(one, other) if len(one) * len(other) > _MOST_PAIRS else len(one) * len(other) for one, other in sides
    )


def _n_meeting(one: Floats, other: Floats) -> int:
    left, top, right, bottom = other.T
    before = np.searchsorted(np.sort(right), one[:, 0], side="right")
    along = int((np.searchsorted(np.sort(left), one[:, 2]) - before).sum())  # one axis alone: as many or more
    if along <= _MOST_PAIRS:
        return along
    return sum(
        np.count_nonzero((some[:, :1] < right) & (left < some[:, 2:3]) & (some[:, 1:2] < bottom) & (top < some[:, 3:]))
        for some in np.split(one, range(_ROWS_AT_A_TIME, len(one), _ROWS_AT_A_TIME))
    )


def _bounds(regions: Sequence[Region]) -> Floats:
    return np.nan_to_num(bounds_xyxy([region.shape for region in regions], (1, 1)))
