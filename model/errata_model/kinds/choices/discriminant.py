"""Linear discriminant analysis as a learner of single choice: cross-fitted over folds of whole groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from errata_model.kinds.choices.examples import HALVES, N_FOLDS, Examples, Floats
from errata_model.kinds.choices.linear_model import LinearModel
from errata_model.kinds.choices.logistic import Axes, Singles, Weights

_SHRINKAGES = (0.3, 0.1, 0.6)
_PRIOR_ROWS = 1.0  # so many rows at the mean of all are added to every class: few rows do not make a class sure
_BLOCK_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Moments:
    """What a discriminant analysis needs to know of some rows; those of disjoint rows add up.

    Attributes:
        counts: (K,) labels of each class.
        sums: (K, d) of their rows.
        products: (d, d) of all rows with themselves.
    """

    counts: Floats
    sums: Floats
    products: Floats

    @classmethod
    def of(cls, rows: Singles, targets: Floats) -> Moments:
        """Return those of (n, d) rows with (n, K) targets."""
        products = np.zeros((rows.shape[1], rows.shape[1]))
        for start in range(0, len(rows), _BLOCK_ROWS):
            block = rows[start : start + _BLOCK_ROWS]
            products += block.T @ block
        return cls(targets.sum(axis=0), targets.T @ rows, products)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.counts + other.counts, self.sums + other.sums, self.products + other.products)

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.counts - other.counts, self.sums - other.sums, self.products - other.products)

    def discriminants(self, shrinkage: float) -> Weights:
        """Return the log-probability of each class, but for what all have in common, as a function linear in the row.

        Classes are Gaussian with means of their own and one covariance, of which a share `shrinkage` in (0, 1] is
        replaced by a sphere of the same size.
        """
        n_rows, (n_classes, width) = self.counts.sum(), self.sums.shape
        counts = self.counts + _PRIOR_ROWS
        means = (self.sums + _PRIOR_ROWS * self.sums.sum(axis=0) / max(n_rows, 1)) / counts[:, None]
        crossed = self.sums.T @ means
        scatter = self.products - crossed - crossed.T + (means.T * self.counts) @ means
        covariance = (1 - shrinkage) * scatter / max(n_rows, 1)
        spread = np.trace(scatter) / max(n_rows, 1) / width
        covariance[np.diag_indices(width)] += shrinkage * spread + 1e-9  # equal rows have no spread at all
        columns = cho_solve(cho_factor(covariance, lower=True), means.T)
        priors = np.log(counts / (n_rows + n_classes * _PRIOR_ROWS))
        return Weights(columns, priors - np.einsum("kd,dk->k", means, columns) / 2)


class DiscriminantAnalysis:
    """Linear discriminant analysis: a generative learner beside those that look for what separates classes.

    A wrong label moves its class's mean by little and no border by itself, which is why it forgives fewer of them.

    A row is predicted by the labels of the four folds that its group is not in; see `LogisticRegression`.

    Args:
        axes: along which the rows are.
        rows: (N, d) along them.
        examples: N of them.

    Source:
        Friedman, "Regularized discriminant analysis", 1989; Lee et al., "Robust inference via generative classifiers
        for handling noisy labels", ICML 2019.
    """

    default = 0.3
    default_temperature = 2.0

    def __init__(self, axes: Axes, rows: Singles, examples: Examples) -> None:
        self._axes = axes
        self._rows = rows
        self._examples = examples

    def candidates(self, trial: Examples) -> Iterator[tuple[float, Floats]]:
        """Yield shrinkages, each with scores of the first labelled rows by their own half's labels of other folds."""
        rows = self._rows[np.flatnonzero(self._examples.is_labelled)[: len(trial.targets)]]
        parts = [(mine, *_left_out(rows, trial, mine)) for mine in (trial.parts == half for half in HALVES)]
        for shrinkage in _SHRINKAGES:
            scores = np.zeros_like(trial.targets)
            for mine, whole, of_fold in parts:
                for fold, own in enumerate(of_fold):
                    left_out = mine & (trial.folds == fold)
                    scores[left_out] = (whole - own).discriminants(shrinkage).score(rows[left_out])
            yield shrinkage, scores

    def fit(self, shrinkage: float) -> tuple[Floats, LinearModel]:
        """Return (N, K) scores of every row by the labels of other folds, and what predicts new rows."""
        examples = self._examples
        whole, of_fold = _left_out(self._rows, examples, examples.is_labelled)
        fitted = whole.discriminants(shrinkage)
        scores = np.zeros(examples.targets.shape)
        unlabelled = examples.folds < 0
        scores[unlabelled] = fitted.score(self._rows[unlabelled])
        for fold, own in enumerate(of_fold):
            left_out = examples.folds == fold
            scores[left_out] = (whole - own).discriminants(shrinkage).score(self._rows[left_out])
        weights, intercepts = self._axes.back(fitted.columns, fitted.intercepts)
        return scores, LinearModel(np.arange(len(weights)), weights, intercepts)


def _left_out(rows: Singles, examples: Examples, mine: NDArray[np.bool_]) -> tuple[Moments, list[Moments]]:
    """Return the moments of some rows, and of those of them in each fold."""
    of_fold = [
        Moments.of(rows[mine & (examples.folds == fold)], examples.targets[mine & (examples.folds == fold)])
        for fold in range(N_FOLDS)
    ]
    return sum(of_fold[1:], of_fold[0]), of_fold
