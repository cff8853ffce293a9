"""Who learns tags: learners of single choice, each tag a column of its own, and naive Bayes of which words texts hold.

All of them say how far a row is from what is usual for each tag, so that one who knows nothing says 0 and base rates
stay; `calibration` makes probabilities of it. Targets have a last column of ones, see `base_rates.with_ones`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from scipy.sparse import csr_array

from errata_model.kinds.choices.examples import HALVES, Examples, Floats
from errata_model.kinds.choices.kernel_ridge import KernelRidge, KernelSetting
from errata_model.kinds.choices.linear_model import LinearModel
from errata_model.kinds.choices.logistic import MOST_AXES, Axes, Singles
from errata_model.kinds.choices.logistic_regression import LogisticRegression
from errata_model.kinds.choices.model import Predictor
from errata_model.kinds.choices.rows import Embeddings, Rows, told_columns
from errata_model.kinds.tags.base_rates import deviations, overall_rates, rates_of_others
from errata_model.kinds.tags.calibration import logit, standardise
from errata_model.kinds.tags.naive_bayes import fit_ratios, leave_group_out_ratios

_MOST_CELLS = 1e9  # of texts times tags: a minute or two of one core
_MOST_WEIGHTS = 1e7  # columns times tags: 80 MB


class Learner(Protocol):
    """One way to learn tags from the rows of a block."""

    def candidates(self, trial: Examples, /) -> Iterator[tuple[Any, Floats]]:
        """Yield settings, each with (n, K) scores of the first labelled rows by their own half's tags of others."""

    def fit(self, setting: Any, /) -> tuple[Floats, Predictor]:
        """Return (N, K) scores of every row by the tags of other groups, and what gives new rows such scores."""


class Kernel:
    """Kernel ridge regression: exact in leaving groups out.

    Args:
        rows: (N, D) of length 1.
        examples: N of them.
    """

    def __init__(self, rows: Rows, examples: Examples) -> None:
        self._ridge = KernelRidge(rows, examples)
        self._examples = examples

    @property
    def default(self) -> KernelSetting:
        """The setting where there is too little to choose by."""
        return self._ridge.default

    def candidates(self, trial: Examples) -> Iterator[tuple[KernelSetting, Floats]]:
        """See `Learner.candidates`."""
        base = rates_of_others(trial, trial.parts)
        for setting, scores in self._ridge.candidates(trial):
            yield setting, standardise(deviations(scores, base), base)

    def fit(self, setting: KernelSetting) -> tuple[Floats, Predictor]:
        """See `Learner.fit`."""
        scores, predictor = self._ridge.fit(setting)
        base, overall = rates_of_others(self._examples), overall_rates(self._examples)
        of_tags = deviations(predictor.coefficients.astype(np.float64), overall)  # linear, so of coefficients too
        coefficients = standardise(of_tags, overall).astype(np.float32)
        return standardise(deviations(scores, base), base), replace(predictor, coefficients=coefficients)


class Regression:
    """Logistic regression of each tag: cross-fitted over folds of whole groups.

    Of embeddings alone. On words it added nothing to the kernel, which is linear there (pages of news: average
    precision of tags .326 instead of .359), and took most of the time.

    Args:
        rows: (N, D) of length 1.
        examples: N of them.
    """

    def __init__(self, rows: Embeddings, examples: Examples) -> None:
        axes = Axes.of(rows, MOST_AXES)
        self._logistic = LogisticRegression(axes, axes.along(rows), examples, binomial_loss)
        self._examples = examples

    @staticmethod
    def is_affordable(rows: Embeddings, n_tags: int) -> bool:
        """Say whether it can be fitted in a minute or two."""
        return LogisticRegression.is_affordable(rows, n_tags)

    def candidates(self, trial: Examples) -> Iterator[tuple[float, Floats]]:
        """See `Learner.candidates`."""
        base = logit(rates_of_others(trial, trial.parts))
        for setting, scores in self._logistic.candidates(trial):
            yield setting, scores[:, :-1] - base

    def fit(self, ridge: float) -> tuple[Floats, Predictor]:
        """See `Learner.fit`."""
        scores, whole = self._logistic.fit(ridge)
        intercepts = whole.intercepts[:-1] - logit(overall_rates(self._examples))
        predictor = LinearModel(whole.columns, whole.weights[:, :-1].copy(), intercepts)
        return scores[:, :-1] - logit(rates_of_others(self._examples)), predictor


class NaiveBayes:
    """Naive Bayes of which words texts hold: exact in leaving groups out, and nothing to choose.

    It is surer the more texts it has seen, and its sigmoids were fitted by halves of them: so all rows are scored by
    either half, and both are averaged. Fitted to all of them at once average precision of tags was .359, not .379.

    Args:
        rows: (N, D) of length 1, >= 0.
        examples: N of them.
    """

    def __init__(self, rows: csr_array, examples: Examples) -> None:
        self._columns = told_columns(rows)
        self._rows = rows[:, self._columns]
        self._examples = examples

    @staticmethod
    def is_affordable(rows: csr_array, n_tags: int) -> bool:
        """Say whether it can be fitted in a minute or two, and a hundred megabytes."""
        return rows.nnz * n_tags <= _MOST_CELLS and len(told_columns(rows)) * n_tags <= _MOST_WEIGHTS

    def candidates(self, trial: Examples) -> Iterator[tuple[None, Floats]]:
        """See `Learner.candidates`."""
        rows = self._rows[np.flatnonzero(self._examples.is_labelled)[: len(trial.targets)]]
        ratios = np.empty((len(trial.targets), trial.targets.shape[1] - 1))
        for half in HALVES:
            mine = np.flatnonzero(trial.parts == half)
            ratios[mine] = leave_group_out_ratios(rows[mine], trial.take(mine))
        yield None, ratios

    def fit(self, _: None) -> tuple[Floats, Predictor]:
        """See `Learner.fit`. What it says is linear in the rows, as what a logistic regression says."""
        parts, targets = self._examples.parts[:, None], self._examples.targets
        halves = [replace(self._examples, targets=targets * (parts == half)) for half in HALVES]
        weights = np.mean([fit_ratios(self._rows, half.targets) for half in halves], axis=0)
        predictor = LinearModel(self._columns, weights.astype(np.float32), np.zeros(weights.shape[1]))
        return np.mean([leave_group_out_ratios(self._rows, half) for half in halves], axis=0), predictor


def binomial_loss(scores: Singles, wanted: Singles) -> float:
    """Return the summed cross-entropy of the sigmoid of every score; they become its slope. See `logistic.Loss`."""
    total = float(np.logaddexp(0, scores).sum(dtype=np.float64)) - float((wanted * scores).sum(dtype=np.float64))
    np.negative(scores, out=scores)
    with np.errstate(over="ignore"):
        np.exp(scores, out=scores)
    scores += 1
    np.reciprocal(scores, out=scores)
    scores -= wanted
    return total
