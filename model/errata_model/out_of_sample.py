"""What a ridge regression would predict for every row had it never seen the row's group, in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

Floats = NDArray[np.float64]

_BLOCK_CELLS = 8_000_000  # features held at a time: 64 MB
_BLOCK_ROWS = 4096  # products of so many rows are exact enough in single precision


def leave_group_out(
    features: NDArray[np.floating],
    targets: Floats,
    groups: NDArray[np.integer],
    is_labelled: NDArray[np.bool_],
    ridge: float,
) -> Floats:
    """Predict every row by the ridge regression fitted to the labelled rows of all *other* groups.

    Args and Returns as the first of `fit_leaving_groups_out`.
    """
    return fit_leaving_groups_out(features, targets, groups, is_labelled, ridge)[0]


def fit_leaving_groups_out(
    features: NDArray[np.floating],
    targets: Floats,
    groups: NDArray[np.integer],
    is_labelled: NDArray[np.bool_],
    ridge: float,
) -> tuple[Floats, Floats]:
    r"""Fit a ridge regression, and predict every row by the labelled rows of all *other* groups.

    With X the labelled rows, M = X'X + ridge I, H = X M^-1 X', r = Y - HY, and G the labelled rows of a group, a row x
    of that group is predicted by

        x M^-1 X'Y - x M^-1 X_G' (I - H_GG)^-1 r_G

    which equals a fit without the group, exactly. A group with more rows than features is fitted anew instead, which
    is then cheaper and bounded in memory.

    Args:
        features: (N, m) finite. Products are in their precision, sums of products in double precision.
        targets: (N, K) finite; rows that are not labelled are ignored.
        groups: (N,) which rows must not vouch for one another.
        is_labelled: (N,) the rows to learn from. The others are predicted, too.
        ridge: > 0, in units of the squared features.

    Returns:
        predicted: (N, K). Rows of the only labelled group get 0: nothing is left to learn from.
        weights: (m, K) of the fit to all labelled rows.

    Source:
        Woodbury's identity; for single rows Rifkin and Lippert, "Notes on Regularized Least Squares", 2007.
    """
    products, sums = _products(features, targets, is_labelled)
    products[np.diag_indices_from(products)] += ridge
    lower = cholesky(products, lower=True, check_finite=False)
    weights: Floats = cho_solve((lower, True), sums, check_finite=False)
    lower = lower.astype(features.dtype)
    predicted: Floats = (features @ weights.astype(features.dtype)).astype(np.float64)
    for rows, n_own in _groups_of_equal_size(groups, is_labelled):
        if n_own > features.shape[1]:
            for of_group in rows:
                own = of_group[:n_own]
                own_products, own_sums = _products(features[own], targets[own], np.ones(n_own, dtype=bool))
                left = cho_factor(products - own_products, check_finite=False)
                predicted[of_group] = features[of_group] @ cho_solve(left, sums - own_sums)
            continue
        step = max(1, _BLOCK_CELLS // (rows.shape[1] * features.shape[1]))
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            own = block[:, :n_own]
            flat = features[block.reshape(-1)]
            scaled = solve_triangular(lower, flat.T, lower=True, overwrite_b=True, check_finite=False).T
            scaled = scaled.reshape(*block.shape, -1)  # scaled @ scaled.T = H
            if block.shape[1] == 1:
                hat = np.einsum("gim,gim->gi", scaled, scaled, dtype=np.float64)[:, :, None]
            else:
                hat = (scaled @ scaled[:, :n_own].transpose(0, 2, 1)).astype(np.float64)
            residuals = np.linalg.solve(np.eye(n_own) - hat[:, :n_own], targets[own] - predicted[own])
            predicted[block] -= hat @ residuals
    return predicted, weights


def _products(features: NDArray[np.floating], targets: Floats, is_labelled: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return X'X and X'Y of the labelled rows, in double precision."""
    products = np.zeros((features.shape[1], features.shape[1]))
    sums = np.zeros((features.shape[1], targets.shape[1]))
    for start in range(0, len(features), _BLOCK_ROWS):
        mine = is_labelled[start : start + _BLOCK_ROWS]
        rows = features[start : start + _BLOCK_ROWS][mine]
        products += rows.T @ rows
        sums += rows.T @ targets[start : start + _BLOCK_ROWS][mine].astype(features.dtype)
    return products, sums


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
