"""Which regions the belief would mark, for predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from errata.audit.best_answer import LIKELY
from errata.audit.ports import Regions
from errata_model.records import Control
from errata_model.regions.overlap import overlaps
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Size

SAME_PLACE = 0.5  # of two regions that overlap by more, the surer one is marked


@dataclass(frozen=True, slots=True)
class BestRegions:
    """What the belief would mark.

    Attributes:
        regions: the likely ones, surest first, one a place.
        score: how sure the belief is of all of it, in [0, 1]: of the least sure region, marked or not.
    """

    regions: Sequence[Region]
    score: float


def best_regions(believed: Believed, size: Size | None, lost: Collection[str] = ()) -> BestRegions:
    """Return the regions to mark.

    Args:
        believed: about one item.
        size: of the image, in pixels; None where it is not known, or the item is no image.
        lost: labels that the label config does not have any more.
    """
    known = [region for region in believed.regions if region.label not in lost]
    ranked = sorted((region for region in known if region.score is not None), key=lambda region: -(region.score or 0))
    likely = [region for region in ranked if (region.score or 0) >= LIKELY]
    unlikely = ranked[len(likely) :]
    marked: list[Region] = []
    between = overlaps(likely, likely, size)
    kept: list[int] = []
    for n, region in enumerate(likely):
        if not any(between[n, other] > SAME_PLACE for other in kept):
            kept.append(n)
            marked.append(region)
    sure = [float(region.score or 0) for region in marked] + [1 - float(each.score or 0) for each in unlikely]
    return BestRegions(marked, round(min(sure, default=1.0), 4))


def regions_at(believed: Believed, drawn: Sequence[Region], size: Size | None) -> BestRegions:
    """Return for each region that an annotator has just drawn the one that the belief has there, likely or not.

    It keeps the label that the annotator gave it. Where the belief has nothing there, nothing is returned for it.
    """
    between = overlaps(drawn, believed.regions, size)
    found: list[Region] = []
    for n, mine in enumerate(drawn):
        sure = np.array([region.score or 0.0 for region in believed.regions])
        fits = between[n] * np.where([region.label == mine.label for region in believed.regions], 1.0, 0.5)
        if len(fits) and between[n].max() > 0:
            best = int(np.lexsort((sure, fits))[-1])
            found.append(replace(believed.regions[best], label=mine.label or believed.regions[best].label))
    return BestRegions(found, round(min((region.score or 0.0 for region in found), default=0.0), 4))


def region_results(
    control: Control, best: BestRegions, size: Size | None, data: Mapping[str, Any], regions: Regions
) -> list[dict[str, Any]]:
    """Return them as Label Studio's results."""
    value = data.get(control.data_key)
    return [result for region in best.regions for result in regions.written(control, region, size, value)]
