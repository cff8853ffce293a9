"""Say where a belief about regions is hardly better than marks put anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import RegionBelief
from errata.audit.region_findings import believed_items
from errata.audit.snapshot import Snapshot
from errata_model.regions.columns import sane_scores
from errata_model.regions.copies import without_copies
from errata_model.regions.matching import match
from errata_model.regions.overlap import pairs_within_items
from errata_model.regions.records import Item

_FEWEST_REGIONS = 10
_SAME = 0.5  # overlap from which two regions are one
_SURE = 2.0  # standard errors
_POOR = 0.1  # of what is marked is found: with less, nearly all doubts are about regions that are right
_GOOD = 0.5  # of them: with more, it is no matter that things are at the same place everywhere
_MOST_ITEMS = 500


def region_skill_remarks(snapshot: Snapshot, beliefs: Sequence[RegionBelief]) -> Iterator[str]:
    """Yield a sentence for every control about whose regions a belief knows next to nothing.

    Of the surest believed regions, as many as people marked, few are what people marked, or no more than if each task
    had been given what is believed of another one: so much is found by drawing the same everywhere.
    """
    for belief in beliefs:
        if belief.is_of_people:
            continue
        items = [
            without_copies(item)[0] for item in _some([item for *_, item in believed_items(snapshot.tasks, belief)])
        ]
        n_given = sum(len(item.given) for item in items)
        if n_given < _FEWEST_REGIONS or len(items) < 2:
            continue
        found = found_regions(items)
        by_chance = found_regions(_with_beliefs_of_others(items))
        error = _SURE * float(np.sqrt(np.square(found - by_chance).sum()))
        share, chance = found.sum() / n_given, by_chance.sum() / n_given
        if share < _POOR or (share < _GOOD and found.sum() - by_chance.sum() <= error):
            yield (
                f'What is believed of "{belief.control.name}" finds {share:.0%} of {n_given} regions that people '
                f"marked; what is believed of other tasks, in its place, finds {chance:.0%}. What it doubts says "
                f"little. It needs {_remedy(belief)}."
            )


def found_regions(items: Sequence[Item]) -> NDArray[np.int64]:
    """Return (N,) how many regions of each item are among the surest of the believed ones, labels and all.

    As many believed regions count as people marked, over all items.
    """
    given = [item.given for item in items]
    scores = sane_scores([region.score for item in items for region in item.believed.regions])
    is_sure = np.zeros(len(scores), dtype=bool)
    is_sure[np.argsort(-scores, kind="stable")[: sum(map(len, given))]] = True
    ends = np.cumsum([len(item.believed.regions) for item in items])
    sure = [
        [region for region, is_one in zip(item.believed.regions, mine.tolist(), strict=True) if is_one]
        for item, mine in zip(items, np.split(is_sure, ends[:-1]), strict=True)
    ]
    pairs = pairs_within_items(given, sure, [item.size for item in items])
    labels = [
        np.array([region.label for regions in side for region in regions], dtype=object) for side in (given, sure)
    ]
    pairs = pairs.where((pairs.overlap >= _SAME) & (labels[0][pairs.first] == labels[1][pairs.second]))
    is_found = match(pairs, pairs.overlap, len(labels[0]), len(labels[1])) >= 0
    of_item = np.repeat(np.arange(len(items)), [len(regions) for regions in given])
    return np.bincount(of_item[is_found], minlength=len(items))


def _with_beliefs_of_others(items: Sequence[Item]) -> list[Item]:
    """Return items, each with what is believed of one far away from it: neighbours are often alike, as in videos."""
    away = max(1, len(items) // 2)
    return [replace(item, believed=items[(row + away) % len(items)].believed) for row, item in enumerate(items)]


def _some(items: Sequence[Item]) -> Sequence[Item]:
    """Return items spread over all, some hundreds at most: more would not tell more."""
    return (
        items if len(items) <= _MOST_ITEMS else [items[row * len(items) // _MOST_ITEMS] for row in range(_MOST_ITEMS)]
    )


def _remedy(belief: RegionBelief) -> str:
    if belief.model is None:
        return "predictions of another model, or errata's own, --belief own"
    if belief.encoder is None and belief.control.modality == "image":
        return "more labelled tasks, more time (--minutes), weights of a pretrained backbone, or predictions of a model"
    return "more labelled tasks, more time (--minutes), or predictions of a model that knows these labels"
