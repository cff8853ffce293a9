"""Logistic regression as a learner of single choice: cross-fitted over folds of whole groups."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from errata_model.kinds.choices.examples import HALVES, N_FOLDS, Examples, Floats
from errata_model.kinds.choices.linear_model import LinearModel
from errata_model.kinds.choices.logistic import (
    MOST_AXES,
    Axes,
    Loss,
    Singles,
    Weights,
    fit_logistic,
    generalised_cross_entropy,
    steepness,
)
from errata_model.kinds.choices.rows import Embeddings

_RIDGES = (3.0, 1.0, 0.3, 0.1, 0.03)
_MOST_WORK = 1e9  # of rows along axes, times classes: a minute or two of one core


class LogisticRegression:
    """Multinomial logistic regression.

    A row is predicted by a fit to the labels of the four folds that its group is not in. Folds are dealt by content
    alone, never balanced by label: a label that changes would move rows from fold to fold, and with them its own
    belief. A class that a fit has not seen gets what the ridge leaves it: little.

    Args:
        axes: along which the rows are.
        rows: (N, d) along them.
        examples: N of them.
        losses: of scores.
    """

    default = 1.0
    default_temperature = 1.0

    def __init__(self, axes: Axes, rows: Singles, examples: Examples, losses: Loss = generalised_cross_entropy) -> None:
        self._axes = axes
        self._rows = rows
        self._examples = examples
        self._losses = losses

    @staticmethod
    def is_affordable(rows: Embeddings, n_classes: int) -> bool:
        """Say whether it can be fitted in minutes."""
        return len(rows) * min(rows.shape[1], MOST_AXES) * n_classes <= _MOST_WORK

    def candidates(self, trial: Examples) -> Iterator[tuple[float, Floats]]:
        """Yield ridges, each with scores of the first labelled rows by their own half's labels of other folds."""
        rows = self._rows[np.flatnonzero(self._examples.is_labelled)[: len(trial.targets)]]
        halves = [np.flatnonzero(trial.parts == half) for half in HALVES]
        parts = [(mine, rows[mine], trial.take(mine)) for mine in halves]
        steep = [steepness(own, trial.targets.shape[1]) for _, own, _ in parts]
        starts: dict[tuple[int, int], Weights] = {}
        for ridge in _RIDGES:
            scores = np.zeros_like(trial.targets)
            for half, (mine, own, examples) in enumerate(parts):
                targets = examples.targets.astype(np.float32)
                for fold in range(N_FOLDS):
                    others, left_out = examples.folds != fold, examples.folds == fold
                    start = starts.get((half, fold))
                    fitted = fit_logistic(own, targets, others, ridge, steep[half], start, self._losses)
                    starts[half, fold] = fitted
                    scores[mine[left_out]] = fitted.score(own[left_out])
            yield ridge, scores

    def fit(self, ridge: float) -> tuple[Floats, LinearModel]:
        """Return (N, K) scores of every row by the labels of other folds, and what predicts new rows."""
        targets, folds = self._examples.targets.astype(np.float32), self._examples.folds
        is_labelled = self._examples.is_labelled
        steep = steepness(self._rows, targets.shape[1])
        scores = np.zeros(targets.shape)
        for fold in range(-1, N_FOLDS):
            others = is_labelled & (folds != fold)
            fitted = fit_logistic(self._rows, targets, others, ridge, steep, losses=self._losses)
            mine = folds == fold
            scores[mine] = fitted.score(self._rows[mine])
            if fold == -1:
                whole = fitted
        weights, intercepts = self._axes.back(whole.columns, whole.intercepts)
        return scores, LinearModel(np.arange(len(weights)), weights, intercepts)
