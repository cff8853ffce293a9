"""What the annotations of a project teach about regions: which ones people mark, and what wrong ones look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.regions import planting
from errata_model.regions.columns import UNKNOWN, Columns, PairsOf, to_marks
from errata_model.regions.copies import without_copies
from errata_model.regions.evidence import (
    N_OF_BELIEVED,
    believed_features,
    given_features,
    match_marks,
)
from errata_model.regions.records import BOUNDARY, DUPLICATE, SPURIOUS, WRONG_CLASS, Item
from errata_model.regions.tempering import temper

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

ERRORS = (SPURIOUS, BOUNDARY, WRONG_CLASS, DUPLICATE)
PRIORS = np.array([0.86, 0.04, 0.04, 0.04, 0.02])  # of a given region: to be right, and each of ERRORS
N_FOLDS = 5
_FEWEST = 50  # regions of either sort, to learn from
_FEWEST_ITEMS = 20
_MOST = 20_000  # more regions teach nothing new: so many parameters there are not
_FEWEST_OF_LABEL = 10  # for an extent of its own
_SEED = 0
_BETTER_COPY = 7  # of `given_features`
_NEVER = -30.0  # log-odds
_OFF = np.array([1.0, 2.0])  # standard deviations of how far a factor and a term of scores are off, beforehand

# Where there is too little to learn from, (5, 10) by `given_features` and a constant, set by hand: what is spurious has
# no support, what is placed badly overlaps what it means by three to five tenths, and what is believed of the classes,
# and the overlap with a better supported region of the same label, count as they stand.
_UNTAUGHT_GIVEN = np.array(
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [-0.35, 0, 0, 0, 0, 0, 0, 0, 0, -1],
        [0.2, 0, 20, -28, 0, 0, 0, 0, 0, -1.5],
        [0, 0, 0, 0, -1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 10, 0, -5],
    ]
)
_UNTAUGHT_COVER = -4.0  # of log-odds, for a region that another one covers


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a calibration says; see `calibrate_regions`."""

    marked: Floats
    given: Floats
    extents: Floats
    overlooked: float


def calibrate_regions(
    items: Sequence[Item], labels: Sequence[str], pairs_of: PairsOf | None = None
) -> Mapping[str, NDArray[Any]]:
    """Learn from a project's annotations what their beliefs do not say.

    Two things, each by logistic regression (ridge, standardised features):

    - which believed regions people mark: those that a given one matches against those that none does. It gives scores
      a scale, and knows that a detector's large regions or faint copies are seldom what people would mark.
    - what a wrong region looks like: the given regions as they are against copies with errors planted: moved anywhere,
      shifted, given another label, or marked twice. So the project itself shows how often the detector misses what is
      there, how exactly it draws, and which classes it confuses.

    Each is learned five times, leaving out a fifth of the items, told by `Item.key`; an item is scored by what was
    learned without it. The weights of errors are as small as they are worth little on the items left out: a belief
    that tells nothing of the regions doubts none. How frequent errors are cannot be learned so: 4 % of regions are held
    to be spurious, as many badly placed and of a wrong class, and 2 % duplicates, until the evidence says otherwise.

    Args:
        items: all annotations beside out-of-sample beliefs.
        labels: of the control, K.
        pairs_of: tells which regions of an item overlap how much, where a kind has a way of its own.

    Returns:
        `marked` (5, 14 + K) and `given` (5, 5, 10) weights, the constant last, one row a fold; `extents` (K,) the usual
        extent of each label's regions, NaN where there are too few; `overlooked` () what the odds that one is missing
        are multiplied by: one over how many regions an item has on average, at most 1. Where fewer than 20 items, or
        fewer than 50 regions of either sort are there, weights that were set by hand, as far as they hold here.
        Empty where nobody marked anything.
    """
    items = _some([without_copies(item)[0] for item in items])
    marks = to_marks(items, labels, pairs_of)
    if not len(marks.given):
        return {}
    matched = match_marks(marks)
    features, is_marked = believed_features(marks, matched), matched.is_marked
    folds = folds_of([item.key for item in items])
    n_marked = int(is_marked.sum())
    has_enough = len(items) >= _FEWEST_ITEMS and min(n_marked, len(is_marked) - n_marked, len(marks.given)) >= _FEWEST
    usual = _usual_extents(marks.given, len(labels)) if has_enough else np.full(len(labels), np.nan)
    examples = _planted(items, labels, folds, usual, pairs_of)
    given = _fit(*examples, len(PRIORS)) if has_enough else None
    marked = _fit(features, is_marked.astype(int), folds[marks.believed.items], 2) if has_enough else None
    if given is None or marked is None:
        untaught = lessons({}, len(labels))
        return {
            "marked": _as_scored(features, is_marked, untaught.marked),
            "given": _tempered(untaught.given, *examples),
            "extents": np.full(len(labels), np.nan),
            "overlooked": np.array(untaught.overlooked),
        }
    return {
        "marked": marked[:, 1] - marked[:, 0],
        "given": _tempered(given, *examples),
        "extents": usual,
        "overlooked": np.array(min(1.0, len(items) / len(marks.given))),
    }


def folds_of(keys: Sequence[int]) -> Indices:
    """Return (N,) the fold of each key, from 0 to 4: the same wherever it is asked."""
    mixed = np.array([key & 0xFFFFFFFF for key in keys], dtype=np.uint64) * np.uint64(2654435761)  # Knuth's
    return np.asarray((mixed & np.uint64(0xFFFFFFFF)) >> np.uint64(16), dtype=np.int64) % N_FOLDS


def lessons(calibration: Mapping[str, NDArray[Any]], n_labels: int) -> Lessons:
    """Return what a calibration for K labels says; what serves without one where it is none of those."""
    shape = N_FOLDS, N_OF_BELIEVED + n_labels + 1
    if "marked" in calibration and calibration["marked"].shape == shape:
        return Lessons(
            calibration["marked"], calibration["given"], calibration["extents"], float(calibration["overlooked"])
        )
    marked = np.zeros(shape)
    marked[:, 0] = 1.0
    marked[:, [3, 6]] = _UNTAUGHT_COVER
    given = _UNTAUGHT_GIVEN.copy()
    given[:, -1] += np.log(PRIORS / PRIORS[0])
    return Lessons(marked, np.repeat(given[None], N_FOLDS, axis=0), np.full(n_labels, np.nan), 1.0)


def _some(items: Sequence[Item]) -> Sequence[Item]:
    """Return items that have 20,000 regions together, any of them; all, where they have less."""
    counts = np.array([len(item.given) + len(item.believed.regions) for item in items])
    if counts.sum() <= _MOST:
        return items
    order = np.random.default_rng(_SEED).permutation(len(items))
    return [items[row] for row in order[np.cumsum(counts[order]) <= _MOST].tolist()]


def _planted(
    items: Sequence[Item], labels: Sequence[str], folds: Indices, usual: Floats, pairs_of: PairsOf | None
) -> tuple[Floats, Indices, Indices]:
    """Return features, sort of error (0: as it was given) and fold of given regions, and of those with errors."""
    rng = np.random.default_rng(_SEED)
    ways: list[Callable[[Item, np.random.Generator], Item]] = [
        planting.keep,
        planting.invent,
        planting.shift,
        partial(planting.relabel, labels=labels),
        planting.copy,
    ]
    found: list[tuple[Floats, Indices, Indices]] = []
    for sort, plant in enumerate(ways):
        if sort and ERRORS[sort - 1] == WRONG_CLASS and len(labels) == 1:
            continue
        marks = to_marks([plant(item, rng) for item in items], labels, pairs_of)
        features = given_features(marks, match_marks(marks), usual)
        kept = (
            features[:, _BETTER_COPY] > 0
            if sort and ERRORS[sort - 1] == DUPLICATE
            else np.ones(len(features), dtype=bool)
        )
        found.append((features[kept], np.full(int(kept.sum()), sort), folds[marks.given.items[kept]]))
    features, sorts, of_fold = (np.concatenate(column) for column in zip(*found, strict=True))
    return features, sorts, of_fold


def _fit(features: Floats, classes: Indices, folds: Indices, n_classes: int) -> Floats | None:
    """Return (5, n_classes, F + 1) weights, each fold's without its own rows; None where a fold leaves no two classes.

    Where there are more than two, the constants are such that classes are as frequent as PRIORS say.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    centre, spread = features.mean(axis=0), features.std(axis=0)
    scaled = (features - centre) / np.where(spread > 0, spread, 1)
    fitted = np.zeros((N_FOLDS, n_classes, features.shape[1] + 1))
    for fold in range(N_FOLDS):
        mine = folds != fold
        counts = np.bincount(classes[mine], minlength=n_classes)
        if np.count_nonzero(counts) < 2:
            return None
        model = LogisticRegression(max_iter=1000).fit(scaled[mine], classes[mine])
        of_class, constants = model.coef_, model.intercept_
        if len(of_class) == 1:
            of_class, constants = np.vstack((0 * of_class, of_class)), np.array([0.0, constants[0]])
        of_class = of_class / np.where(spread > 0, spread, 1)
        constants = constants - of_class @ centre
        if n_classes == len(PRIORS):
            constants = constants + np.log(PRIORS[model.classes_] / counts[model.classes_])
        fitted[fold, :, -1] = _NEVER
        fitted[fold, model.classes_] = np.column_stack((of_class, constants))
    return fitted


def _tempered(given: Floats, features: Floats, sorts: Indices, folds: Indices) -> Floats:
    """Return (5, 5, F + 1) weights, made as small as they are worth little on the rows of the folds left out.

    How frequent errors are held to be stays.
    """
    prior = np.zeros_like(given)
    prior[..., -1] = np.log(PRIORS)
    evidence = given - prior
    log_odds = np.einsum("rf,rcf->rc", features, evidence[folds, :, :-1]) + evidence[folds, :, -1]
    return np.where(given == _NEVER, given, prior + temper(log_odds, sorts) * evidence)


def _as_scored(features: Floats, is_marked: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return weights for people marking believed regions that take scores as they stand, as far as that holds here.

    The log-odds of scores are multiplied by a factor, near 1, and get a term, near 0: what the few regions there are
    speak for. Where people mark one in forty, whatever its score, each is marked with that probability.

    Args:
        features: (P, F) of `believed_features`.
        is_marked: (P,)
        weights: (5, F + 1) that take scores as they stand.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - takes 0.1 s

    scores = features[:, 0]
    rest = features[:, 1:] @ weights[0, 1:-1]

    def loss(fitted: Floats) -> float:
        odds = fitted[0] * scores + fitted[1] + rest
        off = (fitted - (1, 0)) / _OFF
        return float((np.logaddexp(0, odds) - is_marked * odds).sum() + off @ off / 2)

    factor, term = minimize(loss, (1.0, 0.0), method="L-BFGS-B", bounds=((0, None), (None, None))).x
    fitted = weights.copy()
    fitted[:, 0], fitted[:, -1] = factor, term
    return fitted


def _usual_extents(given: Columns, n_labels: int) -> Floats:
    """Return (K,) the median extent of each label's regions; of all, where it has few."""
    extents = np.sqrt(np.maximum(given.extents.prod(axis=1), 0))
    usual = np.full(n_labels, np.median(extents))
    for label in np.flatnonzero(
        np.bincount(given.labels[given.labels != UNKNOWN], minlength=n_labels) >= _FEWEST_OF_LABEL
    ):
        usual[label] = np.median(extents[given.labels == label])
    return usual
