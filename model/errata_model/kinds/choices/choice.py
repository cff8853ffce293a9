"""Choose a learner's settings, its temperature and its share in the average by the likelihood of labels left out."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.examples import HALVES, UNLABELLED, Examples, Floats

Setting = TypeVar("Setting")

_TEMPERATURES = np.geomspace(0.02, 6, 54)
_FEWEST_GROUPS = 10  # in a half; with fewer there is nothing to choose by
_LEAST = -30.0  # of a log-likelihood: one label decides nothing by itself
_EVEN_LABELS = 10.0  # so many labels' worth of belief that a member deserves an even share
_EVEN_SHARE = 0.5  # of the average is even whatever the labels say
_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class Chosen(Generic[Setting]):
    """What serves one part of the rows, chosen without their labels.

    Attributes:
        setting: of the learner.
        temperature: its scores are divided by it.
        log_likelihoods: of every label that this rests on, had it been left out; empty where there were too few.
    """

    setting: Setting
    temperature: float
    log_likelihoods: Floats


def has_enough(trial: Examples, fewest: int = _FEWEST_GROUPS) -> bool:
    """Say whether there are labels of enough groups, in each half, to choose anything by."""
    return all(len(np.unique(trial.groups[trial.parts == half])) >= fewest for half in HALVES)


def evidence(trial: Examples) -> tuple[NDArray[np.bool_], ...]:
    """Return the rows that choices for half 0, for half 1, and for rows without a label rest on."""
    return trial.parts == 1, trial.parts == 0, trial.parts < UNLABELLED


def choose(
    candidates: Iterator[tuple[Setting, Floats]], trial: Examples, deadline: float | None
) -> tuple[Chosen[Setting], Chosen[Setting], Chosen[Setting]]:
    """Choose for rows of half 0, of half 1, and of none.

    What serves one half is chosen within the other half alone: so not even the choice for a row has seen its
    label.

    Args:
        candidates: settings, each with (n, K) scores of the trial's rows by labels of other groups of their own half.
        trial: n labelled rows, enough of them.
        deadline: in `time.monotonic`, after which no further candidate is tried; the first one always is.
    """
    rests_on = evidence(trial)
    best: list[Chosen[Setting] | None] = [None] * len(rests_on)
    for setting, scores in candidates:
        for part, mask in enumerate(rests_on):
            found = _fit_temperature(setting, scores[mask], trial.targets[mask])
            if best[part] is None or _is_likelier(found, best[part], trial.targets[mask]):
                best[part] = found
        if deadline is not None and time.monotonic() > deadline:
            break
    first, second, third = best
    if first is None or second is None or third is None:
        raise ValueError("`candidates` must hold a setting, got none")
    return first, second, third


def _is_likelier(found: Chosen[Setting], best: Chosen[Setting] | None, targets: Floats) -> bool:
    weights = targets[targets > 0]
    return best is None or bool(found.log_likelihoods @ weights > best.log_likelihoods @ weights)


def _fit_temperature(setting: Setting, scores: Floats, targets: Floats) -> Chosen[Setting]:
    """Find the likeliest temperature by halving: the likelihood has one peak."""
    rows, classes = np.nonzero(targets > 0)
    weights = targets[rows, classes]
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.empty_like(shifted)

    @cache
    def log_likelihoods(number: int) -> Floats:
        inverse = 1 / _TEMPERATURES[number]
        np.exp(np.multiply(shifted, inverse, out=powers), out=powers)
        return np.asarray(shifted[rows, classes] * inverse - np.log(powers.sum(axis=1))[rows])

    low, high = 0, len(_TEMPERATURES) - 1
    while low < high:
        middle = (low + high) // 2
        is_above = log_likelihoods(middle + 1) @ weights > log_likelihoods(middle) @ weights
        low, high = (middle + 1, high) if is_above else (low, middle)
    return Chosen(setting, float(_TEMPERATURES[low]), log_likelihoods(low))


def share(log_likelihoods: Sequence[Floats], weights: NDArray[np.floating]) -> Floats:
    """Return each member's share in the average: half-way from an even one to that which makes the labels likeliest.

    Half-way, because likelihoods were reached with half of the labels, some of which are wrong: a member that repeats
    people's errors looks too good. Even shares are hard to beat where members are few and all of them serious.

    Args:
        log_likelihoods: of each member, (n,) of the same labels, left out.
        weights: (n,) how much each label counts, >= 0.

    Returns:
        (M,) > 0 that sum to 1; even where there are no labels, and nearly so where there are few.

    Source:
        Expectation maximisation for the shares of a mixture; Smith and Wallis, "A simple explanation of the forecast
        combination puzzle", 2009, for the half that is even.
    """
    table = np.exp(np.maximum(np.stack(log_likelihoods), _LEAST))
    shares = np.full(len(table), 1 / len(table))
    for _ in range(_ROUNDS):
        parts = shares[:, None] * table
        owed = (parts / parts.sum(axis=0)) @ weights + _EVEN_LABELS
        shares = owed / owed.sum()
    return np.asarray(_EVEN_SHARE / len(table) + (1 - _EVEN_SHARE) * shares)
