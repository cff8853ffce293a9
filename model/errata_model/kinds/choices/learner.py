"""The learner of single choice: an average of learners that believes nothing from a row's own group."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.kinds.choices.canonical import order_by_content
from errata_model.kinds.choices.choice import Chosen, choose, evidence, has_enough, share
from errata_model.kinds.choices.complement_learner import ComplementNaiveBayes
from errata_model.kinds.choices.discriminant import DiscriminantAnalysis
from errata_model.kinds.choices.examples import UNLABELLED, Examples, Floats, check_groups
from errata_model.kinds.choices.kernel_ridge import KernelRidge
from errata_model.kinds.choices.logistic import MOST_AXES, Axes
from errata_model.kinds.choices.logistic_regression import LogisticRegression
from errata_model.kinds.choices.model import ChoicesModel, Member, Predictor
from errata_model.kinds.choices.rows import Block, check_blocks, check_features, to_blocks
from errata_model.kinds.choices.softmax import softmax
from errata_model.threads import threads_for

_FEWEST_FOR_LINES = 50  # groups in a half
_TRIAL_ROWS = 10_000  # enough to choose by; with fewer too large a ridge was chosen


@dataclass(frozen=True, slots=True)
class FittedChoices:
    """What was learned.

    Attributes:
        probabilities: (N, K) float32, rows sum to 1; no row has seen a label of its own group.
        model: predicts new rows, from all labels.
    """

    probabilities: NDArray[np.float32]
    model: ChoicesModel


def fit_choices(
    features: Features,
    targets: NDArray[np.floating],
    groups: NDArray[np.integer],
    *,
    blocks: Sequence[int] | None = None,
    seed: int = 0,
    minutes: float | None = None,
) -> FittedChoices:
    """Learn labels from features, and predict every row without its own group.

    An average of learners on each block: kernel ridge regression and, over counts, complement naive Bayes, both
    leaving a row's group out exactly; logistic regression, cross-fitted over folds of whole groups. Settings,
    temperatures and the shares in the average are chosen by the likelihood of labels that were left out, for one half
    of the groups within the other half (`choose`): a row's belief does not move when labels of its own group change,
    but for rounding in single precision.

    All is computed in an order that content and `seed` decide: the result permutes with the rows.

    Args:
        features: (N, D) finite embeddings, or sparse counts >= 0.
        targets: (N, K) rows that sum to 1, or of zeros where there is no label.
        groups: (N,) rows that must not vouch for one another: the same media, near-duplicates.
        blocks: widths of the parts that rows are made of, each learned from by itself; all is one part by default.
        seed: of the draw of landmarks, halves and folds.
        minutes: no further settings are tried after so long; the choice then depends on the machine's speed.

    Returns:
        Probabilities of every row, those without a label included, and the model.

    Raises:
        ValueError: arrays do not fit or are not finite; fewer than 2 labels, or labels of one class alone.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    checked = check_features(features)
    n_rows, width = checked.shape
    widths = check_blocks(blocks, width)
    wanted = _check_targets(targets, n_rows)
    members = check_groups(groups, n_rows)
    order, ranks = order_by_content(checked, wanted, members, seed)
    examples = Examples(wanted, members, ranks).take(order)
    trial = examples.take(np.flatnonzero(examples.is_labelled)[:_TRIAL_ROWS])
    parts = to_blocks(checked, widths)
    with threads_for(n_rows):
        learned = [
            _learn(learner, number, examples, trial, deadline)
            for number, block in enumerate(parts)
            for learner in _learners(checked, block, order, examples, trial)
        ]
    shares = _shares(learned, trial)
    average = np.zeros(wanted.shape, dtype=np.float32)
    for n, each in enumerate(learned):
        average += shares[examples.parts, n, None] * each.probabilities
    in_given_order = np.empty_like(average)
    in_given_order[order] = average
    kept = tuple(
        Member(each.block, weight, each.chosen[UNLABELLED].temperature, each.predictor)
        for weight, each in zip(shares[UNLABELLED].tolist(), learned, strict=True)
    )
    return FittedChoices(in_given_order, ChoicesModel(width, wanted.shape[1], parts, kept))


class Learner(Protocol):
    """One way to learn labels from the rows of a block.

    Attributes:
        default: the setting where there is too little to choose by.
        default_temperature: likewise.
    """

    default: Any
    default_temperature: float

    def candidates(self, trial: Examples, /) -> Iterator[tuple[Any, Floats]]:
        """Yield settings, each with scores of the first labelled rows by their own half's labels of other groups."""

    def fit(self, setting: Any, /) -> tuple[Floats, Predictor]:
        """Return (N, K) scores of every row by the labels of other groups, and what predicts new rows."""


def _learners(
    features: Features, block: Block, order: NDArray[np.int64], examples: Examples, trial: Examples
) -> Iterator[Learner]:
    """Yield who learns from a block. Linear ones need more labels: far from them all a kernel says nothing."""
    rows = block.prepare_in_order(features, order)
    yield KernelRidge(rows, examples)
    if not isinstance(rows, np.ndarray):
        yield ComplementNaiveBayes(rows, examples)
    elif has_enough(trial, _FEWEST_FOR_LINES):
        axes = Axes.of(rows, MOST_AXES)
        along = axes.along(rows)
        yield DiscriminantAnalysis(axes, along, examples)
        if LogisticRegression.is_affordable(rows, examples.targets.shape[1]):
            yield LogisticRegression(axes, along, examples)


@dataclass(frozen=True, slots=True)
class _Learned:
    """What one learner made of one block: chosen for each part of the rows, probabilities (N, K) out of sample."""

    block: int
    chosen: Sequence[Chosen[Any]]
    probabilities: NDArray[np.float32]
    predictor: Predictor


def _learn(learner: Learner, block: int, examples: Examples, trial: Examples, deadline: float | None) -> _Learned:
    if has_enough(trial):
        chosen = choose(learner.candidates(trial), trial, deadline)
    else:
        chosen = (Chosen(learner.default, learner.default_temperature, np.zeros(0)),) * 3
    probabilities = np.zeros(examples.targets.shape, dtype=np.float32)
    for setting in dict.fromkeys(each.setting for each in chosen):
        scores, predictor = learner.fit(setting)
        for part, each in enumerate(chosen):
            if each.setting == setting:
                mine = examples.parts == part
                probabilities[mine] = softmax(scores[mine] / each.temperature)
        if setting == chosen[UNLABELLED].setting:
            kept = predictor
    return _Learned(block, chosen, probabilities, kept)


def _shares(learned: Sequence[_Learned], trial: Examples) -> NDArray[np.float32]:
    """Return (parts, M) each member's share in the average, for each part of the rows."""
    if not has_enough(trial):
        return np.full((UNLABELLED + 1, len(learned)), 1 / len(learned), dtype=np.float32)
    labels = [trial.targets[mine][trial.targets[mine] > 0] for mine in evidence(trial)]
    shares = [share([each.chosen[part].log_likelihoods for each in learned], of) for part, of in enumerate(labels)]
    return np.array(shares, dtype=np.float32)


def _check_targets(targets: NDArray[np.floating], n: int) -> Floats:
    wanted = np.ascontiguousarray(targets, dtype=np.float64)
    if wanted.ndim != 2 or len(wanted) != n:
        raise ValueError(f"`targets` must be ({n}, K), got {wanted.shape}")
    with np.errstate(invalid="ignore", over="ignore"):
        sums = wanted.sum(axis=1)
        is_right = (wanted >= 0).all(axis=1) & ((sums == 0) | (np.abs(sums - 1) <= 1e-3))
    if not is_right.all():
        row = int(np.argmin(is_right))
        raise ValueError(f"`targets` must be rows >= 0 that sum to 1 or 0, row {row} is {wanted[row].tolist()}")
    n_labelled, n_classes = int(wanted.any(axis=1).sum()), int(wanted.any(axis=0).sum())
    if n_labelled < 2:
        raise ValueError(f"at least 2 labelled rows are needed to learn from, got {n_labelled}")
    if n_classes < 2:
        raise ValueError("at least 2 classes are needed to learn from, every label is the same")
    return wanted
