"""Regions of many items as columns of numbers, beside which of them overlap: what scoring computes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.overlap import Pairs, pairs_within_items
from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Size

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
PairsOf = Callable[[Sequence[Region], Sequence[Region], Size | None], Pairs]

UNKNOWN = -1  # the column of a label that the config does not know
UNSCORED = 0.5  # of a believed region that came without a score: it was thought worth saying, and no more is known
_UNIT: Size = (1, 1)


@dataclass(frozen=True, slots=True)
class Columns:
    """N regions.

    Attributes:
        items: (N,) number of each one's item, ascending.
        labels: (N,) columns; -1 of a label that is not known, which equals no other.
        extents: (N, 2) width and height, > 0 where there is an extent; in one unit for all rows.
        scores: (N,) in [0, 1]; 1 of what people marked.
    """

    items: Indices
    labels: Indices
    extents: Floats
    scores: Floats

    def __len__(self) -> int:
        """Return N."""
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Marks:
    """What people marked on some items beside what is believed there.

    Attributes:
        given: G regions.
        believed: P regions.
        across: the pairs of a given and a believed region that overlap.
        among_given: the pairs of given ones, both ways round and without a region beside itself.
        among_believed: the pairs of believed ones, likewise.
        n_items: how many items there are, with those that have no region.
        n_labels: K.
    """

    given: Columns
    believed: Columns
    across: Pairs
    among_given: Pairs
    among_believed: Pairs
    n_items: int
    n_labels: int


def to_marks(items: Sequence[Item], labels: Sequence[str], pairs_of: PairsOf | None = None) -> Marks:
    """Write items as columns.

    Args:
        items: annotations beside what is believed.
        labels: of the control, in its order.
        pairs_of: tells which regions of an item overlap how much; `overlapping_pairs` if None, of all items at once.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    sides = [item.given for item in items], [item.believed.regions for item in items]
    sizes = [item.size for item in items]
    across, among_given, among_believed = (
        pairs_within_items(one, other, sizes) if pairs_of is None else _joined(pairs_of, one, other, sizes)
        for one, other in ((sides[0], sides[1]), (sides[0], sides[0]), (sides[1], sides[1]))
    )
    return Marks(
        _to_columns(sides[0], numbers),
        _to_columns(sides[1], numbers),
        across,
        without_itself(among_given),
        without_itself(among_believed),
        len(items),
        len(labels),
    )


def without_itself(pairs: Pairs) -> Pairs:
    """Return the pairs of one side with itself that are of two regions."""
    return pairs.where(pairs.first != pairs.second)


def sane_scores(scores: Sequence[float | None] | NDArray[np.floating]) -> Floats:
    """Return scores brought into [0, 1]; a half where there is none, or NaN."""
    values = np.array(scores, dtype=np.float64).reshape(-1)
    return np.clip(np.where(np.isnan(values), UNSCORED, values), 0, 1)


def _to_columns(sides: Sequence[Sequence[Region]], numbers: Mapping[str, int]) -> Columns:
    regions = [region for side in sides for region in side]
    corners = bounds_xyxy([region.shape for region in regions], _UNIT)
    return Columns(
        np.repeat(np.arange(len(sides)), [len(side) for side in sides]),
        np.array([numbers.get(region.label, UNKNOWN) for region in regions], dtype=np.int64),
        np.nan_to_num(corners[:, 2:] - corners[:, :2]),
        sane_scores([region.score for region in regions]),
    )


def _joined(
    pairs_of: PairsOf,
    firsts: Sequence[Sequence[Region]],
    seconds: Sequence[Sequence[Region]],
    sizes: Sequence[Size | None],
) -> Pairs:
    """Return the pairs of all items, their rows counted over all items."""
    pairs = [pairs_of(*of_item) for of_item in zip(firsts, seconds, sizes, strict=True)]
    begins = [np.cumsum([0, *(len(regions) for regions in side)])[:-1] for side in (firsts, seconds)]
    empty = np.zeros(0, dtype=np.int64)
    return Pairs(
        np.concatenate([empty, *(each.first + begin for each, begin in zip(pairs, begins[0], strict=True))]),
        np.concatenate([empty, *(each.second + begin for each, begin in zip(pairs, begins[1], strict=True))]),
        np.concatenate([np.zeros(0), *(each.overlap for each in pairs)]),
    )
