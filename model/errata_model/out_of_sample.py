"""What a ridge regression would predict for every row had it never seen the row's group, in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

Floats = NDArray[np.float64]

_BLOCK_CELLS = 8_000_000  # features held at a time: 64 MB


def leave_group_out(
    features: Floats,
    targets: Floats,
    groups: NDArray[np.integer],
    is_labelled: NDArray[np.bool_],
    ridge: float,
) -> Floats:
    r"""Predict every row by the ridge regression fitted to the labelled rows of all *other* groups.

    With X the labelled rows, M = X'X + ridge I, H = X M^-1 X', r = Y - HY, and G the labelled rows of a group, a row x
    of that group is predicted by

        x M^-1 X'Y - x M^-1 X_G' (I - H_GG)^-1 r_G

    which equals a fit without the group, exactly. A group with more rows than features is fitted anew instead, which
    is then cheaper and bounded in memory.

    Args:
        features: (N, m) finite.
        targets: (N, K) finite; rows that are not labelled are ignored.
        groups: (N,) which rows must not vouch for one another.
        is_labelled: (N,) the rows to learn from. The others are predicted, too.
        ridge: > 0, in units of the squared features.

    Returns:
        (N, K). Rows of the only labelled group get 0: nothing is left to learn from.

    Source:
        Woodbury's identity; for single rows Rifkin and Lippert, "Notes on Regularized Least Squares", 2007.
    """
    learned = features if is_labelled.all() else features[is_labelled]
    products = learned.T @ learned
    sums = learned.T @ targets[is_labelled]
    lower = cholesky(products + ridge * np.eye(len(products)), lower=True, overwrite_a=True, check_finite=False)
    scaled = solve_triangular(lower, features.T, lower=True, check_finite=False).T  # scaled @ scaled.T = H
    predicted: Floats = scaled @ solve_triangular(lower, sums, lower=True, check_finite=False)
    for rows, n_own in _groups_of_equal_size(groups, is_labelled):
        if n_own > features.shape[1]:
            for of_group in rows:
                own = of_group[:n_own]
                left = products - features[own].T @ features[own] + ridge * np.eye(len(products))
                rest = sums - features[own].T @ targets[own]
                predicted[of_group] = features[of_group] @ cho_solve(cho_factor(left, check_finite=False), rest)
            continue
        step = max(1, _BLOCK_CELLS // (rows.shape[1] * features.shape[1]))
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            own = block[:, :n_own]
            hat = scaled[block] @ scaled[own].transpose(0, 2, 1)
            residuals = np.linalg.solve(np.eye(n_own) - hat[:, :n_own], targets[own] - predicted[own])
            predicted[block] -= hat @ residuals
    return predicted


def _groups_of_equal_size(
    groups: NDArray[np.integer], is_labelled: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield (g, s) rows of g groups of s rows, and how many of each are labelled: the first, at least one."""
    order = np.lexsort((~is_labelled, groups))
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    n_labelled = np.add.reduceat(is_labelled[order].astype(np.int64), starts)
    for size, n_own in np.unique(np.column_stack((sizes, n_labelled)), axis=0).tolist():
        if n_own:
            alike = starts[(sizes == size) & (n_labelled == n_own)]
            yield order[alike[:, None] + np.arange(size)], n_own
