"""Which items look like nothing else here, so that none of the classes may fit them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.features import Features
from errata_model.kinds.choices.canonical import shuffle_by_content
from errata_model.similarity import unit_features

LEAST = 4.0  # robust standard deviations: of 30,000 items spread normally one is so far
_FEWEST = 100  # items; with fewer there is no telling what is usual
_SIMILAR = 10
_SOME = 1000  # items to be far from, at first
_CLOSER_LOOK = 2.5
_USUAL = 500  # items to say what is usual
_USUAL_OF_CLASS = 200
_FEWEST_OF_CLASS = 20  # items; of fewer there is no telling what is usual in the class
_BLOCK_CELLS = 8_000_000

Floats = NDArray[np.float64]


def outlyingness(features: Features, given: NDArray[np.integer], groups: NDArray[np.integer]) -> Floats:
    """Measure how far items are from all others, and from those of their own class.

    An item's distance to the ten items that it resembles most, of whatever class, is compared with what is usual here,
    and with what is usual in its class, which must have 20 items: a class that is unlike all others is in place.

    Args:
        features: (N, D) finite. Distances are between rows of length 1, counts weighted by how rare they are.
        given: (N,) the class of each item, -1 where there is none.
        groups: (N,) what shows the same: left out.

    Returns:
        (N,) robust standard deviations above the median, of the distance's logarithm (of counts: below, of the
        similarity's, because texts hardly differ in distance), in [0, inf); 0 where it is less than 4, where the item
        has no class, or one of fewer than 20 items, or its row is zeros, and for all of fewer than 100 items. It
        permutes with the items.

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
    rows = unit_features(features)
    everything, drawn = np.arange(n), shuffle_by_content(features)
    among_some = _farness(rows, everything, np.sort(drawn[:_SOME]), members)
    is_zero = np.asarray(abs(rows).sum(axis=1) == 0).reshape(-1)
    is_asked = (classes >= 0) & ~is_zero
    is_asked[is_asked] = np.bincount(classes[is_asked])[classes[is_asked]] >= _FEWEST_OF_CLASS
    far = np.flatnonzero((_above(among_some, *_usual(among_some)) >= _CLOSER_LOOK) & is_asked)
    if not len(far):
        return found
    farness = _farness(rows, far, everything, members)
    median, spread = _usual(_farness(rows, drawn[:_USUAL], everything, members))
    for each in np.unique(classes[far]):
        of_class = drawn[classes[drawn] == each][:_USUAL_OF_CLASS]
        class_median, class_spread = _usual(_farness(rows, of_class, everything, members))
        here = classes[far] == each
        above = _above(farness[here], max(median, class_median), max(spread, class_spread))
        found[far[here]] = np.where(above >= LEAST, above, 0)
    return found


def _farness(
    rows: Features, asked: NDArray[np.int64], others: NDArray[np.int64], groups: NDArray[np.integer]
) -> Floats:
    """Return for each row asked how far its ten most similar others are."""
    farness = np.zeros(len(asked))
    is_sparse = isinstance(rows, csr_array)
    opposite = rows[others].T
    step = max(1, _BLOCK_CELLS // len(others))
    k = min(_SIMILAR, len(others))
    for start in range(0, len(asked), step):
        block = asked[start : start + step]
        products = rows[block] @ opposite
        similar = np.asarray(products.toarray() if isinstance(products, csr_array) else products, dtype=np.float32)
        similar[groups[block, None] == groups[others]] = 0 if is_sparse else -1
        best = -np.partition(-similar, k - 1, axis=1)[:, :k].astype(np.float64)
        if is_sparse:
            farness[start : start + step] = -np.log(np.maximum(best.mean(axis=1), 1e-6))
        else:
            distances = np.sqrt(np.maximum(2 - 2 * best, 0)).mean(axis=1)
            farness[start : start + step] = np.log(np.maximum(distances, 1e-6))
    return farness


def _usual(farness: Floats) -> tuple[float, float]:
    """Return the median, and the spread above it as a standard deviation."""
    median = float(np.median(farness))
    above = farness[farness > median] - median
    return median, 1.4826 * float(np.median(above)) if len(above) else 0.0


def _above(farness: Floats, median: float, spread: float) -> Floats:
    return np.maximum(farness - median, 0) / spread if spread > 1e-9 else np.zeros(len(farness))
