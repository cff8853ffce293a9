"""A line of items in which like stands beside like."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from errata_model.map.clusters import cluster

Rows = NDArray[np.float32]
Indices = NDArray[np.int64]

_LEAVES = 150  # items at most whose leaf order is found at once: its time grows faster than the square of their number
_BRANCHES = 48  # clusters that more items are cut into


def similarity_order(rows: Rows) -> Indices:
    """Return the items in an order in which like stands beside like: the leaf order of a tree of clusters.

    Few items are joined two by two (average linkage), and their tree is turned such that neighbours are as near as it
    allows. More items are first cut into clusters, whose centres are put into such an order, and so on within each;
    each cluster is read forwards or backwards, whichever brings its ends nearer to those of its neighbours. The same
    rows in the same order give the same result; time grows with N log N. Equal rows stand together, in their order.

    Args:
        rows: (N, D) finite.

    Returns:
        (N,) int64, the rows' indices, each once.

    Raises:
        ValueError: `rows` is not (N, D).

    Source:
        Bar-Joseph et al., "Fast optimal leaf ordering for hierarchical clustering", Bioinformatics 2001, applied to
        clusters of clusters instead of a single tree, which would need all N^2 distances.
    """
    if rows.ndim != 2:
        raise ValueError(f"`rows` must be (N, D), got {rows.shape}")
    if not rows.size:
        return np.arange(len(rows), dtype=np.int64)
    whole = np.ascontiguousarray(rows, dtype=np.float32)
    as_bytes = whole.view(np.dtype((np.void, whole.shape[1] * whole.itemsize))).ravel()
    _, first, number = np.unique(as_bytes, return_index=True, return_inverse=True)
    line = _ordered(whole[first], np.arange(len(first), dtype=np.int64))
    place = np.empty(len(first), dtype=np.int64)
    place[line] = np.arange(len(first))
    return np.argsort(place[number.reshape(-1)], kind="stable").astype(np.int64)


def _ordered(rows: Rows, members: Indices) -> Indices:
    if len(members) <= _LEAVES:
        return members[leaf_order(rows[members])]
    cluster_of = cluster(rows[members], min(_BRANCHES, len(members) // (_LEAVES // 4)))
    parts = [members[cluster_of == number] for number in np.unique(cluster_of)]
    if len(parts) == 1:  # nothing tells them apart
        return members
    centres = np.stack([rows[part].mean(axis=0) for part in parts])
    return _joined(rows, [_ordered(rows, parts[number]) for number in leaf_order(centres)])


def _joined(rows: Rows, lines: Sequence[Indices]) -> Indices:
    """Lay lines end to end, each forwards or backwards, such that the ends that meet are near: the shortest path."""
    ends = np.stack([rows[line[[0, -1]]] for line in lines])  # of each: its first and its last
    cost = np.zeros(2)  # of the path so far, its last line forwards or backwards
    came_from = []
    for before, after in pairwise(ends):
        # A line that is read forwards ends with its last item, and one read backwards begins with it.
        gap = np.linalg.norm(before[[1, 0], None] - after[None, :], axis=2)
        total = cost[:, None] + gap
        came_from.append(total.argmin(axis=0))
        cost = total.min(axis=0)
    turned = [int(cost.argmin())]
    for choice in reversed(came_from):
        turned.append(int(choice[turned[-1]]))
    turned.reverse()
    return np.concatenate([line[::-1] if is_back else line for line, is_back in zip(lines, turned, strict=True)])


def leaf_order(rows: NDArray[np.floating]) -> Indices:
    """Return few rows in the optimal leaf order of their tree (average linkage); see `similarity_order`."""
    from scipy.spatial.distance import pdist  # noqa: PLC0415

    return leaf_order_of(pdist(np.asarray(rows, dtype=np.float64))) if len(rows) > 2 else np.arange(len(rows))


def leaf_order_of(distances: NDArray[np.float64]) -> Indices:
    """Return n >= 2 items in the optimal leaf order of their tree (average linkage).

    Args:
        distances: (n * (n - 1) / 2,) between them, as `scipy.spatial.distance.pdist` has them.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage  # noqa: PLC0415 - half a second

    return np.asarray(leaves_list(linkage(distances, "average", optimal_ordering=True)), dtype=np.int64)
