"""How likely each region is wrong, and each believed one missing; and what would put it right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.records import Action
from errata_model.regions.calibration import ERRORS, PRIORS, folds_of, lessons
from errata_model.regions.columns import UNKNOWN, Marks, PairsOf, to_marks
from errata_model.regions.copies import without_copies
from errata_model.regions.evidence import (
    Matched,
    believed_features,
    class_evidence,
    given_features,
    is_one_too_many,
    log_relative_extents,
    match_marks,
)
from errata_model.regions.geometry import is_nowhere
from errata_model.regions.records import (
    BOUNDARY,
    DUPLICATE,
    MISSING,
    SPURIOUS,
    SUSPECT_FROM,
    WRONG_CLASS,
    Doubt,
    Item,
    Region,
)

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_OVERLOOKED = 0.5  # a region half as large as usual is overlooked 1.4 times as often
_MOST_TOP = 5


@dataclass(frozen=True, slots=True)
class Scores:
    """What is doubted on some items.

    Attributes:
        errors: (G, 4) probability of each of `ERRORS` for each given region.
        missing: (P,) probability that people would mark each believed region and did not; 0 where they did.
        matched: which given region is which believed one.
    """

    errors: Floats
    missing: Floats
    matched: Matched

    @property
    def disagreement(self) -> Floats:
        """How likely each given region is wrong: (G,)."""
        return np.asarray(np.minimum(self.errors.sum(axis=1), 1.0))


def score_marks(marks: Marks, calibration: Mapping[str, NDArray[Any]], keys: Sequence[int]) -> Scores:
    """Score all regions of some items. Each item's scores depend on that item and the calibration alone.

    A given region is right or has one of four errors; their probabilities are those of a logistic regression on
    `given_features`; of two that mark the same thing one is no duplicate. A believed region that nobody marked is
    missing as probably as people mark such regions. Beyond what calibration can see, people overlook small things more
    often: its odds are divided by the square root of its extent, in units of what is usual for its label. And they are
    divided by how many regions an item usually has: what varies little between projects is how many items have an
    error, so that people who mark dozens on each overlook less than one of dozens. Where it overlaps a given region
    somewhat, and that one may be the same thing placed badly, the probability of the latter is taken off.

    Args:
        marks: N items as columns.
        calibration: of `calibrate_regions`; {} where there is none.
        keys: (N,) of each item; see `Item.key`.
    """
    taught = lessons(calibration, marks.n_labels)
    folds = folds_of(keys)
    matched = match_marks(marks)
    about_given = given_features(marks, matched, taught.extents)
    errors = _shares(about_given, taught.given[folds[marks.given.items]])[:, 1:]
    errors[~is_one_too_many(about_given), ERRORS.index(DUPLICATE)] = 0
    features, of_marked = believed_features(marks, matched), taught.marked[folds[marks.believed.items]]
    odds = np.einsum("pf,pf->p", features, of_marked[:, :-1]) + of_marked[:, -1]
    odds -= _OVERLOOKED * log_relative_extents(marks.believed, taught.extents)
    odds += np.log(taught.overlooked)
    with np.errstate(over="ignore"):
        missing = 1 / (1 + np.exp(-odds))
    near = np.flatnonzero(matched.given_of >= 0)
    missing[near] *= 1 - errors[matched.given_of[near], ERRORS.index(BOUNDARY)]
    return Scores(errors, np.where(matched.is_marked, 0.0, missing), matched)


def noisy_or(items: Indices, disagreement: Floats, n_items: int) -> Floats:
    """Return (N,) how likely something is wrong with each item, its regions' errors being independent; 0 for none."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(np.bincount(items, np.log1p(-disagreement), n_items)))


def region_doubts(
    item: Item,
    labels: Sequence[str],
    calibration: Mapping[str, NDArray[Any]],
    pairs_of: PairsOf | None = None,
) -> list[Doubt]:
    """Return a doubt for each given region, in their order, and for each believed one that nobody marked, worst first.

    A given region without extent, or wholly outside the image, is spurious whatever is believed. A believed one like
    that, or with a label that the config does not know, proposes nothing: it has no doubt.

    Args:
        item: an annotation beside what is believed.
        labels: of the control.
        calibration: of `calibrate_regions`; {} where there is none.
        pairs_of: tells which regions overlap how much, where a kind has a way of its own.
    """
    every = item.given
    item, speaks = without_copies(item)
    marks = to_marks([item], labels, pairs_of)
    scores = score_marks(marks, calibration, [item.key])
    evidence = class_evidence(marks.given, marks.believed, marks.across, len(labels))
    of_kept = [
        _of_given(item, row, scores.errors[row], int(scores.matched.believed_of[row]), _top(evidence[row], labels))
        for row in range(len(item.given))
    ]
    doubts = [_of_copy(of_kept[kept], item.given[kept], row, every[row]) for row, kept in enumerate(speaks)]
    missing = [
        row
        for row in np.argsort(-scores.missing, kind="stable").tolist()
        if not scores.matched.is_marked[row]
        and marks.believed.labels[row] != UNKNOWN
        and not is_nowhere(item.believed.regions[row].shape)
    ]
    return doubts + [_of_missing(item.believed.regions[row], float(scores.missing[row])) for row in missing]


def _of_missing(region: Region, disagreement: float) -> Doubt:
    score = 1.0 if region.score is None else region.score
    fired = {MISSING: disagreement} if disagreement >= SUSPECT_FROM else {}
    return Doubt(None, disagreement, fired, "add", region, ((region.label, score),))


def _of_given(item: Item, row: int, errors: Floats, believed: int, top: tuple[tuple[str, float], ...]) -> Doubt:
    """Return the doubt of a given region. A detector fires where the belief makes its error likelier than it was."""
    region = item.given[row]
    if is_nowhere(region.shape):
        return Doubt(row, 1.0, {SPURIOUS: 1.0}, "remove")
    right = 1 - errors.sum()
    fired = {
        name: float(share)
        for name, share, prior in zip(ERRORS, errors, PRIORS[1:], strict=True)
        if share * PRIORS[0] > prior * right and _is_possible(name, region, believed, top)
    }
    disagreement = float(min(errors.sum(), 1.0))
    if not fired:
        return Doubt(row, disagreement, top=top)
    action, proposal = _answer(max(fired, key=lambda name: fired[name]), region, item, believed, top)
    if action == "replace" and proposal is not None and proposal.label == region.label:
        top = ((region.label, dict(top).get(region.label, 0.0)), *(each for each in top if each[0] != region.label))
    return Doubt(row, disagreement, fired, action, proposal, top)


def _of_copy(doubt: Doubt, kept: Region, row: int, region: Region) -> Doubt:
    """Return the doubt of a region that a copy, perhaps not quite exact, stands for: it stays where it is."""
    proposal = doubt.proposal
    if proposal is not None and proposal.shape is kept.shape:
        proposal = replace(proposal, id=region.id, shape=region.shape)
    return replace(doubt, given=row, proposal=proposal)


def _is_possible(name: str, region: Region, believed: int, top: tuple[tuple[str, float], ...]) -> bool:
    """Say whether the belief has what an error needs: another class, or another place."""
    if name == WRONG_CLASS:
        return bool(top) and top[0][0] != region.label
    return name != BOUNDARY or believed >= 0


def _answer(
    error: str, region: Region, item: Item, believed: int, top: tuple[tuple[str, float], ...]
) -> tuple[Action, Region | None]:
    if error in (SPURIOUS, DUPLICATE):
        return "remove", None
    if error == WRONG_CLASS:
        return "replace", replace(region, label=top[0][0])
    return "replace", replace(region, shape=item.believed.regions[believed].shape)


def _top(evidence: Floats, labels: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Return the classes that are believed where a region is, by their shares of the evidence."""
    best = [column for column in np.argsort(-evidence, kind="stable")[:_MOST_TOP].tolist() if evidence[column] > 0]
    return tuple((labels[column], float(evidence[column] / evidence.sum())) for column in best)


def _shares(features: Floats, of_classes: Floats) -> Floats:
    """Return (N, C) probabilities of (N, F) features under (N, C, F + 1) weights."""
    odds = np.einsum("nf,ncf->nc", features, of_classes[:, :, :-1]) + of_classes[:, :, -1]
    shares = np.exp(odds - odds.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
