"""The learner of tags: every tag by itself, out of sample, on what single choice learns with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.kinds.choices.canonical import order_by_content
from errata_model.kinds.choices.choice import evidence, has_enough, share
from errata_model.kinds.choices.examples import UNLABELLED, Examples, Floats, check_groups
from errata_model.kinds.choices.model import Predictor
from errata_model.kinds.choices.rows import Block, check_blocks, check_features, to_blocks
from errata_model.kinds.tags.base_rates import overall_rates, rates_of_others, with_ones
from errata_model.kinds.tags.calibration import (
    Sigmoids,
    bounded,
    fit_sigmoids,
    log_likelihoods,
    logit,
    sigmoid,
    uncalibrated,
)
from errata_model.kinds.tags.members import Kernel, Learner, NaiveBayes, Regression
from errata_model.kinds.tags.model import TagsMember, TagsModel
from errata_model.threads import threads_for

_FEWEST_FOR_LINES = 50  # groups in a half, as for single choice
_TRIAL_ROWS = 10_000  # as for single choice: enough to choose by
_SHARE_ROWS = 2000  # enough for a handful of shares


@dataclass(frozen=True, slots=True)
class FittedTags:
    """What was learned.

    Attributes:
        probabilities: (N, K) float32, each tag on its own; no row has seen a label of its own group.
        model: predicts new rows, from all labels.
    """

    probabilities: NDArray[np.float32]
    model: TagsModel


def fit_tags(
    features: Features,
    targets: NDArray[np.floating],
    is_labelled: NDArray[np.bool_],
    groups: NDArray[np.integer],
    *,
    blocks: Sequence[int] | None = None,
    seed: int = 0,
    minutes: float | None = None,
) -> FittedTags:
    """Learn tags from features, and predict every row without its own group.

    An average of learners on each block: kernel ridge regression, exact in leaving a row's group out; over embeddings
    logistic regression, cross-fitted over folds of whole groups; over counts naive Bayes, exact as well. A calibrated
    sigmoid a tag makes log-odds of what each says, and they are averaged, shared out by the likelihood of tags that
    were left out. Settings, sigmoids and shares that serve one half of the groups were fitted within the other half: a
    row's belief does not move when labels of its own group change, but for rounding in single precision.

    Args:
        features: (N, D) finite embeddings, or sparse counts >= 0.
        targets: (N, K) in [0, 1], the share of annotators who gave the tag; rows that are not labelled are ignored.
        is_labelled: (N,) whether anybody was asked. A row of zeros that is labelled says that no tag applies.
        groups: (N,) rows that must not vouch for one another: the same media, near-duplicates.
        blocks: widths of the parts that rows are made of, each learned from by itself; all is one part by default.
        seed: of the draw of landmarks, halves and folds.
        minutes: no further settings are tried after so long; the choice then depends on the machine's speed.

    Returns:
        Probabilities of every row, those without a label included, and the model. A tag that nobody or everybody gave
        stays near its base rate, (n_given + 1/2) / (n + 1).

    Raises:
        ValueError: arrays do not fit or are not finite; fewer than 2 labelled rows; or no tag that some rows have and
            others have not.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    checked = check_features(features)
    n_rows, width = checked.shape
    widths = check_blocks(blocks, width)
    wanted = with_ones(_check_targets(targets, is_labelled, n_rows), np.asarray(is_labelled))
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
    average = np.zeros((n_rows, wanted.shape[1] - 1))
    for n, each in enumerate(learned):
        average += shares[examples.parts, n, None] * each.log_odds
    in_given_order = np.empty(average.shape, dtype=np.float32)
    in_given_order[order] = sigmoid(average)
    kept = [_to_member(each, float(shares[UNLABELLED, n]), examples) for n, each in enumerate(learned)]
    return FittedTags(in_given_order, TagsModel(parts, tuple(kept)))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What serves one part of the rows, chosen and fitted without their labels."""

    setting: Any
    sigmoids: Sigmoids
    log_odds: Floats  # of all that this rests on, had it been left out


@dataclass(frozen=True, slots=True)
class _Learned:
    """What one learner made of one block: chosen for each part of the rows, log-odds (N, K) out of sample."""

    block: int
    chosen: Sequence[_Chosen]
    log_odds: Floats
    predictor: Predictor


def _learners(
    features: Features, block: Block, order: NDArray[np.int64], examples: Examples, trial: Examples
) -> Iterator[Learner]:
    """Yield who learns from a block. Few labels teach a kernel alone, as of single choice."""
    rows = block.prepare_in_order(features, order)
    n_tags = examples.targets.shape[1] - 1
    yield Kernel(rows, examples)
    if not has_enough(trial, _FEWEST_FOR_LINES):
        return
    if isinstance(rows, np.ndarray):
        if Regression.is_affordable(rows, n_tags):
            yield Regression(rows, examples)
    elif NaiveBayes.is_affordable(rows, n_tags):
        yield NaiveBayes(rows, examples)


def _learn(learner: Learner, block: int, examples: Examples, trial: Examples, deadline: float | None) -> _Learned:
    n_tags = examples.targets.shape[1] - 1
    if has_enough(trial) or not isinstance(learner, Kernel):
        chosen = _choose(learner.candidates(trial), trial, deadline)
    else:
        chosen = [_Chosen(learner.default, uncalibrated(n_tags), np.zeros((0, n_tags)))] * 3
    base = rates_of_others(examples)
    log_odds = np.zeros((len(base), n_tags))
    for setting in dict.fromkeys(each.setting for each in chosen):
        scores, predictor = learner.fit(setting)
        for part, each in enumerate(chosen):
            if each.setting == setting:
                mine = examples.parts == part
                log_odds[mine] = bounded(each.sigmoids.log_odds(scores[mine], base[mine]))
        if setting == chosen[UNLABELLED].setting:
            kept = predictor
    return _Learned(block, chosen, log_odds, kept)


def _choose(candidates: Iterator[tuple[Any, Floats]], trial: Examples, deadline: float | None) -> list[_Chosen]:
    """Choose for rows of half 0, of half 1, and of none; what serves one half is fitted within the other alone."""
    base = rates_of_others(trial, trial.parts)
    answers = trial.targets[:, :-1]
    best: list[_Chosen | None] = [None] * 3
    most = [-np.inf] * 3
    for setting, scores in candidates:
        for part, mine in enumerate(evidence(trial)):
            fitted = fit_sigmoids(scores[mine], base[mine], answers[mine])
            log_odds = bounded(fitted.log_odds(scores[mine], base[mine]))
            likely, said = log_likelihoods(log_odds, answers[mine])
            if likely @ said > most[part]:
                best[part], most[part] = _Chosen(setting, fitted, log_odds), float(likely @ said)
        if deadline is not None and time.monotonic() > deadline:
            break
    return [each for each in best if each is not None]


def _to_member(learned: _Learned, weight: float, examples: Examples) -> TagsMember:
    sigmoids = learned.chosen[UNLABELLED].sigmoids
    offsets = logit(overall_rates(examples)) + sigmoids.shifts
    return TagsMember(learned.block, weight, sigmoids.slopes, offsets, learned.predictor)


def _shares(learned: Sequence[_Learned], trial: Examples) -> Floats:
    """Return (parts, M) each member's share in the average, for each part of the rows."""
    if len(learned) == 1 or not has_enough(trial):
        return np.full((UNLABELLED + 1, len(learned)), 1 / len(learned))
    shares = []
    for part, mine in enumerate(evidence(trial)):
        answers = trial.targets[mine, :-1][:_SHARE_ROWS]
        likely = [log_likelihoods(each.chosen[part].log_odds[:_SHARE_ROWS], answers) for each in learned]
        shares.append(share([of_member for of_member, _ in likely], likely[0][1]))
    return np.array(shares)


def _check_targets(targets: NDArray[np.floating], is_labelled: NDArray[np.bool_], n: int) -> Floats:
    wanted, asked = np.asarray(targets, dtype=np.float64), np.asarray(is_labelled)
    if wanted.ndim != 2 or len(wanted) != n or wanted.shape[1] < 1:
        raise ValueError(f"`targets` must be ({n}, K), got {wanted.shape}")
    if asked.shape != (n,) or asked.dtype != np.bool_:
        raise ValueError(f"`is_labelled` must be ({n},) booleans, got {asked.shape} {asked.dtype}")
    wanted = np.where(asked[:, None], wanted, 0)
    is_share = ((wanted >= 0) & (wanted <= 1)).all(axis=1)
    if not is_share.all():
        row = int(np.argmin(is_share))
        raise ValueError(f"`targets` must be in [0, 1], row {row} is {wanted[row].tolist()}")
    if asked.sum() < 2:
        raise ValueError(f"at least 2 labelled rows are needed to learn from, got {int(asked.sum())}")
    if not (wanted[asked].max(axis=0) > wanted[asked].min(axis=0)).any():
        raise ValueError("a tag that some have and others have not is needed to learn from, there is none")
    return wanted
