"""How well the masks of an item are believed for the most part: what is suspect depends on that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

USUAL = [4, 5]  # columns of `evidence.believed_features`


def usual_support(features: Floats) -> Floats:
    """Return (2,) the medians of log-odds and overlap over (G, 11) features; 0 for none.

    What the belief misses all over an image it is bad at; what it misses on an image that it knows well is suspect.
    """
    return np.asarray(np.median(features[:, [0, 2]], axis=0)) if len(features) else np.zeros(2)


def with_usual(features: Floats, usual: Floats) -> Floats:
    """Return (G, 14) features: of (G, 11) with both of `usual`, and its overlap again where there is no match."""
    return np.column_stack((features, np.tile(usual, (len(features), 1)), features[:, 4] * usual[1]))


def usual_of_others(features: Floats, believed_of: NDArray[np.int64], n_believed: int) -> Floats:
    """Return (P, 2) `usual_support` of each believed region's item, leaving out the mask that is this region.

    With that one it would tell what was marked from what was not. NaN where there is no other.

    Args:
        features: (G, 11) of the given masks.
        believed_of: (G,) which believed region each is; -1 for none.
        n_believed: P.
    """
    n = len(features)
    usual = np.tile(usual_support(features) if n else np.full(2, np.nan), (n_believed, 1))
    matched = np.flatnonzero(believed_of >= 0)
    if n == 1:
        usual[believed_of[matched]] = np.nan
        return usual
    for place, column in enumerate((0, 2)):
        order = np.argsort(features[:, column], kind="stable")
        rank = np.empty(n, dtype=np.int64)
        rank[order] = np.arange(n)
        # In order and without row r, place j is held by what is at j, or at j + 1 from r on.
        ranks = rank[matched]
        middle = [features[order, column][at + (at >= ranks)] for at in ((n - 2) // 2, (n - 1) // 2)]
        usual[believed_of[matched], place] = (middle[0] + middle[1]) / 2
    return usual


def with_known_usual(features: Floats, usual: Floats) -> Floats:
    """Return (P, 6) `believed_features` with (2,) `usual` where their item does not tell what is usual."""
    known = features.copy()
    known[:, USUAL] = np.where(np.isnan(features[:, USUAL]), usual, features[:, USUAL])
    return known
