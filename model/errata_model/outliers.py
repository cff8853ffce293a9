"""Which items look like nothing else here, so that none of the classes may fit them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.duplicates import unit_rows
from errata_model.features import Features

LEAST = 4.0  # robust standard deviations: of 30,000 items spread normally one is so far
_FEWEST = 100  # items; with fewer there is no telling what is usual
_SIMILAR = 10
_SOME = 1000  # items to be far from, at first
_CLOSER_LOOK = 2.5
_USUAL = 500  # items to say what is usual
_FEWEST_OF_CLASS = 20  # items; of fewer the most similar one may be far
_OF_CLASS = 2.0  # from the most similar item of the class, which differ more in that
_BLOCK_CELLS = 8_000_000

Floats = NDArray[np.float64]


def outlyingness(features: Features, given: NDArray[np.integer], groups: NDArray[np.integer]) -> Floats:
    """Measure how far items are from all others, and from those of their own class.

    An item's distance to the ten items that it resembles most is compared with what is usual. It must be far from the
    most similar one of its own class, too, and that class must have 20 items: a rare class is in place.

    Args:
        features: (N, D) finite. Distances are between rows of length 1, counts weighted by how rare they are.
        given: (N,) the class of each item, -1 where there is none.
        groups: (N,) what shows the same: left out.

    Returns:
        (N,) robust standard deviations above the median, of the distance's logarithm (of counts: below, of the
        similarity's, because texts hardly differ in distance), in [0, inf); 0 where it is less than 4, where the item
        has no class, or one of fewer than 20 items, or its row is zeros, and for all of fewer than 100 items.

    Raises:
        ValueError: shapes do not agree.
    """
    classes, members = np.asarray(given), np.asarray(groups)
    n = features.shape[0]
    if not n == len(classes) == len(members):
        raise ValueError(f"`given` and `groups` must have {n} rows, got {len(classes)} and {len(members)}")
    found = np.zeros(n)
    if n < _FEWEST:
        return found
    rows = unit_rows(features)
    everything, drawn = np.arange(n), np.random.default_rng(0).permutation(n)
    among_some, _ = _farness(rows, everything, np.sort(drawn[:_SOME]), classes, members)
    is_zero = np.asarray(abs(rows).sum(axis=1) == 0).reshape(-1)
    is_asked = (classes >= 0) & ~is_zero
    is_asked[is_asked] = np.bincount(classes[is_asked])[classes[is_asked]] >= _FEWEST_OF_CLASS
    far = np.flatnonzero((_above(among_some, _usual(among_some)) >= _CLOSER_LOOK) & is_asked)
    if len(far):
        usual_all, usual_class = map(_usual, _farness(rows, drawn[:_USUAL], everything, classes, members))
        of_all, of_class = _farness(rows, far, everything, classes, members)
        from_all, from_class = _above(of_all, usual_all), _above(of_class, usual_class)
        found[far] = np.where((from_all >= LEAST) & (from_class >= _OF_CLASS), from_all, 0)
    return found


def _farness(
    rows: Features,
    asked: NDArray[np.int64],
    others: NDArray[np.int64],
    given: NDArray[np.integer],
    groups: NDArray[np.integer],
) -> tuple[Floats, Floats]:
    """Return for each row asked how far its ten most similar others are, and the most similar one of its class."""
    of_all, of_class = np.zeros(len(asked)), np.zeros(len(asked))
    is_sparse = isinstance(rows, csr_array)
    opposite = rows[others].T
    step = max(1, _BLOCK_CELLS // len(others))
    k = min(_SIMILAR, len(others))
    for start in range(0, len(asked), step):
        block = asked[start : start + step]
        products = rows[block] @ opposite
        similar = np.asarray(products.toarray() if isinstance(products, csr_array) else products, dtype=np.float64)
        similar[groups[block, None] == groups[others]] = 0 if is_sparse else -1
        best = -np.partition(-similar, k - 1, axis=1)[:, :k]
        of_all[start : start + step] = _far(best, is_sparse)
        similar[given[block, None] != given[others]] = 0 if is_sparse else -1
        of_class[start : start + step] = _far(similar.max(axis=1, keepdims=True), is_sparse)
    return of_all, of_class


def _far(similar: Floats, is_sparse: bool) -> Floats:
    if is_sparse:
        return np.asarray(-np.log(np.maximum(similar.mean(axis=1), 1e-6)))
    return np.asarray(np.log(np.maximum(np.sqrt(np.maximum(2 - 2 * similar, 0)).mean(axis=1), 1e-6)))


def _usual(far: Floats) -> tuple[float, float]:
    """Return the median, and the spread above it as a standard deviation."""
    median = float(np.median(far)) if len(far) else 0.0
    above = far[far > median] - median
    return median, 1.4826 * float(np.median(above)) if len(above) else 0.0


def _above(far: Floats, usual: tuple[float, float]) -> Floats:
    median, spread = usual
    return np.maximum(far - median, 0) / spread if spread > 1e-9 else np.zeros(len(far))
