"""Naive Bayes as a learner of single choice by itself: weighed counts in, calibrated probabilities out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array

from errata_model.kinds.choices.complement import ComplementModel, leave_group_out_scores
from errata_model.kinds.choices.rows import check_features, inverse_document_frequencies, weigh_terms
from errata_model.kinds.choices.softmax import softmax

Floats = NDArray[np.float64]

_TEMPERATURES = (0.02, 20.0)
_FEWEST_GROUPS = 10  # in a half; with fewer there is nothing to fit a temperature by
_USUAL_TEMPERATURE = 0.5


@dataclass(frozen=True, slots=True)
class NaiveBayes:
    """Fitted complement naive Bayes. Immutable: safe to use from several threads.

    Attributes:
        inverse_frequencies: (D,) how telling each column is; see `weigh_terms`.
        model: scores weighed counts.
        temperature: scores are divided by it before the softmax.
    """

    inverse_frequencies: NDArray[np.float32]
    model: ComplementModel
    temperature: float

    def predict(self, features: csr_array) -> NDArray[np.float32]:
        """Return (M, K) float32 probabilities, rows sum to 1, for (M, D) counts; even where a row has none.

        Raises:
            ValueError: the counts are not (M, D), not finite or below 0; names the row.
        """
        counts = check_features(features)
        if counts.shape[1] != len(self.inverse_frequencies):
            raise ValueError(f"`features` must have {len(self.inverse_frequencies)} columns, got {counts.shape[1]}")
        scores = self.model.scores(weigh_terms(counts, self.inverse_frequencies))
        return softmax(scores / self.temperature).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        own = {"inverse_frequencies": self.inverse_frequencies, "temperature": np.array(self.temperature)}
        return own | self.model.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> NaiveBayes:
        """Return the model whose `arrays` these are.

        Raises:
            ValueError: an array is missing.
        """
        missing = {"inverse_frequencies", "temperature"} - set(arrays)
        if missing:
            raise ValueError(f"`arrays` must hold {', '.join(sorted(missing))}, got {', '.join(sorted(arrays))}")
        weights = np.asarray(arrays["inverse_frequencies"], dtype=np.float32)
        return cls(weights, ComplementModel.from_arrays(arrays), float(arrays["temperature"]))


def fit_naive_bayes(counts: csr_array, targets: Floats, groups: NDArray[np.integer]) -> tuple[Floats, NaiveBayes]:
    """Learn labels from counts, and predict every row without its own group.

    Counts are weighed by TF-IDF, rows of length 1, and no class is likelier beforehand. In our trials, on texts of
    one source with real errors and on three draws from another with planted ones, weighed counts were never far from
    the best, where raw ones lost .37 of average precision when one class in five had 80 % of the texts. The
    temperature that serves a row is fitted within the other half of the groups: nothing about a row has seen its label.

    Args:
        counts: (N, D) finite, >= 0.
        targets: (N, K) rows that sum to 1, or of zeros where there is no label.
        groups: (N,) which rows must not vouch for one another. Renumbering them deals other halves.

    Returns:
        (N, K) probabilities of every row, those without a label included, even where a row has no counts; and the
        model, which has learned all labels.

    Raises:
        ValueError: the counts are not (N, D), not finite or below 0; names the row.
    """
    checked = check_features(counts, "counts")
    frequencies = inverse_document_frequencies(checked)
    rows = weigh_terms(checked, frequencies)
    is_labelled = np.asarray(targets.any(axis=1))
    halves = _halves(groups, is_labelled)
    within = np.zeros_like(targets)
    for half in (0, 1):
        mine = is_labelled & (halves == half)
        within[mine] = leave_group_out_scores(rows[mine], targets[mine], groups[mine])
    scores = leave_group_out_scores(rows, targets, groups)
    for half in (0, 1):
        rests_on = is_labelled & (halves == 1 - half)
        scores[halves == half] /= _fit_temperature(within[rests_on], targets[rests_on], groups[rests_on])
    temperature = _fit_temperature(within[is_labelled], targets[is_labelled], groups[is_labelled])
    scores[halves < 0] /= temperature
    return softmax(scores), NaiveBayes(frequencies, ComplementModel.fit(rows, targets), temperature)


def _halves(groups: NDArray[np.integer], is_labelled: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (N,) 0 or 1 by turns over the groups with a label, -1 for rows of the others."""
    labelled = np.unique(groups[is_labelled])
    if not len(labelled):
        return np.full(len(groups), -1)
    rank = np.minimum(np.searchsorted(labelled, groups), len(labelled) - 1)
    return np.where(labelled[rank] == groups, rank % 2, -1)


def _fit_temperature(scores: Floats, targets: Floats, groups: NDArray[np.integer]) -> float:
    """Return what makes the labels likeliest."""
    if len(np.unique(groups)) < _FEWEST_GROUPS:
        return _USUAL_TEMPERATURE

    def loss(log_temperature: float) -> float:
        probabilities = softmax(scores / np.exp(log_temperature))
        return -float(np.sum(targets * np.log(np.maximum(probabilities, 1e-12))))

    return float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(_TEMPERATURES)), method="bounded").x))
