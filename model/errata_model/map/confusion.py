"""The order of a confusion matrix's labels in which those that are confused stand together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.map.order import leaf_order_of

_CONFUSED = 0.02  # of two labels' items, together: fewer that are mistaken for one another make no block


def block_order(counts: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order labels such that those that are taken for one another stand together, and say where blocks begin.

    Two labels are the nearer the larger the shares of each that are found in the other. Their tree (average linkage,
    optimal leaf order) gives the order; where it is cut at a confusion of 2 % it falls into blocks. Labels that are in
    no block with others are one block together where they stand together.

    Args:
        counts: (K, K) how often row was given where column is believed; the diagonal only says how large a label is.

    Returns:
        order: (K,) int64, the labels' indices.
        starts: int64, ascending, places in `order` where blocks begin, the first of them 0; empty for K = 0.

    Raises:
        ValueError: `counts` is not square.
    """
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"`counts` must be (K, K), got {counts.shape}")
    n = len(counts)
    if n < 3:
        return np.arange(n, dtype=np.int64), np.arange(min(n, 1), dtype=np.int64)
    nearness = _nearness(counts)
    distances = (1.0 - nearness)[np.triu_indices(n, 1)]
    order = leaf_order_of(distances)
    block = _blocks(distances)[order]
    sizes = np.bincount(block)
    block = np.where(sizes[block] > 1, block, 0)  # those that stand alone: fcluster counts from 1
    return order, np.flatnonzero(np.concatenate(([True], block[1:] != block[:-1]))).astype(np.int64)


def _nearness(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (K, K) in [0, 1]: the share of two labels' items that were given as one and are believed the other."""
    whole = np.asarray(counts, dtype=np.float64)
    of_label = whole.sum(axis=0) + whole.sum(axis=1) - np.diag(whole)  # each item once
    mistaken = whole + whole.T
    either = of_label[:, None] + of_label[None, :] - mistaken
    share = np.divide(mistaken, either, out=np.zeros_like(whole), where=either > 0)
    return np.asarray(share.clip(0, 1))


def _blocks(distances: NDArray[np.float64]) -> NDArray[np.int64]:
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415

    tree = linkage(distances, "average")
    return np.asarray(fcluster(tree, 1.0 - _CONFUSED, "distance"), dtype=np.int64)
