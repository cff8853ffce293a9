"""Pairs of classes that are told apart so badly that the guideline may be the problem."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_FEWEST = 20  # items of either class
_FEWEST_CLASSES = 4  # other pairs show what the learner is able to tell apart
_APART = 0.75  # so often at most is the right one of two items told, at the upper end of the interval
_USUAL = 0.9  # so often at least in the median over pairs
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two classes that overlap.

    Attributes:
        first: column.
        second: column.
        told_apart: how often of an item given as the first class and one given as the second the former looks more
            like the first, in [0, 1]; 0.5 is chance.
        usual: the median of that over all pairs of classes.
        n_first: items given as the first class.
        n_second: items given as the second.
    """

    first: int
    second: int
    told_apart: float
    usual: float
    n_first: int
    n_second: int


def find_overlaps(given: NDArray[np.integer], predicted: NDArray[np.floating]) -> tuple[Overlap, ...]:
    """Find pairs of classes that out-of-sample predictions hardly tell apart, while they do tell others apart.

    For a pair of classes the score of an item is the first's share of the two probabilities; how well it orders the
    items given as either is the area under the ROC curve, with Hanley and McNeil's standard error. A pair overlaps
    where the upper end of the 95 % interval is at most 0.75, while half of all pairs reach 0.9: where a learner is bad
    at everything the fault is its own. Wrong labels alone seldom do that: 20 % of them leave about 0.8.

    Args:
        given: (N,) columns.
        predicted: (N, K) out-of-sample probabilities.

    Returns:
        Worst first; none where fewer than 4 classes have 20 items.

    Source:
        Hanley and McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982.
    """
    labels, believed = np.asarray(given, dtype=np.int64), np.asarray(predicted, dtype=np.float64)
    counts = np.bincount(labels, minlength=believed.shape[1])
    frequent = np.flatnonzero(counts >= _FEWEST).tolist()
    if len(frequent) < _FEWEST_CLASSES:
        return ()
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(counts)
    items = {label: order[ends[label] - counts[label] : ends[label]] for label in frequent}
    apart = {(a, b): _area(believed, a, b, items[a], items[b]) for a, b in combinations(frequent, 2)}
    usual = float(np.median(list(apart.values())))
    if usual < _USUAL:
        return ()
    found = [
        Overlap(a, b, area, usual, int(counts[a]), int(counts[b]))
        for (a, b), area in apart.items()
        if area + _Z * _error(area, int(counts[a]), int(counts[b])) <= _APART
    ]
    return tuple(sorted(found, key=lambda overlap: overlap.told_apart))


def _area(believed: Floats, first: int, second: int, of_first: Indices, of_second: Indices) -> float:
    """Return `Overlap.told_apart` of two classes with these items."""
    one, other = (_share(believed[rows, first], believed[rows, second]) for rows in (of_first, of_second))
    other.sort()
    below = np.searchsorted(other, one, "left") + np.searchsorted(other, one, "right")
    return float(below.mean() / 2 / len(other))


def _share(of_first: Floats, of_second: Floats) -> Floats:
    return np.asarray(of_first / np.maximum(of_first + of_second, 1e-12))


def _error(area: float, n: int, m: int) -> float:
    one, other = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area) + (n - 1) * (one - area * area) + (m - 1) * (other - area * area)
    return float(np.sqrt(max(variance, 0) / (n * m)))
