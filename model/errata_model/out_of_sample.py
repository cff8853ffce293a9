"""What a ridge regression would predict for every row had it never seen the row's group, in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve, solve_triangular

Floats = NDArray[np.float64]


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
    learned = features[is_labelled]
    products = learned.T @ learned
    sums = learned.T @ targets[is_labelled]
    lower = cholesky(products + ridge * np.eye(len(products)), lower=True, overwrite_a=True, check_finite=False)
    scaled = solve_triangular(lower, features.T, lower=True, check_finite=False).T  # scaled @ scaled.T = H
    predicted: Floats = scaled @ solve_triangular(lower, sums, lower=True, check_finite=False)
    for rows in _rows_of_groups(groups, is_labelled):
        own = rows[is_labelled[rows]]
        if len(own) > features.shape[1]:
            left = products - features[own].T @ features[own] + ridge * np.eye(len(products))
            rest = sums - features[own].T @ targets[own]
            predicted[rows] = features[rows] @ cho_solve(cho_factor(left, check_finite=False), rest)
            continue
        hat = scaled[own] @ scaled[own].T
        residual = solve(np.eye(len(own)) - hat, targets[own] - predicted[own], assume_a="pos", check_finite=False)
        predicted[rows] -= scaled[rows] @ (scaled[own].T @ residual)
    alone = _is_alone(groups) & is_labelled
    own_weight = np.einsum("nm,nm->n", scaled[alone], scaled[alone])[:, None]
    predicted[alone] = (predicted[alone] - own_weight * targets[alone]) / (1 - own_weight)
    return predicted


def _is_alone(groups: NDArray[np.integer]) -> NDArray[np.bool_]:
    _, number, size = np.unique(groups, return_inverse=True, return_counts=True)
    return np.asarray(size[number] == 1)


def _rows_of_groups(groups: NDArray[np.integer], is_labelled: NDArray[np.bool_]) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of every group that has several, a labelled one among them."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    for rows in np.split(order, starts):
        if len(rows) > 1 and is_labelled[rows].any():
            yield rows
