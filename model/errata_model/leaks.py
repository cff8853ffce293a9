"""Whether predictions have seen the labels that they are held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEWEST = 10  # labels that the witness doubts; with fewer there is no telling
_COMPETENT = 0.8  # of the labels of what the witness is surest about it must agree with so many
_AGREES = 0.97  # with so many doubted labels nothing agrees that has not seen them
_FEWEST_OTHERS = 50  # items without a label, to compare confidence with
_SURER = 0.75  # how often an item with a label is surer than one without
_PERFECT = 0.99
_EVERY = 0.999  # of all labels; then all that the witness would have otherwise count, not those it is sure about alone


@dataclass(frozen=True, slots=True)
class Leak:
    """What speaks for predictions that have seen the labels.

    Attributes:
        is_suspected: whether it is enough.
        agreement: share of all given labels that the predictions agree with.
        n_doubted: labels that the witness is sure are wrong.
        agreement_on_doubted: share of those that the predictions agree with; NaN where there is no witness.
        agreement_of_witness: share of all given labels that the witness agrees with; NaN likewise.
        surer: probability that the predictions are surer about an item with a label than about one without, ties half;
            NaN where there are not enough of them.
    """

    is_suspected: bool
    agreement: float
    n_doubted: int
    agreement_on_doubted: float
    agreement_of_witness: float
    surer: float


def find_leak(
    given: NDArray[np.integer],
    predicted: NDArray[np.floating],
    *,
    witness: NDArray[np.floating] | None = None,
    unlabelled: NDArray[np.floating] | None = None,
) -> Leak:
    """Judge whether predictions were made by what had learned from the given labels.

    Two things give it away. A witness, any learner that has certainly not seen the label of what it predicts, is
    sure that some labels are wrong: many of them are, and the others are hard. What sees the items alone errs or
    disagrees on them far more than elsewhere; what has seen their labels agrees with nearly all. The witness must be
    good for this: of the half that it is surest about it agrees with 80 %. And what has learned from the labels is
    surer about the items that had one than about those that had none.

    Where the labels are all but right, a perfect model cannot be told from one that has seen them.

    Args:
        given: (N,) columns.
        predicted: (N, K) probabilities in question.
        witness: (N, K) probabilities that are out-of-sample, rows of NaN where there are none.
        unlabelled: (U, K) predictions in question about items that have no label.

    Raises:
        ValueError: shapes do not agree.
    """
    labels, said = np.asarray(given, dtype=np.int64), np.asarray(predicted, dtype=np.float64)
    if said.ndim != 2 or len(said) != len(labels):
        raise ValueError(f"`predicted` must be ({len(labels)}, K), got {said.shape}")
    agrees = said.argmax(axis=1) == labels if len(labels) else np.zeros(0, dtype=bool)
    agreement = float(agrees.mean()) if len(labels) else float("nan")
    n_doubted, on_doubted, of_witness = 0, float("nan"), float("nan")
    has_seen = False
    if witness is not None:
        if np.shape(witness) != said.shape:
            raise ValueError(f"`witness` must be {said.shape}, got {np.shape(witness)}")
        every = agreement >= _EVERY
        doubted, of_witness, is_competent = _doubts(labels, np.asarray(witness, dtype=np.float64), every)
        n_doubted = len(doubted)
        on_doubted = float(agrees[doubted].mean()) if n_doubted else float("nan")
        has_seen = is_competent and n_doubted >= _FEWEST and on_doubted >= _AGREES
    surer = float("nan")
    if unlabelled is not None and min(len(unlabelled), len(labels)) >= _FEWEST_OTHERS:
        surer = _surer(said.max(axis=1), np.asarray(unlabelled, dtype=np.float64).max(axis=1))
        has_seen = has_seen or (surer >= _SURER and agreement >= _PERFECT)
    return Leak(has_seen, agreement, n_doubted, on_doubted, of_witness, surer)


def _doubts(
    labels: NDArray[np.int64], witness: NDArray[np.float64], every: bool
) -> tuple[NDArray[np.int64], float, bool]:
    """Return the labels that a witness is sure are wrong, how many of all it agrees with, and whether it is good."""
    known = np.flatnonzero(np.isfinite(witness).all(axis=1))
    if not len(known):
        return known, float("nan"), False
    best, sure = witness[known].argmax(axis=1), witness[known].max(axis=1)
    agrees = best == labels[known]
    is_sure = sure >= np.median(sure)
    return known[~agrees & (is_sure | every)], float(agrees.mean()), bool(agrees[is_sure].mean() >= _COMPETENT)


def _surer(labelled: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return how often one of the first is larger than one of the second, ties half (the area under the ROC curve)."""
    ordered = np.sort(others)
    below, not_above = np.searchsorted(ordered, labelled, "left"), np.searchsorted(ordered, labelled, "right")
    return float((below + not_above).mean() / 2 / len(ordered))
