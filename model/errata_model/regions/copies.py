"""Exact copies of a region, by the thousands where a tool went wrong: some of them stand for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Shape

_MOST_COPIES = 20  # of one region that are compared with each other: time goes with the square of their number


def without_copies(item: Item) -> tuple[Item, list[int]]:
    """Leave out regions of which 20 exact copies, label and shape, are there already.

    Of believed ones the surest copies stay.

    Returns:
        item: with fewer regions; the same one where there are no such copies.
        speaks: of each given region the row, in the returned item, of the one that stands for it.
    """
    kept, speaks = _first_copies(item.given)
    surest = sorted(enumerate(item.believed.regions), key=lambda each: -(each[1].score or 0.0))
    numbers = [row for row, _ in surest]
    believed = sorted(numbers[place] for place in _first_copies([region for _, region in surest])[0])
    if len(kept) == len(item.given) and len(believed) == len(numbers):
        return item, speaks
    regions = tuple(item.believed.regions[row] for row in believed)
    return replace(
        item, given=tuple(item.given[row] for row in kept), believed=replace(item.believed, regions=regions)
    ), speaks


def _first_copies(regions: Sequence[Region]) -> tuple[list[int], list[int]]:
    """Return the rows of the first copies of each region, and for each region the place there of what stands for it."""
    counts: Counter[tuple[str, Shape]] = Counter()
    last: dict[tuple[str, Shape], int] = {}
    kept: list[int] = []
    speaks: list[int] = []
    for row, region in enumerate(regions):
        key = region.label, region.shape
        counts[key] += 1
        if counts[key] <= _MOST_COPIES:
            last[key] = len(kept)
            kept.append(row)
        speaks.append(last[key])
    return kept, speaks
