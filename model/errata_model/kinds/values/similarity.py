"""How similar two answers to the same control are, whatever it asks for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from errata_model.kinds.choices.taxonomy import path_similarity
from errata_model.kinds.values.dates import DAY_S, TIME, moment
from errata_model.kinds.values.matched import matched_similarity
from errata_model.kinds.values.rankings import ranking_similarity
from errata_model.kinds.values.texts import texts_similarity
from errata_model.kinds.values.tracks import stretches_similarity, tracks_similarity
from errata_model.records import Control

_INNER = (5, 95)  # per cent: what lies beyond may be a slip of the finger
_FEWEST = 2

MEASURED = ("rating", "number", "datetime")  # what has a scale


def similarity(control: Control, one: Any, other: Any, spread: float | None = None) -> float:
    """Return how similar two answers are: 1 where they say the same, 0 where they have nothing in common.

    | asked for | an answer | similarity |
    |---|---|---|
    | rating, number | a number | 1 - the difference by the width of the scale, or by `spread` where it has no ends |
    | datetime | as it is written | the same, in seconds; times of day are near each other across midnight too |
    | textarea | its texts | see `texts_similarity` |
    | choices | the labels | twice those that both have, by all of both |
    | taxonomy | the paths, levels joined by " > " | matched, see `matched_similarity` and `path_similarity` |
    | pairwise | "left" or "right" | whether they are equal |
    | ranker | bucket -> items | see `ranking_similarity` |
    | videorectangle | tracks | see `tracks_similarity` |
    | timelinelabels | stretches | see `stretches_similarity` |

    Args:
        control: its `type` is one of `SERVED`.
        one: an answer as `errata.labelstudio.codecs.values` reads it.
        other: likewise.
        spread: how far apart answers usually are at most, of a scale without ends; see `find_spread`. None: not known,
            and such answers are compared to the larger of the two.

    Returns:
        In [0, 1], symmetric.

    Raises:
        ValueError: the control asks for something else.
    """
    if control.type not in SERVED:
        raise ValueError(f"`control.type` must be one of {', '.join(SERVED)}, got {control.type!r}")
    if control.type in MEASURED:
        return _nearness(control, one, other, spread)
    return float(_SIMILAR[control.type](one, other))


def _labels_similarity(one: Sequence[str], other: Sequence[str]) -> float:
    return matched_similarity(one, other, lambda a, b: float(a == b), lambda _: 1.0)


def _paths_similarity(one: Sequence[str], other: Sequence[str]) -> float:
    return matched_similarity(one, other, lambda a, b: float(path_similarity([a, b])[0, 1]), lambda _: 1.0)


def find_spread(control: Control, answers: Iterable[Any]) -> float | None:
    """Return how far apart the answers of a project are: from the 5th to the 95th percentile.

    Returns:
        None of what has no scale, or one with ends, and where there is no distance: fewer than two answers, say.
    """
    if control.type not in MEASURED or _width(control) is not None:
        return None
    places = [place for answer in answers if (place := _place(control, answer)) is not None]
    if len(places) < _FEWEST:
        return None
    low, high = np.percentile(places, _INNER)
    return float(high - low) or None


def _nearness(control: Control, one: Any, other: Any, spread: float | None) -> float:
    a, b = _place(control, one), _place(control, other)
    if a is None or b is None or a == b:
        return float(one == other or (a is not None and a == b))
    apart = abs(a - b)
    if _is_time_of_day(control):
        apart = min(apart, DAY_S - apart)
    return float(max(0.0, 1.0 - apart / (_width(control) or spread or max(abs(a), abs(b)))))


def _place(control: Control, answer: Any) -> float | None:
    """Return where an answer is on its scale, None where that cannot be read."""
    if control.type == "datetime":
        return moment(str(answer), control.value.date_format) if control.value else moment(str(answer))
    return float(answer)


def _width(control: Control) -> float | None:
    """Return how wide the scale is, None where it has no ends."""
    if _is_time_of_day(control):
        return DAY_S / 2
    form = control.value
    if form is None or form.low is None or form.high is None or form.high <= form.low:
        return None
    return form.high - form.low


def _is_time_of_day(control: Control) -> bool:
    return control.value is not None and control.value.date_format == TIME


_SIMILAR: Mapping[str, Callable[[Any, Any], float]] = {
    "choices": _labels_similarity,
    "taxonomy": _paths_similarity,
    "textarea": texts_similarity,
    "pairwise": operator.eq,
    "ranker": ranking_similarity,
    "videorectangle": tracks_similarity,
    "timelinelabels": stretches_similarity,
}
SERVED = (*MEASURED, *_SIMILAR)
