"""Multinomial logistic regression with a ridge, by L-BFGS in coordinates where a score of steps is enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from errata_model.kinds.choices.examples import Floats
from errata_model.kinds.choices.rows import Rows

Singles = NDArray[np.float32]

_STEPS = 100
_TOLERANCE = 1e-5  # of the mean loss, from one step to the next
_BLOCK_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Scale:
    """Columns are shifted and stretched, without a look at labels, until a row's mean squared length is 1.

    One ridge then means the same for any width.

    Attributes:
        means: (D,) subtracted.
        factors: (D,) then multiplied; 0 leaves a column out.
    """

    means: Singles
    factors: Singles


def standardise(rows: Rows) -> Scale:
    """Return the scale that gives columns of embeddings mean 0 and equal variance; counts stay as they are."""
    width = rows.shape[1]
    if not isinstance(rows, np.ndarray):
        return Scale(np.zeros(width, dtype=np.float32), np.ones(width, dtype=np.float32))
    means = rows.mean(axis=0, dtype=np.float64)
    variances = np.zeros(width)
    for start in range(0, len(rows), _BLOCK_ROWS):
        variances += ((rows[start : start + _BLOCK_ROWS] - means) ** 2).sum(axis=0) / max(len(rows), 1)
    varies = variances > 1e-6 * max(variances.mean(), 1e-12)  # what varies less is constant but for rounding
    factors = np.where(varies, 1 / np.sqrt(np.where(varies, variances, 1) * max(varies.sum(), 1)), 0)
    return Scale(means.astype(np.float32), factors.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Weights:
    """What a regression learned: scores are scaled rows @ columns + intercepts. (D, K) and (K,)."""

    columns: Floats
    intercepts: Floats

    def score(self, rows: Rows, scale: Scale) -> Floats:
        """Return (N, K) scores of rows, unscaled."""
        weights, intercepts = self.unscale(scale)
        return np.asarray(rows @ weights, dtype=np.float64) + intercepts

    def unscale(self, scale: Scale) -> tuple[Singles, Floats]:
        """Return weights (D, K) and intercepts (K,) for rows as they are."""
        weights = (scale.factors[:, None] * self.columns).astype(np.float32)
        return weights, self.intercepts - scale.means.astype(np.float64) @ weights


class Steps:
    """Coordinates in which the loss is about as steep in every direction, so that descent takes few steps.

    Over embeddings the whole second-moment matrix is used, over counts its diagonal.

    Args:
        rows: (N, D).
        scale: of their columns.
        steepness: what the loss curves by, a row; about (1 - 1/K) / K of K even classes.
    """

    def __init__(self, rows: Rows, scale: Scale, steepness: float) -> None:
        self._is_dense = isinstance(rows, np.ndarray)
        self._moments = steepness * _second_moments(rows, scale)
        self._of_ones = steepness * rows.shape[0]

    def root(self, ridge: float) -> tuple[Singles, float]:
        """Return the factor of the curvature, (D, D) lower triangular or (D,), and that of the intercepts."""
        if not self._is_dense:
            return np.sqrt(self._moments + ridge).astype(np.float32), float(np.sqrt(self._of_ones + ridge))
        curvature = self._moments + ridge * np.eye(len(self._moments))
        factor = cholesky(curvature, lower=True, overwrite_a=True, check_finite=False)
        return factor.astype(np.float32), float(np.sqrt(self._of_ones + ridge))


def _second_moments(rows: Rows, scale: Scale) -> Floats:
    if not isinstance(rows, np.ndarray):
        return np.asarray(rows.multiply(rows).sum(axis=0), dtype=np.float64).reshape(-1)
    products = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _BLOCK_ROWS):
        scaled = (rows[start : start + _BLOCK_ROWS] - scale.means) * scale.factors
        products += scaled.T @ scaled
    return products


def fit_logistic(
    rows: Rows,
    targets: Singles,
    is_used: NDArray[np.bool_],
    scale: Scale,
    ridge: float,
    root: tuple[Singles, float],
    start: Weights | None = None,
) -> Weights:
    """Minimise the summed cross-entropy plus ridge / 2 times the squared weights, intercepts included.

    Args:
        rows: (N, D).
        targets: (N, K) rows that sum to 1.
        is_used: (N,) the rows to learn from.
        scale: of the columns of `rows`.
        ridge: > 0.
        root: what `Steps.root` says of this ridge.
        start: where to begin; at 0 by default. It decides how long it takes, not where it ends.

    Source:
        Böhning, "Multinomial logistic regression algorithm", 1992, for the curvature; Nocedal, "Updating quasi-Newton
        matrices with limited storage", 1980.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  # slow to import

    shape = rows.shape[1], targets.shape[1]
    n_used = max(int(is_used.sum()), 1)
    root_columns, root_ones = root

    def to_weights(position: Floats) -> Weights:
        table = position.reshape(shape[0] + 1, shape[1])
        return Weights(_solve(root_columns, table[:-1], is_transposed=True), table[-1] / root_ones)

    def loss(position: Floats) -> tuple[float, Floats]:
        weights = to_weights(position)
        columns, intercepts = weights.unscale(scale)
        scores = rows @ columns
        scores += intercepts.astype(np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        expected = (targets * scores).sum(axis=1, dtype=np.float64)
        np.exp(scores, out=scores)
        sums = scores.sum(axis=1, keepdims=True)
        total = float(np.log(sums[is_used, 0], dtype=np.float64).sum() - expected[is_used].sum())
        scores /= sums
        scores -= targets
        scores[~is_used] = 0
        of_ones = scores.sum(axis=0, dtype=np.float64)
        slope = scale.factors[:, None] * (rows.T @ scores - scale.means[:, None] * of_ones)
        slope = slope + ridge * weights.columns
        slope_of_ones = (of_ones + ridge * weights.intercepts) / root_ones
        total += ridge / 2 * float((weights.columns**2).sum() + (weights.intercepts**2).sum())
        return total / n_used, np.vstack((_solve(root_columns, slope), slope_of_ones)).reshape(-1) / n_used

    position = np.zeros((shape[0] + 1) * shape[1])
    if start is not None:
        turned = _times(root_columns, start.columns)
        position = np.vstack((turned, start.intercepts * root_ones)).reshape(-1)
    options = {"maxiter": _STEPS, "maxfun": 2 * _STEPS, "ftol": _TOLERANCE, "gtol": 1e-9}
    found = minimize(loss, position, jac=True, method="L-BFGS-B", options=options)
    return to_weights(found.x)


def _solve(root: Singles, columns: NDArray[np.floating], *, is_transposed: bool = False) -> Floats:
    """Return inverse(root) @ columns, or with the transpose of root."""
    if root.ndim == 1:
        return np.asarray(columns / root[:, None], dtype=np.float64)
    single = np.asfortranarray(columns, dtype=np.float32)
    found = solve_triangular(root, single, lower=True, trans="T" if is_transposed else "N", check_finite=False)
    return np.asarray(found, dtype=np.float64)


def _times(root: Singles, columns: Floats) -> Floats:
    return root[:, None] * columns if root.ndim == 1 else root.T @ columns
