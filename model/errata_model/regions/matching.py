"""Which region of one side is which of the other: the assignment that is best as a whole, not pair by pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from errata_model.regions.overlap import Pairs

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_FEW_CELLS = 2_500  # of a table that costs less than to look for clusters
_MOST_CELLS = 250_000  # of a table of all pairs of a cluster


def match(pairs: Pairs, worth: Floats, n_first: int, n_second: int) -> Indices:
    """Pair regions off, each with one at most, such that the worth of all pairs together is greatest.

    Only regions that overlap, directly or by others between them, compete, so each such cluster is solved by itself;
    one with a single region on either side takes its best pair. Many images together cost little more than that.

    Args:
        pairs: that may be matched.
        worth: (E,) of each pair; one that is worth 0 or less is never matched.
        n_first: number of regions of the first side.
        n_second: of the second.

    Returns:
        (n_first,) the row of `pairs` by which each region of the first side is matched, -1 where it is not.

    Source:
        Kuhn, "The Hungarian method for the assignment problem", 1955; solved by `scipy.optimize`.
    """
    chosen = np.full(n_first, -1, dtype=np.int64)
    edges = np.flatnonzero(worth > 0)
    first, second = pairs.first[edges], pairs.second[edges]
    if max(np.bincount(side).max(initial=0) for side in (first, second)) < 2:  # nothing competes
        chosen[first] = edges
        return chosen
    if (int(first.max()) - int(first.min()) + 1) * (int(second.max()) - int(second.min()) + 1) <= _FEW_CELLS:
        rows = edges[_assign(first, second, worth[edges])]
        chosen[pairs.first[rows]] = rows
        return chosen
    links = coo_array((np.ones(len(edges), dtype=np.int8), (first, n_first + second)), shape=(n_first + n_second,) * 2)
    n_clusters, of_node = connected_components(links, directed=False)
    cluster = of_node[first]
    is_star = np.minimum(*(np.bincount(side, minlength=n_clusters) for side in np.split(of_node, [n_first]))) == 1
    order = np.lexsort((-worth[edges], cluster))
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    for_one = is_star[cluster[order[starts]]]
    best = edges[order[starts[for_one]]]
    chosen[pairs.first[best]] = best
    ends = np.append(starts[1:], len(order))
    for start, end in zip(starts[~for_one].tolist(), ends[~for_one].tolist(), strict=True):
        rows = edges[order[start:end]]
        best = rows[_assign(pairs.first[rows], pairs.second[rows], worth[rows])]
        chosen[pairs.first[best]] = best
    return chosen


def _assign(first: Indices, second: Indices, worth: Floats) -> Indices:
    """Return the pairs of one cluster that are matched."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  slow to import

    ones, one = np.unique(first, return_inverse=True)
    others, other = np.unique(second, return_inverse=True)
    if len(ones) * len(others) > _MOST_CELLS:
        return _assign_sparsely(one, other, worth)
    table = np.zeros((len(ones), len(others)))
    numbers = np.full(table.shape, -1, dtype=np.int64)
    table[one, other] = worth
    numbers[one, other] = np.arange(len(worth))
    matched = numbers[linear_sum_assignment(table, maximize=True)]
    return np.asarray(matched[matched >= 0])


def _assign_sparsely(one: Indices, other: Indices, worth: Floats) -> Indices:
    """Return the pairs of a large cluster that are matched: each row has a column of its own to stay alone with."""
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching  # noqa: PLC0415  slow to import

    n, m = int(one.max()) + 1, int(other.max()) + 1
    rows, columns = np.append(one, np.arange(n)), np.append(other, m + np.arange(n))
    table = coo_array((np.append(worth, np.zeros(n)) + 1, (rows, columns)), shape=(n, m + n)).tocsr()
    row, column = min_weight_full_bipartite_matching(table, maximize=True)
    wanted = np.full(n, -1)
    wanted[row] = column
    return np.flatnonzero(wanted[one] == other)
