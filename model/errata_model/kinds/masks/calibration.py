"""What errors in masks look like on a project, learned from errors that are planted into its own annotations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.careless import image_features
from errata_model.kinds.masks.planting import RIGHT, draw_badly, plant
from errata_model.kinds.masks.regression import LEAST_DEVIATION, NEVER, fit, with_constant
from errata_model.kinds.masks.usual import USUAL, with_known_usual
from errata_model.kinds.masks.view import view_of
from errata_model.regions.records import Item
from errata_model.regions.tempering import temper

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

N_FOLDS = 3
N_OUTCOMES = 6  # right, and five errors
_FEWEST_ITEMS, _FEWEST_REGIONS = 6, 30
_MOST_ITEMS = 400
_FREE = 0.75  # of a believed region is on no given one where nobody marked it
# Of each error, and of leaving something out, before anything is looked at, on an image with one region. Of n regions
# each has that by the square root of n: more errors are made on full images, but not as many more.
_PRIOR = 0.02
_FEWEST_BELIEVED = 6  # regions, to learn how often people mark such
_OFF = 2.0  # standard deviation of how far scores are off, in log-odds, before a project shows it
_MOST_CERTAIN = 0.998  # that a believed region is there
# Where there is too little to learn from: what `learn` makes of thirty images of discs, as the unit tests draw them,
# of the features of a region alone.
_UNTAUGHT = [
    [0.2, -0.8, 0.4, 0.2, 0.6, -0.5],
    [0.2, -0.1, 0.1, 0.1, 0.2, -0.4],
    [5.4, -3.8, -3.3, -1.3, -0.1, 3.2],
    [9.5, -8.0, -6.3, -2.0, 1.1, 5.7],
    [0.4, 3.9, -8.3, -0.3, 4.0, 0.2],
    [-0.3, -2.2, 4.1, 2.9, -2.2, -2.2],
    [-4.3, 3.0, -0.1, -2.4, 4.2, -0.5],
    [0.0, -0.7, -10.0, 10.8, -0.1, 0.0],
    [-2.4, 0.1, -14.2, -1.3, 17.6, 0.2],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    [-14.0, 5.0, 3.1, -0.7, -9.8, -9.0],
]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One item's examples.

    Attributes:
        fold: its own.
        given: (G, F) features of what people drew.
        planted: (R, F) of what was planted.
        errors: (R,) what is wrong with each.
        images: (I, F) of the image as people drew it, and with all masks drawn badly; none where it has few masks.
        believed: (P, F) of believed regions that people marked, or that lie where they marked nothing.
        is_marked: (P,)
    """

    fold: int
    given: Floats
    planted: Floats
    errors: Indices
    images: Floats
    believed: Floats
    is_marked: NDArray[np.bool_]


def learn(items: Sequence[Item], labels: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Return the weights of evidence, a set for each fold that was learned on the others.

    Weights of errors are as small as they are worth little on items that they were not learned from: a belief that
    tells nothing raises no doubt.

    Returns:
        `given`: (folds, F + 1, 6) weights of a given mask's features and of a constant, for log-odds of it being right,
        spurious, badly drawn, several in one, part of one and of the wrong class; one set, of what drawn discs teach,
        where there is too little to learn them from. `believed`: (folds, F' + 1) of a believed one's, for people
        marking it; left out where there is too little. `usual`: (2,) what stands for the last features of a believed
        one where no mask of its item tells them. `careless`: (folds, F + 1, 2) weights of the means of an image's
        features, for log-odds of all its masks being drawn well, and badly; left out where there are too few images.
        Nothing where there are no items.
    """
    seen = [_look(item, labels) for item in _drawn(items)]
    if not seen:
        return {}
    usual = _mean_usual(seen)
    seen = [replace(each, believed=with_known_usual(each.believed, usual)) for each in seen]
    kept = [[each for each in seen if each.fold != fold] for fold in range(N_FOLDS)]
    taught = {"usual": usual}
    if all(sum(len(one.believed) for one in each) >= _FEWEST_BELIEVED for each in kept):
        taught["believed"] = np.stack([_learn_marked(each) for each in kept])
    if all(len(each) >= _FEWEST_ITEMS and sum(len(one.given) for one in each) >= _FEWEST_REGIONS for each in kept):
        given = np.stack([_learn_errors(each) for each in kept])
    else:
        given = untaught()["given"]
    if all(sum(len(one.images) > 1 for one in each) >= _FEWEST_ITEMS for each in kept):
        careless = np.stack([_learn_careless(each) for each in kept])
        taught["careless"] = _tempered(careless, seen, _images_of)
    return {**taught, "given": _tempered(given, seen, _errors_of)}


def _tempered(weights: Floats, seen: Sequence[_Seen], rows_of: Callable[[_Seen], tuple[Floats, Indices]]) -> Floats:
    """Return weights made as small as they are worth little on items that they were not learned from."""
    rows = [(*rows_of(each), weights[each.fold % len(weights)]) for each in seen]
    log_odds = np.concatenate([with_constant(features) @ of_fold for features, _, of_fold in rows])
    outcomes = np.concatenate([outcomes for _, outcomes, _ in rows])
    return np.where(weights == NEVER, weights, weights * temper(log_odds, outcomes))


def _mean_usual(seen: Sequence[_Seen]) -> Floats:
    """Return (2,) what is usual on an item of this project; 0 where that is not known of any."""
    known = [each.believed[np.isfinite(each.believed[:, USUAL]).all(axis=1)][:, USUAL] for each in seen]
    rows = np.concatenate([np.zeros((0, len(USUAL))), *known])
    return rows.mean(axis=0) if len(rows) else np.zeros(len(USUAL))


def untaught() -> dict[str, NDArray[Any]]:
    """Return what serves in place of what `learn` left out: believed regions are there as they score."""
    n_features = len(_UNTAUGHT) - 1
    return {
        "given": np.array([_UNTAUGHT]),
        "believed": np.array([[1.0, *[0.0] * 6]]),
        "usual": np.zeros(len(USUAL)),
        "careless": np.array([[[0.0, 0.0]] * n_features + [[0.0, NEVER]]]),
    }


def fold_of(item: Item) -> int:
    """Return the fold of an item."""
    return item.key % N_FOLDS


def _drawn(items: Sequence[Item]) -> list[Item]:
    """Return as many items as errors are planted into; which, depends on their number alone."""
    if len(items) <= _MOST_ITEMS:
        return list(items)
    rows = np.random.default_rng(len(items)).choice(len(items), _MOST_ITEMS, replace=False)
    return [items[row] for row in sorted(rows.tolist())]


def _look(item: Item, labels: Sequence[str]) -> _Seen:
    view, masks, numbers = view_of(item, labels)
    rng = np.random.default_rng(abs(item.key))
    look = view.look(masks, numbers)
    planted = [
        (view.look(each.masks, each.labels, look.usual).given[each.wrong], each.error)
        for each in plant(masks, numbers, len(labels), view.size, rng)
    ]
    n_features = look.given.shape[1]
    images = image_features(look.drawn())
    if len(images):
        badly = draw_badly(masks, numbers, view.size, rng)
        images = np.concatenate([images, image_features(view.look(badly.masks, badly.labels).drawn())])
    is_marked, free = np.zeros(len(view.scores), dtype=np.bool_), look.free()
    is_marked[look.found()] = True
    known = is_marked | (free >= _FREE)
    return _Seen(
        fold_of(item),
        look.drawn(),
        np.concatenate([np.zeros((0, n_features)), *(features for features, _ in planted)]),
        np.concatenate([np.zeros(0, np.int64), *(np.full(len(features), error) for features, error in planted)]),
        images,
        look.believed[known],
        is_marked[known],
    )


def _learn_errors(seen: Sequence[_Seen]) -> Floats:
    features, outcomes = (np.concatenate(each) for each in zip(*map(_errors_of, seen), strict=True))
    return fit(features, outcomes, N_OUTCOMES)


def _errors_of(seen: _Seen) -> tuple[Floats, Indices]:
    """Return (R, F) features of masks, and what is wrong with each."""
    outcomes = np.concatenate([np.full(len(seen.given), RIGHT), seen.errors])
    return np.concatenate([seen.given, seen.planted]), outcomes


def _learn_careless(seen: Sequence[_Seen]) -> Floats:
    features, outcomes = (np.concatenate(each) for each in zip(*map(_images_of, seen), strict=True))
    return fit(features, outcomes, 2)


def _images_of(seen: _Seen) -> tuple[Floats, Indices]:
    """Return (I, F) features of the image as it was drawn, and drawn badly, and which is which."""
    return seen.images, np.arange(len(seen.images))


def _learn_marked(seen: Sequence[_Seen]) -> Floats:
    """Return (F' + 1,) weights for people marking believed regions.

    A logistic regression whose weights are drawn to those that take scores as they stand, so that little changes them
    little: where all of twenty regions that score .9 were marked, such are marked more often than that.
    """
    from scipy.optimize import minimize  # noqa: PLC0415 - takes 0.1 s

    features, is_marked = (np.concatenate([getattr(each, name) for each in seen]) for name in ("believed", "is_marked"))
    mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), LEAST_DEVIATION)
    scaled = with_constant((features - mean) / deviation)
    as_scored = np.zeros(scaled.shape[1])
    as_scored[[0, -1]] = deviation[0], mean[0]

    def loss(weights: Floats) -> tuple[float, Floats]:
        odds, off = scaled @ weights, (weights - as_scored) / _OFF
        error = 1 / (1 + np.exp(-np.clip(odds, -30, 30))) - is_marked
        return float((np.logaddexp(0, odds) - is_marked * odds).sum() + off @ off / 2), scaled.T @ error + off / _OFF

    weights = minimize(loss, as_scored, jac=True, method="L-BFGS-B").x
    slopes = weights[:-1] / deviation
    return np.append(slopes, weights[-1] - slopes @ mean)


def outcome_chances(features: Floats, weights: Floats) -> Floats:
    """Return (G, 6) how likely each of all given masks of an item is right, and each error.

    Args:
        features: (G, F) of the masks.
        weights: (F + 1, 6) of `learn`.
    """
    log_odds = with_constant(features) @ weights
    prior = _PRIOR / max(1.0, np.sqrt(len(features)))
    log_odds[:, RIGHT + 1 :] += np.log(prior)
    raised = np.exp(log_odds - log_odds.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def marked_chance(features: Floats, weights: Floats) -> Floats:
    """Return (P,) how likely people mark believed regions with these features."""
    return np.asarray(1 / (1 + np.exp(-np.clip(with_constant(features) @ weights, -30, 30))))


def missing(marked: Floats, n_given: int) -> Floats:
    """Return (P,) how likely believed regions that nobody marked are there.

    People mark what is there, but for little, so that what they mark says how likely anything is there; that it is not
    marked is known then, and speaks against it.

    Args:
        marked: (P,) how likely people mark them.
        n_given: how many regions they marked.
    """
    missed = _PRIOR / np.sqrt(n_given + 1)
    there = np.minimum(marked / (1 - missed), _MOST_CERTAIN)
    return np.asarray(there * missed / (there * missed + 1 - there))
