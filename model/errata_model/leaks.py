"""Whether predictions have seen the labels that they are held against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEWEST = 10  # labels that the witness doubts; with fewer there is no telling
_COMPETENT = 1 / 3  # of the way from chance to always: so often the witness agrees with the labels it is surest about
_EVERY = 0.998  # of all labels: whose belief agrees with so many finds nothing, whatever the reason
_AGREES = 0.97  # with so many doubted labels nothing agrees that has not seen them
_HAS_NOT_SEEN = 0.5  # who agrees with no more of the doubted labels did not learn them, whoever errs there
_SUREST = 0.1  # of the items
_FEWEST_OF_SUREST = 5  # labels doubted there
_LEVEL = 0.5  # times as often at least the witness doubts among the surest tenth as among the surest half
_FEWEST_OTHERS = 50  # items without a label, to compare confidence with
_SURER = 0.75  # how often an item with a label is surer than one without
_PERFECT = 0.99


@dataclass(frozen=True, slots=True)
class Leak:
    """What speaks for predictions that have seen the labels.

    Attributes:
        is_suspected: whether it is enough.
        is_told: whether there was enough to tell by: a witness with so many doubts, or items without a label.
        agreement: share of all given labels that the predictions agree with.
        n_doubted: labels that the witness would change, among all where the predictions agree with nearly every label,
            among the half that it is surest about elsewhere.
        agreement_on_doubted: share of those that the predictions agree with; NaN where there is no witness.
        agreement_of_witness: share of all given labels that the witness agrees with; NaN likewise.
        surer: probability that the predictions are surer about an item with a label than about one without, ties half;
            NaN where there are not enough of them.
    """

    is_suspected: bool
    is_told: bool
    agreement: float
    n_doubted: int
    agreement_on_doubted: float
    agreement_of_witness: float
    surer: float

    @property
    def is_perhaps_right(self) -> bool:
        """Say whether predictions that are all but perfect, of labels that are, would look the same."""
        return self.agreement >= _EVERY


def find_leak(
    given: NDArray[np.integer],
    predicted: NDArray[np.floating],
    *,
    witness: NDArray[np.floating] | None = None,
    unlabelled: NDArray[np.floating] | None = None,
) -> Leak:
    """Judge whether predictions were made by what had learned from the given labels.

    Three things give it away.

    1. Predictions agree with nearly all labels (99.8 %), also with those that a witness would change, any learner that
       has certainly not seen the label of what it predicts. A perfect model of right labels would do the same; no
       wrong label is found by either.
    2. They agree with fewer, but with nearly all that the witness is sure are wrong, though wrong labels are among
       these: a weak witness errs ever less the surer it is, while labels that are wrong at random contradict it where
       it is surest, too. So it must doubt among the surest tenth half as often at least as among the surest half.
    3. They agree with 99 %, and are surer about items with a label than about those without.

    A witness counts where it agrees with the half of the labels that it is surest about clearly more often than the
    commonest class alone would.

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
    has_seen = is_enough = False
    if witness is not None:
        if np.shape(witness) != said.shape:
            raise ValueError(f"`witness` must be {said.shape}, got {np.shape(witness)}")
        doubts = _doubts(labels, np.asarray(witness, dtype=np.float64))
        doubted = doubts.all if agreement >= _EVERY else doubts.sure
        n_doubted, of_witness = len(doubted), doubts.agreement
        on_doubted = float(agrees[doubted].mean()) if n_doubted else float("nan")
        counts = doubts.is_competent and n_doubted >= _FEWEST
        is_enough = counts and (agreement >= _EVERY or doubts.are_of_labels)
        has_seen = is_enough and on_doubted >= _AGREES
        is_enough = is_enough or (counts and on_doubted <= _HAS_NOT_SEEN)
    surer = float("nan")
    if unlabelled is not None and min(len(unlabelled), len(labels)) >= _FEWEST_OTHERS:
        surer = _surer(said.max(axis=1), np.asarray(unlabelled, dtype=np.float64).max(axis=1))
        has_seen = has_seen or (surer >= _SURER and agreement >= _PERFECT)
    is_told = is_enough or not np.isnan(surer)
    return Leak(has_seen, is_told, agreement, n_doubted, on_doubted, of_witness, surer)


@dataclass(frozen=True, slots=True)
class _Doubts:
    """What a witness says about labels.

    Attributes:
        all: the labels that it would change.
        sure: those among the half that it is surest about.
        agreement: with how many of all it agrees; NaN where it knows nothing.
        is_competent: whether what it says counts.
        are_of_labels: whether it doubts so often where it is surest that it is the labels that are wrong.
    """

    all: NDArray[np.int64]
    sure: NDArray[np.int64]
    agreement: float
    is_competent: bool
    are_of_labels: bool


def _doubts(labels: NDArray[np.int64], witness: NDArray[np.float64]) -> _Doubts:
    known = np.flatnonzero(np.isfinite(witness).all(axis=1))
    if not len(known):
        return _Doubts(known, known, float("nan"), False, False)
    order = known[np.argsort(-witness[known].max(axis=1), kind="stable")]  # surest first
    doubts = witness[order].argmax(axis=1) != labels[order]
    half, tenth = doubts[: -(-len(order) // 2)], doubts[: int(_SUREST * len(order))]
    chance = float(np.bincount(labels[known]).max() / len(known))
    return _Doubts(
        all=order[doubts],
        sure=order[: len(half)][half],
        agreement=float(1 - doubts.mean()),
        is_competent=bool(1 - half.mean() >= chance + _COMPETENT * (1 - chance)),
        are_of_labels=bool(tenth.sum() >= _FEWEST_OF_SUREST and tenth.mean() >= _LEVEL * half.mean()),
    )


def _surer(labelled: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Return how often one of the first is larger than one of the second, ties half (the area under the ROC curve)."""
    ordered = np.sort(others)
    below, not_above = np.searchsorted(ordered, labelled, "left"), np.searchsorted(ordered, labelled, "right")
    return float((below + not_above).mean() / 2 / len(ordered))
