"""Clusters of many items, found quickly and always the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

_FITTED = 256  # rows a cluster that centres are fitted to
_STEPS = 8
_BLOCK_CELLS = 2_000_000


def cluster(rows: Rows, n_clusters: int, seed: int = 0) -> NDArray[np.int64]:
    """Deal rows to the nearest of some centres: k-means, its centres fitted to a sample where rows are many.

    Args:
        rows: (N, D) finite, at least one.
        n_clusters: how many centres at most, at least 1.
        seed: of the sample and of the first centres.

    Returns:
        (N,) int64, the number of each row's cluster, less than `n_clusters`; not every number is used.
    """
    rng = np.random.default_rng(seed)
    n = len(rows)
    chosen = np.sort(rng.choice(n, min(n, n_clusters * _FITTED), replace=False))
    sample = rows[chosen] if len(chosen) < n else rows
    centres = sample[np.sort(rng.choice(len(sample), min(n_clusters, len(sample)), replace=False))]
    for _ in range(_STEPS):
        nearest = _nearest(sample, centres)
        order = np.argsort(nearest, kind="stable")
        starts = np.searchsorted(nearest[order], np.arange(len(centres)))
        counts = np.diff(starts, append=len(order))
        is_used = counts > 0
        sums = np.add.reduceat(sample[order], starts[is_used], axis=0)
        centres = np.asarray(sums / counts[is_used, None], dtype=np.float32)
    return _nearest(rows, centres)


def _nearest(rows: Rows, centres: Rows) -> NDArray[np.int64]:
    half_squares = np.einsum("kd,kd->k", centres, centres) / 2
    step = max(1, _BLOCK_CELLS // len(centres))
    parts: list[NDArray[np.int64]] = [
        (rows[at : at + step] @ centres.T - half_squares).argmax(axis=1) for at in range(0, len(rows), step)
    ]
    return np.concatenate(parts).astype(np.int64, copy=False)
