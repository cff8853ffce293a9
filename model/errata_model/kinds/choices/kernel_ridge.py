"""Kernel ridge regression as a learner of single choice: leaving a group out is exact."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from errata_model.kinds.choices.examples import HALVES, Examples, Floats
from errata_model.kinds.choices.kernel import (
    LINEAR,
    centre,
    factorise,
    kernel_values,
    median_distance,
    radial_kernel,
    squared_distances,
    whiten,
)
from errata_model.kinds.choices.kernel_model import KernelModel
from errata_model.kinds.choices.rows import Rows
from errata_model.out_of_sample import fit_leaving_groups_out, leave_group_out

_MOST_WORK = 1.2e10  # rows times squared landmarks: seconds on one core
_FEWEST_LANDMARKS = 1500
_TRIAL_LANDMARKS = 700
_WIDTHS = (0.7, 0.5, 0.35)
_RIDGES = (0.3, 0.1, 1.0, 3.0)
_LINEAR_RIDGES = (1.0, 0.3, 3.0, 10.0)
_MEDIAN_ROWS = 1000
_BLOCK_ROWS = 4096


class KernelSetting(NamedTuple):
    """What the labels themselves decide about the learner."""

    width: float  # of the kernel, a distance between rows
    ridge: float


class KernelRidge:
    """Kernel ridge regression, one column a class: a radial kernel over embeddings, a linear one over counts.

    Up to about 2,300 labelled rows all of them stand for the space and the kernel is exact; beyond, as many as bound
    the work, at least 1,500, drawn by content (Nystroem). Every label is learned from.

    Args:
        rows: (N, D) of length 1.
        examples: N of them.
    """

    default_temperature = 0.5

    def __init__(self, rows: Rows, examples: Examples) -> None:
        self._rows = rows
        self._examples = examples
        self._is_labelled = examples.is_labelled
        is_dense = isinstance(rows, np.ndarray)
        self._means = rows.mean(axis=0, dtype=np.float64).astype(np.float32) if is_dense else None
        self._unit = median_distance(self._first(_MEDIAN_ROWS)) if is_dense else None
        self.default = next(self._grid())

    def _first(self, n: int) -> Rows:
        """Return the first labelled rows, centred."""
        return centre(self._rows[np.flatnonzero(self._is_labelled)[:n]], self._means)

    def candidates(self, trial: Examples) -> Iterator[tuple[KernelSetting, Floats]]:
        """Yield settings, each with scores of the first labelled rows by their own half's labels of other groups."""
        rows = self._first(len(trial.targets))
        landmarks = rows[:_TRIAL_LANDMARKS]
        squared = squared_distances(rows, landmarks) if self._unit is not None else None
        width = None
        for setting in self._grid():
            if setting.width != width:
                width = setting.width
                kernel = kernel_values(rows, landmarks, width) if squared is None else radial_kernel(squared, width)
                features = whiten(kernel, factorise(kernel[: landmarks.shape[0]])).astype(np.float32)
            yield setting, _leave_out_within_halves(features, trial, setting.ridge)

    def _grid(self) -> Iterator[KernelSetting]:
        if self._unit is None:
            return (KernelSetting(LINEAR, ridge) for ridge in _LINEAR_RIDGES)
        return (KernelSetting(width * self._unit, ridge) for width, ridge in product(_WIDTHS, _RIDGES))

    def fit(self, setting: KernelSetting) -> tuple[Floats, KernelModel]:
        """Return (N, K) scores of every row by the labels of other groups, and what predicts new rows."""
        targets = _centre(self._examples)
        landmarks = self._first(_n_landmarks(int(self._is_labelled.sum())))
        factor = factorise(kernel_values(landmarks, landmarks, setting.width))
        features = np.empty((self._rows.shape[0], landmarks.shape[0]), dtype=np.float32)
        for start in range(0, len(features), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            rows = centre(self._rows[block], self._means)
            features[block] = whiten(kernel_values(rows, landmarks, setting.width), factor)
        scores, weights = fit_leaving_groups_out(
            features, targets, self._examples.groups, self._is_labelled, setting.ridge
        )
        coefficients = solve_triangular(factor, weights, lower=True, trans="T", check_finite=False)
        return scores, KernelModel(landmarks, coefficients.astype(np.float32), setting.width, self._means)


def _n_landmarks(n_rows: int) -> int:
    return min(n_rows, max(_FEWEST_LANDMARKS, int(np.sqrt(_MOST_WORK / n_rows))))


def _centre(examples: Examples) -> Floats:
    n_classes = examples.targets.shape[1]
    return np.where(examples.is_labelled[:, None], examples.targets - 1 / n_classes, 0)


def _leave_out_within_halves(features: NDArray[np.float32], trial: Examples, ridge: float) -> Floats:
    targets, parts = _centre(trial), trial.parts
    scores = np.empty_like(targets)
    for half in HALVES:
        mine: NDArray[np.bool_] = parts == half
        everything = np.ones(int(mine.sum()), dtype=bool)
        scores[mine] = leave_group_out(features[mine], targets[mine], trial.groups[mine], everything, ridge)
    return scores
