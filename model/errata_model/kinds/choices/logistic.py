"""Multinomial logistic regression with a ridge, by L-BFGS in coordinates where a dozen steps are enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from errata_model.kinds.choices.examples import Floats

Singles = NDArray[np.float32]
Loss: TypeAlias = Callable[[Singles, Singles], float]
"""Returns the summed loss of scores, (n, K), given targets; what it is called with as scores becomes its slope."""

MOST_AXES = 256
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


def standardise(rows: NDArray[np.float32]) -> Scale:
    """Return the scale that gives columns mean 0 and equal variance."""
    width = rows.shape[1]
    means = rows.mean(axis=0, dtype=np.float64)
    variances = np.zeros(width)
    for start in range(0, len(rows), _BLOCK_ROWS):
        variances += ((rows[start : start + _BLOCK_ROWS] - means) ** 2).sum(axis=0) / max(len(rows), 1)
    varies = variances > 1e-6 * max(variances.mean(), 1e-12)  # what varies less is constant but for rounding
    factors = np.where(varies, 1 / np.sqrt(np.where(varies, variances, 1) * max(varies.sum(), 1)), 0)
    return Scale(means.astype(np.float32), factors.astype(np.float32))


@dataclass(frozen=True, slots=True)
class Axes:
    """The directions in which scaled embeddings vary most.

    A ridge all but silences the others; and along these the loss has no valleys across, so that descent is quick.

    Attributes:
        scale: of the columns.
        turn: (D, d) orthonormal columns.
    """

    scale: Scale
    turn: Singles

    @classmethod
    def of(cls, rows: NDArray[np.float32], most: int) -> Axes:
        """Return at most `most` axes of (N, D) rows, those that matter least first."""
        scale = standardise(rows)
        products = np.zeros((rows.shape[1], rows.shape[1]))
        for start in range(0, len(rows), _BLOCK_ROWS):
            scaled = (rows[start : start + _BLOCK_ROWS] - scale.means) * scale.factors
            products += scaled.T @ scaled
        width = len(products)
        _, turn = eigh(products, subset_by_index=[max(0, width - most), width - 1], check_finite=False)
        signs = np.sign(turn[np.abs(turn).argmax(axis=0), np.arange(turn.shape[1])])  # eigenvectors have none
        return cls(scale, (turn * signs).astype(np.float32))

    def along(self, rows: NDArray[np.float32]) -> Singles:
        """Return (N, d): rows in these coordinates."""
        turn = self.scale.factors[:, None] * self.turn
        return np.asarray(rows @ turn - self.scale.means @ turn, dtype=np.float32)

    def back(self, columns: Floats, intercepts: Floats) -> tuple[Singles, Floats]:
        """Return weights (D, K) and intercepts (K,) that say of rows what these say of rows along the axes."""
        weights = self.scale.factors[:, None] * (self.turn @ columns)
        return weights.astype(np.float32), intercepts - self.scale.means.astype(np.float64) @ weights


@dataclass(frozen=True, slots=True)
class Weights:
    """What a regression learned: scores are rows @ columns + intercepts. (d, K) and (K,)."""

    columns: Floats
    intercepts: Floats

    def score(self, rows: Singles) -> Floats:
        """Return (N, K) scores of rows."""
        return np.asarray(rows @ self.columns.astype(np.float32), dtype=np.float64) + self.intercepts


def steepness(rows: Singles, n_classes: int) -> Floats:
    """Return (d + 1,) how much the loss curves along each column, and along the intercept, but for the ridge.

    Of even classes a row's loss curves by about (1 - 1/K) / K times its squares; columns must not go together.
    """
    squares = np.einsum("nd,nd->d", rows, rows, dtype=np.float64)
    return np.append(squares, len(rows)) * ((1 - 1 / n_classes) / n_classes)


def generalised_cross_entropy(scores: Singles, wanted: Singles, exponent: float = 0.3) -> float:
    """Return the sum of (1 - p ** exponent) / exponent, p the softmax of scores at the label; they become its slope.

    Between cross-entropy, at an exponent of 0, which a few labels that cannot be right pull at without bound, and the
    mean absolute error, at 1, which no single label moves much but which is slow to learn many classes.

    Source:
        Zhang and Sabuncu, "Generalized cross entropy loss for training deep neural networks with noisy labels", 2018.
    """
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    pulls = wanted * np.maximum(scores, 1e-30) ** exponent
    total = float(wanted.sum(dtype=np.float64) - pulls.sum(dtype=np.float64)) / exponent
    scores *= pulls.sum(axis=1, keepdims=True)
    scores -= pulls
    return total


def fit_logistic(
    rows: Singles,
    targets: Singles,
    is_used: NDArray[np.bool_],
    ridge: float,
    steepness_: Floats,
    start: Weights | None = None,
    losses: Loss = generalised_cross_entropy,
) -> Weights:
    """Minimise the summed loss plus ridge / 2 times the squared weights, intercepts included.

    Args:
        rows: (N, d).
        targets: (N, K) rows that sum to 1.
        is_used: (N,) the rows to learn from.
        ridge: > 0.
        steepness_: what `steepness` says of such rows.
        start: where to begin; at 0 by default. Of a convex loss it decides how long it takes, not where it ends.
        losses: of the scores.

    Source:
        Böhning, "Multinomial logistic regression algorithm", 1992, for the curvature; Nocedal, "Updating quasi-Newton
        matrices with limited storage", 1980.
    """
    from scipy.optimize import minimize  # noqa: PLC0415  # slow to import

    used = np.flatnonzero(is_used)
    own, wanted = rows[used], targets[used]
    n_used = max(len(used), 1)
    stretch = 1 / np.sqrt(steepness_ + ridge)[:, None]
    shape = (rows.shape[1] + 1, targets.shape[1])

    def loss(position: Floats) -> tuple[float, Floats]:
        weights = stretch * position.reshape(shape)
        scores = own @ weights[:-1].astype(np.float32)
        scores += weights[-1].astype(np.float32)
        total = losses(scores, wanted) + ridge / 2 * float((weights**2).sum())
        slope = np.vstack((own.T @ scores, scores.sum(axis=0, dtype=np.float64))) + ridge * weights
        return total / n_used, (stretch * slope).reshape(-1) / n_used

    position = np.zeros(shape) if start is None else np.vstack((start.columns, start.intercepts)) / stretch
    options = {"maxiter": _STEPS, "maxfun": 2 * _STEPS, "ftol": _TOLERANCE, "gtol": 1e-9}
    found = minimize(loss, position.reshape(-1), jac=True, method="L-BFGS-B", options=options)
    weights = stretch * found.x.reshape(shape)
    return Weights(weights[:-1], weights[-1])
