"""The learner of tags: every tag by itself, out of sample, on what single choice learns with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.kinds.choices.canonical import order_by_content
from errata_model.kinds.choices.choice import evidence, has_enough, share
from errata_model.kinds.choices.examples import UNLABELLED, Examples, Floats, check_groups
from errata_model.kinds.choices.kernel_model import KernelModel
from errata_model.kinds.choices.kernel_ridge import KernelRidge, KernelSetting
from errata_model.kinds.choices.rows import check_blocks, check_features, to_blocks
from errata_model.kinds.tags.base_rates import deviations, overall_rates, rates_of_others, with_ones
from errata_model.kinds.tags.calibration import (
    Sigmoids,
    fit_sigmoids,
    log_likelihoods,
    sigmoid,
    standardise,
    uncalibrated,
)
from errata_model.kinds.tags.model import TagsMember, TagsModel
from errata_model.threads import threads_for

_TRIAL_ROWS = 10_000  # as for single choice: enough to choose by


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

    A kernel ridge regression, one column a tag, on each block; what leaving a row's group out gives is exact. A
    calibrated sigmoid a tag makes probabilities of it, and blocks are averaged by their likelihood. Settings, sigmoids
    and shares that serve one half of the groups were fitted within the other half: a row's belief does not move when
    labels of its own group change, but for rounding in single precision.

    Args:
        features: (N, D) finite embeddings, or sparse counts >= 0.
        targets: (N, K) in [0, 1], the share of annotators who gave the tag; rows that are not labelled are ignored.
        is_labelled: (N,) whether anybody was asked. A row of zeros that is labelled says that no tag applies.
        groups: (N,) rows that must not vouch for one another: the same media, near-duplicates.
        blocks: widths of the parts that rows are made of, each learned from by itself; all is one part by default.
        seed: of the draw of landmarks and halves.
        minutes: no further settings are tried after so long; the choice then depends on the machine's speed.

    Returns:
        Probabilities of every row, those without a label included, and the model. A tag that nobody or everybody gave
        keeps its base rate, (n_given + 1/2) / (n + 1).

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
            _learn(KernelRidge(block.prepare_in_order(checked, order), examples), examples, trial, deadline)
            for block in parts
        ]
    shares = _shares(learned, trial)
    average = np.zeros((n_rows, wanted.shape[1] - 1))
    for n, each in enumerate(learned):
        average += shares[examples.parts, n, None] * each.probabilities
    in_given_order = np.empty(average.shape, dtype=np.float32)
    in_given_order[order] = average
    kept = [replace(each.member, weight=float(shares[UNLABELLED, n])) for n, each in enumerate(learned)]
    return FittedTags(in_given_order, TagsModel(parts, tuple(kept)))


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What serves one part of the rows, chosen and fitted without their labels."""

    setting: KernelSetting
    sigmoids: Sigmoids
    log_likelihoods: Floats  # of every answer that this rests on, had it been left out


@dataclass(frozen=True, slots=True)
class _Learned:
    chosen: Sequence[_Chosen]
    probabilities: Floats
    member: TagsMember


def _learn(learner: KernelRidge, examples: Examples, trial: Examples, deadline: float | None) -> _Learned:
    n_tags = examples.targets.shape[1] - 1
    if has_enough(trial):
        chosen = _choose(learner.candidates(trial), trial, deadline)
    else:
        chosen = [_Chosen(learner.default, uncalibrated(n_tags), np.zeros(0))] * 3
    base = rates_of_others(examples)
    probabilities = np.zeros((len(base), n_tags))
    for setting in dict.fromkeys(each.setting for each in chosen):
        scores, predictor = learner.fit(setting)
        standardised = standardise(deviations(scores, base), base)
        for part, each in enumerate(chosen):
            if each.setting == setting:
                mine = examples.parts == part
                probabilities[mine] = sigmoid(each.sigmoids.log_odds(standardised[mine], base[mine]))
        if setting == chosen[UNLABELLED].setting:
            kept = predictor
    return _Learned(chosen, probabilities, _to_member(kept, chosen[UNLABELLED].sigmoids, examples))


def _choose(
    candidates: Iterator[tuple[KernelSetting, Floats]], trial: Examples, deadline: float | None
) -> list[_Chosen]:
    """Choose for rows of half 0, of half 1, and of none; what serves one half is fitted within the other alone."""
    base = rates_of_others(trial, trial.parts)
    answers = trial.targets[:, :-1]
    best: list[_Chosen | None] = [None] * 3
    for setting, scores in candidates:
        standardised = standardise(deviations(scores, base), base)
        for part, mine in enumerate(evidence(trial)):
            fitted = fit_sigmoids(standardised[mine], base[mine], answers[mine])
            likely, said = log_likelihoods(fitted.log_odds(standardised[mine], base[mine]), answers[mine])
            so_far = best[part]
            if so_far is None or likely @ said > so_far.log_likelihoods @ said:
                best[part] = _Chosen(setting, fitted, likely)
        if deadline is not None and time.monotonic() > deadline:
            break
    return [each for each in best if each is not None]


def _to_member(predictor: KernelModel, sigmoids: Sigmoids, examples: Examples) -> TagsMember:
    """Fold base rates and sigmoids into the coefficients."""
    base = overall_rates(examples)
    scores = deviations(predictor.coefficients.astype(np.float64), base)  # linear, so of coefficients as of scores
    coefficients = sigmoids.slopes * standardise(scores, base)
    offsets = np.log(base / (1 - base)) + sigmoids.shifts
    folded = replace(predictor, coefficients=coefficients.astype(np.float32))
    return TagsMember(1.0, folded, offsets.astype(np.float32))


def _shares(learned: Sequence[_Learned], trial: Examples) -> NDArray[np.float64]:
    """Return (parts, blocks) each block's share in the average, for each part of the rows."""
    if len(learned) == 1 or not has_enough(trial):
        return np.full((UNLABELLED + 1, len(learned)), 1 / len(learned))
    answers = trial.targets[:, :-1]
    said = [np.concatenate((answers[mine], 1 - answers[mine]), axis=None) for mine in evidence(trial)]
    return np.array(
        [share([each.chosen[part].log_likelihoods for each in learned], said[part]) for part in range(len(said))]
    )


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
