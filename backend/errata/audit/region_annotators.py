"""Beliefs about regions that are what the other annotators of the same task marked."""

from __future__ import annotations

import numpy as np

from errata.audit.beliefs import RegionBelief
from errata.audit.region_beliefs import calibrated
from errata.audit.snapshot import Drawn, Snapshot
from errata_model.records import Control
from errata_model.regions.records import Believed, Region
from errata_model.regions.together import believe_together


def annotators_regions(snapshot: Snapshot, control: Control) -> RegionBelief:
    """Take as the belief about each annotation what other people marked on the same task.

    Regions that were accepted unchanged from predictions are held against others, but are no opinion of a person. An
    annotation that nobody else's stands beside has no belief.
    """
    found: list[tuple[int, int, Believed]] = []
    for task in snapshot.tasks:
        mine = [drawn for drawn in task.drawn if drawn.answer.control == control.name]
        for drawn in mine:
            others = [each for each in mine if each.answer.annotator != drawn.answer.annotator]
            if others:
                size = next((each.size for each in mine if each.size), None)
                believed = believe_together([_own(each) for each in others], size)
                found.append((task.id, drawn.answer.annotation_id, believed))
    belief = RegionBelief(
        control=control,
        task_ids=np.array([task_id for task_id, *_ in found], dtype=np.int64),
        content_keys=("",) * len(found),
        believed=tuple(believed for *_, believed in found),
        calibration={},
        sizes=(None,) * len(found),
        annotation_ids=np.array([annotation_id for _, annotation_id, _ in found], dtype=np.int64),
    )
    return calibrated(snapshot, belief) if found else belief


def _own(drawn: Drawn) -> list[Region]:
    return [region for region, label in zip(drawn.regions, drawn.labels, strict=True) if label.suggested_by is None]
