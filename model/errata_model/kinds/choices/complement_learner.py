"""Complement naive Bayes as a learner of single choice, over counts: leaving a group out is exact."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array

from errata_model.kinds.choices.complement import ComplementModel, leave_group_out_scores
from errata_model.kinds.choices.examples import HALVES, Examples, Floats


class ComplementNaiveBayes:
    """Complement naive Bayes: nothing to choose but a temperature.

    Args:
        rows: (N, D) of length 1, >= 0.
        examples: N of them.
    """

    default: None = None
    default_temperature = 1.0

    def __init__(self, rows: csr_array, examples: Examples) -> None:
        self._rows = rows
        self._examples = examples

    def candidates(self, trial: Examples) -> Iterator[tuple[None, Floats]]:
        """Yield scores of the first labelled rows by their own half's labels of other groups."""
        rows = self._rows[np.flatnonzero(self._examples.is_labelled)[: len(trial.targets)]]
        scores = np.empty_like(trial.targets)
        for half in HALVES:
            mine = trial.parts == half
            scores[mine] = leave_group_out_scores(rows[mine], trial.targets[mine], trial.groups[mine])
        yield None, scores

    def fit(self, _: None) -> tuple[Floats, ComplementModel]:
        """Return (N, K) scores of every row by the labels of other groups, and what predicts new rows."""
        scores = leave_group_out_scores(self._rows, self._examples.targets, self._examples.groups)
        return scores, ComplementModel.fit(self._rows, self._examples.targets)
