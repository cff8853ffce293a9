"""Doubt masks: how likely each one that a person drew is wrong, and each one that nobody drew is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.calibration import (
    fold_of,
    learn,
    marked_chance,
    missing,
    outcome_chances,
    untaught,
)
from errata_model.kinds.masks.careless import PRIOR as CARELESS_PRIOR
from errata_model.kinds.masks.careless import careless_chance
from errata_model.kinds.masks.planting import BOUNDARY, MERGED, SPLIT, SPURIOUS, WRONG_CLASS
from errata_model.kinds.masks.usual import with_known_usual
from errata_model.kinds.masks.view import Look, view_of
from errata_model.records import Action
from errata_model.regions import records
from errata_model.regions.records import Doubt, Item, Region

_DETECTORS = {
    SPURIOUS: records.SPURIOUS,
    BOUNDARY: records.BOUNDARY,
    MERGED: records.MERGED,
    SPLIT: records.SPLIT,
    WRONG_CLASS: records.WRONG_CLASS,
}
_FREE = 0.5  # of a believed region at least is on no given one where it is missing
_TOP = 5  # labels that are told
_ERRORS = list(_DETECTORS)


def calibrate(items: Sequence[Item], labels: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Return what errors look like on this project; see `calibration.learn`."""
    return learn(items, labels)


def find_doubts(item: Item, labels: Sequence[str], calibration: Mapping[str, NDArray[Any]]) -> list[Doubt]:
    """Return a doubt for each given mask, and one for each believed region that nobody marked.

    A given mask's is how likely it is anything but right. Of its errors the likeliest fires, and others that are half
    as likely, where 4 % are reached.

    Args:
        item: an annotation beside what is believed.
        labels: K, of the control.
        calibration: what `calibrate` returned; what is not in it, the project had too little for. What an earlier
            version learned of other features does not count.
    """
    view, masks, numbers = view_of(item, labels)
    look = view.look(masks, numbers)
    taught = untaught()
    taught |= {name: each for name, each in calibration.items() if each.shape[1:] == taught[name].shape[1:]}
    usual = taught.pop("usual")
    weights = {name: each[fold_of(item) % len(each)] for name, each in taught.items()}
    careless = careless_chance(look.drawn(), weights["careless"])
    given = _given(item, labels, look, weights["given"], careless)
    chances = marked_chance(with_known_usual(look.believed, usual), weights["believed"])
    return given + _missing(item, look, chances, given)


def _given(item: Item, labels: Sequence[str], look: Look, weights: NDArray[np.float64], careless: float) -> list[Doubt]:
    """Return a doubt for each given mask. The one that is drawn worst stands for an image that is drawn badly."""
    if not item.given:
        return []
    errors = outcome_chances(look.given, weights)[:, _ERRORS]
    wrong = np.minimum(errors.sum(axis=1), 1)
    boundary = _ERRORS.index(BOUNDARY)
    worst = int(errors[:, boundary].argmax())
    more = (1 - wrong[worst]) * careless
    wrong[worst] += more
    if careless > CARELESS_PRIOR:  # something speaks for it
        errors[worst, boundary] += more
    most = errors.max(axis=1, keepdims=True)
    fires = (errors >= most / 2) & (errors >= records.SUSPECT_FROM)
    chances = look.means[:, 1:]
    order = np.argsort(-chances, axis=1, kind="stable")[:, :_TOP].tolist()
    tops = [
        tuple((labels[column], of_row[column]) for column in columns)
        for columns, of_row in zip(order, chances.tolist(), strict=True)
    ]
    doubts = [
        Doubt(row, disagreement, top=top)
        for row, (disagreement, top) in enumerate(zip(wrong.tolist(), tops, strict=True))
    ]
    for row in np.flatnonzero(fires.any(axis=1)).tolist():
        fired = {_DETECTORS[_ERRORS[place]]: float(errors[row, place]) for place in np.flatnonzero(fires[row])}
        action, proposal = _remedy(item, row, look, _ERRORS[int(errors[row].argmax())], tops[row])
        doubts[row] = Doubt(row, float(wrong[row]), fired, action, proposal, tops[row])
    return doubts


def _remedy(
    item: Item, row: int, look: Look, error: int, top: Sequence[tuple[str, float]]
) -> tuple[Action | None, Region | None]:
    """Return what would put a given mask right: another label, the believed region's shape, or that it goes."""
    region, matched = item.given[row], int(look.shared.believed_of[row])
    if error == WRONG_CLASS:
        others = [label for label, _ in top if label != region.label]
        return ("replace", replace(region, label=others[0], score=dict(top)[others[0]])) if others else (None, None)
    if error == SPURIOUS or (error == SPLIT and matched < 0):
        return "remove", None
    if matched < 0:
        return None, None
    believed = item.believed.regions[matched]
    return "replace", replace(region, shape=believed.shape, score=believed.score)


def _missing(item: Item, look: Look, chances: NDArray[np.float64], given: Sequence[Doubt]) -> list[Doubt]:
    if not item.believed.regions:
        return []
    free = look.free()
    missed = missing(chances, len(item.given)) * free
    for row, believed in enumerate(look.shared.believed_of.tolist()):
        if believed >= 0:  # it may be the given one, badly drawn, which is doubted for that
            missed[believed] *= 1 - given[row].disagreement
    doubts = []
    for row in np.flatnonzero(free >= _FREE).tolist():
        region = item.believed.regions[row]
        fired = {records.MISSING: float(missed[row])} if missed[row] >= records.SUSPECT_FROM else {}
        top = ((region.label, float(chances[row])),)
        doubts.append(Doubt(None, float(missed[row]), fired, "add", region, top))  # told apart by what is proposed
    return doubts
