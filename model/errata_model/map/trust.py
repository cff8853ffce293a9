"""How far a map can be trusted: what lies together on it, and what stands among others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

NEIGHBOURS = 15  # that count, here and for the map itself
_SAMPLE = 500
_BLOCK_CELLS = 4_000_000


def trustworthiness(
    rows: NDArray[np.float32], xy: NDArray[np.float32], k: int = NEIGHBOURS, n_asked: int = _SAMPLE, seed: int = 0
) -> float:
    """Say how far the neighbours on a map are neighbours indeed.

    1 - 2 / (n k (2N - 3k - 1)) * sum over n items i and their k neighbours j on the map of max(0, r(i, j) - k),
    r(i, j) being the rank of j among all items by their distance from i in the full space.

    Args:
        rows: (N, D) of the full space, of length 1.
        xy: (N, 2) finite, the map.
        k: neighbours, at least 1; fewer where N is small.
        n_asked: items that are asked, drawn where there are more; with 500 its error is about .002.
        seed: of the draw.

    Returns:
        In [0, 1], 1 best; about .5 for a map at random. 1.0 for fewer than 4 items.

    Source:
        Venna and Kaski, "Neighborhood preservation in nonlinear projection methods", ICANN 2001, section 3.
    """
    n = len(rows)
    k = min(k, (n - 1) // 2)
    if k < 1 or n < 4:
        return 1.0
    asked = np.sort(np.random.default_rng(seed).choice(n, min(n, n_asked), replace=False))
    penalty = 0
    step = max(1, _BLOCK_CELLS // n)
    for start in range(0, len(asked), step):
        some = asked[start : start + step]
        own = np.arange(len(some))
        apart = ((xy[some, None, :] - xy[None, :, :]) ** 2).sum(axis=2)
        apart[own, some] = np.inf
        near = np.argpartition(apart, k - 1, axis=1)[:, :k]
        similar = rows[some] @ rows.T
        similar[own, some] = -np.inf
        of_near = np.take_along_axis(similar, near, axis=1)
        for place in range(k):
            rank = 1 + np.count_nonzero(similar > of_near[:, place, None], axis=1)
            penalty += int(np.maximum(rank - k, 0).sum())
    return 1.0 - 2.0 * penalty / (len(asked) * k * (2 * n - 3 * k - 1))


def shares_among(neighbours: NDArray[np.int64], said: csr_array) -> csr_array:
    """Return what each item's neighbours say: (M, L) float, the mean over them of `said`.

    Args:
        neighbours: (M, k) items; -1 where there are fewer.
        said: (M, L) in [0, 1], what each item is labelled, such as the share of its annotators for each label.
    """
    is_there = neighbours >= 0
    n_there = is_there.sum(axis=1)
    ends = np.concatenate(([0], np.cumsum(n_there)))
    weights = np.repeat(1.0 / np.maximum(n_there, 1), n_there)
    among = csr_array((weights, neighbours[is_there], ends), shape=(len(neighbours), said.shape[0]))
    return csr_array(among @ said)
