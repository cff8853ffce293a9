"""Logistic regression as a learner of single choice: cross-fitted over folds of whole groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.examples import HALVES, N_FOLDS, Examples, Floats
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
from errata_model.kinds.choices.rows import Rows

_RIDGES = (3.0, 1.0, 0.3, 0.1, 0.03)
_MOST_WORK = 2.5e9  # cells of the rows times classes: minutes on one core
_MOST_WEIGHTS = 4e6  # descent remembers a score of gradients: most of a gigabyte


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """A fitted logistic regression. Immutable: safe to use from several threads.

    Attributes:
        columns: (d,) which columns are looked at.
        weights: (d, K) float32.
        intercepts: (K,).
    """

    kind: ClassVar[str] = "logistic"

    columns: NDArray[np.int64]
    weights: Singles
    intercepts: Floats

    def scores(self, rows: Rows) -> Floats:
        """Return (M, K) scores of (M, D) rows of length 1."""
        return np.asarray(_take(rows, self.columns) @ self.weights, dtype=np.float64) + self.intercepts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        return {"columns": self.columns, "weights": self.weights, "intercepts": self.intercepts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> LogisticModel:
        """Return the model whose `arrays` these are.

        Raises:
            KeyError: an array is missing.
        """
        return cls(arrays["columns"], arrays["weights"], arrays["intercepts"])


class LogisticRegression:
    """Multinomial logistic regression.

    A row is predicted by a fit to the labels of the four folds that its group is not in. Folds are dealt by content
    alone, never balanced by label: a label that changes would move rows from fold to fold, and with them its own
    belief. A class that a fit has not seen gets what the ridge leaves it: little.

    Args:
        rows: (N, D) of length 1.
        examples: N of them.
        losses: of scores.
        axes: along which the rows are seen; their own by default.
    """

    default = 1.0
    default_temperature = 1.0

    def __init__(
        self, rows: Rows, examples: Examples, losses: Loss = generalised_cross_entropy, axes: Axes | None = None
    ) -> None:
        self._losses = losses
        self._columns = told_columns(rows)
        self._axes = axes or (Axes.of(rows, MOST_AXES) if isinstance(rows, np.ndarray) else None)
        self._rows = _take(rows, self._columns) if self._axes is None else self._axes.along(rows)
        self._examples = examples
        self._n_classes = examples.targets.shape[1]

    @staticmethod
    def is_affordable(rows: Rows, n_classes: int) -> bool:
        """Say whether it can be fitted in minutes and a gigabyte."""
        n_cells = rows.size if isinstance(rows, np.ndarray) else rows.nnz
        return n_cells * n_classes <= _MOST_WORK and len(told_columns(rows)) * n_classes <= _MOST_WEIGHTS

    def candidates(self, trial: Examples) -> Iterator[tuple[float, Floats]]:
        """Yield ridges, each with scores of the first labelled rows by their own half's labels of other folds."""
        rows = self._rows[np.flatnonzero(self._examples.is_labelled)[: len(trial.targets)]]
        halves = [np.flatnonzero(trial.parts == half) for half in HALVES]
        parts = [(mine, rows[mine], trial.take(mine)) for mine in halves]
        steep = [steepness(own, self._n_classes) for _, own, _ in parts]
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

    def fit(self, ridge: float) -> tuple[Floats, LogisticModel]:
        """Return (N, K) scores of every row by the labels of other folds, and what predicts new rows."""
        targets, folds = self._examples.targets.astype(np.float32), self._examples.folds
        is_labelled = self._examples.is_labelled
        steep = steepness(self._rows, self._n_classes)
        scores = np.zeros(targets.shape)
        for fold in range(-1, N_FOLDS):
            others = is_labelled & (folds != fold)
            fitted = fit_logistic(self._rows, targets, others, ridge, steep, losses=self._losses)
            mine = folds == fold
            scores[mine] = fitted.score(self._rows[mine])
            if fold == -1:
                whole = fitted
        if self._axes is not None:
            return scores, LogisticModel(self._columns, *self._axes.back(whole.columns, whole.intercepts))
        return scores, LogisticModel(self._columns, whole.columns.astype(np.float32), whole.intercepts)


def told_columns(rows: Rows) -> NDArray[np.int64]:
    """Return the columns that can tell rows apart: of counts, those that two rows hold."""
    if isinstance(rows, np.ndarray):
        return np.arange(rows.shape[1])
    return np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]) > 1)


def _take(rows: Rows, columns: NDArray[np.int64]) -> Rows:
    return rows if len(columns) == rows.shape[1] else rows[:, columns]
