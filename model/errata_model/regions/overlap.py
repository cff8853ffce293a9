"""How much regions overlap, in [0, 1]: all pairs as a table, or those alone that do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.geometry import bounds_xyxy, exact_overlaps, is_upright
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_PAIRS_AT_A_TIME = 2_000_000
_SQUARE: Size = (1000, 1000)  # where the size of an image is not known


@dataclass(frozen=True, slots=True)
class Pairs:
    """Regions of one side that overlap regions of the other; those that do not are left out.

    Attributes:
        first: (E,) rows of the first side.
        second: (E,) rows of the second.
        overlap: (E,) in (0, 1].
    """

    first: Indices
    second: Indices
    overlap: Floats

    def where(self, kept: NDArray[np.bool_]) -> Pairs:
        """Return the pairs that `kept`, (E,), names."""
        return Pairs(self.first[kept], self.second[kept], self.overlap[kept])


def overlaps(a: Sequence[Region], b: Sequence[Region], size: Size | None = None) -> Floats:
    """Return (G, P) how much each of `a` overlaps each of `b`, labels aside: 0 apart, 1 the same.

    Areas (boxes, ellipses, polygons, masks, in any mixture) and spans by intersection over union. Points by
    exp(-d^2 / 2s^2), s being 0.025 times the square root of the image's area; a point beside an area by the middle of
    the area's bounding box. What has no extent, or coordinates that are no numbers, overlaps nothing; so do spans of
    different channels, and spans beside shapes.

    Args:
        a: (G) regions.
        b: (P) regions.
        size: of the image, in pixels; a square where it is not known.

    Source:
        Points: COCO's object key point similarity, with the scale of the image in place of the object's.
    """
    pairs = overlapping_pairs(a, b, size)
    table = np.zeros((len(a), len(b)))
    table[pairs.first, pairs.second] = pairs.overlap
    return table


def overlapping_pairs(a: Sequence[Region], b: Sequence[Region], size: Size | None = None) -> Pairs:
    """Return the pairs of `overlaps` that are above 0, in memory that grows with their number instead of G * P."""
    return pairs_within_items([a], [b], [size])


def pairs_within_items(
    firsts: Sequence[Sequence[Region]], seconds: Sequence[Sequence[Region]], sizes: Sequence[Size | None]
) -> Pairs:
    """Return the pairs of all items that overlap, rows counted over all items; see `overlaps`.

    Args:
        firsts: N, the regions of each item.
        seconds: N, likewise, of the other side.
        sizes: N, of each item's image.
    """
    known = [size or _SQUARE for size in sizes]
    items = [np.repeat(np.arange(len(side)), [len(regions) for regions in side]) for side in (firsts, seconds)]
    shapes = [[region.shape for regions in side for region in regions] for side in (firsts, seconds)]
    corners = [
        np.concatenate(
            [np.zeros((0, 4)), *(_corners(regions, size) for regions, size in zip(side, known, strict=True))]
        )
        for side in (firsts, seconds)
    ]
    upright = [np.array([is_upright(shape) for shape in side], dtype=bool) for side in shapes]
    touching = box_pairs(items[0], corners[0], items[1], corners[1])
    rest = np.flatnonzero(~(upright[0][touching.first] & upright[1][touching.second]))
    if not len(rest):
        return touching
    overlap = touching.overlap.copy()
    of_item = items[0][touching.first[rest]]
    for rows in np.split(rest, np.flatnonzero(np.diff(of_item)) + 1):
        pairs = touching.first[rows].tolist(), touching.second[rows].tolist()
        one, other = ([side[row] for row in of_side] for side, of_side in zip(shapes, pairs, strict=True))
        overlap[rows] = exact_overlaps(one, other, known[items[0][pairs[0][0]]])
    return Pairs(touching.first, touching.second, overlap).where(overlap > 0)


def box_pairs(
    first_items: NDArray[np.integer],
    first_xyxy: NDArray[np.floating],
    second_items: NDArray[np.integer],
    second_xyxy: NDArray[np.floating],
    least: float = 0.0,
) -> Pairs:
    """Return the pairs of upright boxes of the same item that overlap, by intersection over union.

    Args:
        first_items: (G,) item numbers, ascending.
        first_xyxy: (G, 4) corners, in a unit that is as long both ways.
        second_items: (P,) item numbers, ascending.
        second_xyxy: (P, 4) corners.
        least: pairs that overlap less, or not at all, are left out.

    Raises:
        ValueError: item numbers are not ascending.
    """
    if any((np.diff(items) < 0).any() for items in (first_items, second_items)):
        raise ValueError("item numbers must be ascending")
    columns, others = np.ascontiguousarray(first_xyxy.T), np.ascontiguousarray(second_xyxy.T)
    found = [Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for first, second in _pairs_across(first_items, columns[::2], second_items, others[::2]):
        meets = (columns[1][first] < others[3][second]) & (others[1][second] < columns[3][first])
        one, other = first[meets], second[meets]
        overlap = paired_iou(first_xyxy[one], second_xyxy[other])
        found.append(Pairs(one, other, overlap).where((overlap > 0) & (overlap >= least)))
    rows = [np.concatenate(each) for each in zip(*((each.first, each.second) for each in found), strict=True)]
    order = np.lexsort((rows[1], rows[0]))
    return Pairs(rows[0][order], rows[1][order], np.concatenate([each.overlap for each in found])[order])


def paired_iou(first_xyxy: NDArray[np.floating], second_xyxy: NDArray[np.floating]) -> Floats:
    """Return (E,) intersection over union of the two boxes of each row; 0 where one has no area, or NaN."""
    width = np.minimum(first_xyxy[:, 2], second_xyxy[:, 2]) - np.maximum(first_xyxy[:, 0], second_xyxy[:, 0])
    height = np.minimum(first_xyxy[:, 3], second_xyxy[:, 3]) - np.maximum(first_xyxy[:, 1], second_xyxy[:, 1])
    common = np.where((width > 0) & (height > 0), width * height, 0.0)
    union = _areas(first_xyxy) + _areas(second_xyxy) - common
    return np.asarray(np.divide(common, union, out=np.zeros(len(common)), where=(common > 0) & (union > 0)))


def _corners(regions: Sequence[Region], size: Size) -> Floats:
    return bounds_xyxy([region.shape for region in regions], size)


def _areas(xyxy: NDArray[np.floating]) -> Floats:
    return np.asarray((xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1]), dtype=np.float64)


def _pairs_across(
    first_items: NDArray[np.integer], first_x: Floats, second_items: NDArray[np.integer], second_x: Floats
) -> Iterator[tuple[Indices, Indices]]:
    """Yield all pairs of rows of equal items that overlap from left to right, some millions at a time.

    Either the second one begins within the first one, or the first one within the second one, a little later.

    Args:
        first_items: (G,) item numbers.
        first_x: (2, G) where each begins and ends; one with NaN may be in any pairs.
        second_items: (P,) item numbers.
        second_x: (2, P) likewise.
    """
    places, ranks = np.unique(np.concatenate((first_x.ravel(), second_x.ravel())), return_inverse=True)
    firsts, seconds = (each.reshape(2, -1) for each in np.split(ranks.ravel(), [first_x.size]))
    firsts, seconds = firsts + first_items * len(places), seconds + second_items * len(places)
    for is_swapped, (begins, ends), others in ((False, firsts, seconds[0]), (True, seconds, firsts[0])):
        order = np.argsort(others, kind="stable")
        starts = np.searchsorted(others, begins, "right" if is_swapped else "left", order)
        counts = np.maximum(np.searchsorted(others, ends, "left", order) - starts, 0)
        for rows, within in _repeated(counts):
            found = order[np.repeat(starts[rows], counts[rows]) + within]
            mine = np.repeat(np.arange(rows.start, rows.stop), counts[rows])
            yield (found, mine) if is_swapped else (mine, found)


def _repeated(counts: Indices) -> Iterator[tuple[slice, Indices]]:
    """Yield rows whose counts come to some millions at most (more only for one row's), and 0, 1, ... of each."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _PAIRS_AT_A_TIME, "right")))
        mine = counts[start:stop]
        yield slice(start, stop), np.arange(int(mine.sum())) - np.repeat(ends[start:stop] - mine - before, mine)
        start = stop
