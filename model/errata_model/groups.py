"""Groups of items that must not vouch for one another: joined, and taken whole, some at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def join_groups(first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.int64]:
    """Join two ways of grouping the same items: who shares a group in either, directly or by others, shares one.

    Args:
        first: (N,) group numbers.
        second: (N,) group numbers of another sort.

    Returns:
        (N,) int64 from 0.

    Raises:
        ValueError: lengths differ.
    """
    from scipy.sparse import coo_array  # noqa: PLC0415 - slow to import
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    if np.shape(first) != np.shape(second):
        raise ValueError(f"groupings must have one length, got {len(first)} and {len(second)}")
    one, other = (np.unique(groups, return_inverse=True)[1].reshape(-1) for groups in (first, second))
    n_one, n = int(one.max(initial=-1)) + 1, int(one.max(initial=-1)) + int(other.max(initial=-1)) + 2
    links = coo_array((np.ones(len(one), dtype=np.int8), (one, n_one + other)), shape=(n, n))
    joined = connected_components(links, directed=False)[1]
    return np.asarray(np.unique(joined[one], return_inverse=True)[1], dtype=np.int64).reshape(-1)


def whole_groups(groups: NDArray[np.integer], sizes: NDArray[np.integer], most: int) -> Iterator[NDArray[np.intp]]:
    """Yield rows of whole groups until all were there: as many as are `most` large together, and at least one group.

    Args:
        groups: (N,) group numbers.
        sizes: (N,) what each row counts, at least 0.
        most: of their sum.
    """
    order = np.argsort(groups, kind="stable")
    before = np.concatenate(([0], np.cumsum(sizes[order])))
    ends = np.append(np.flatnonzero(groups[order][1:] != groups[order][:-1]) + 1, len(order))
    start = 0
    while start < len(order):
        next_end = int(np.searchsorted(ends, start, side="right"))
        last_end = int(np.searchsorted(before[ends], before[start] + most, side="right")) - 1
        stop = int(ends[max(next_end, last_end)])
        yield order[start:stop]
        start = stop
