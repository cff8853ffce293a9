"""Beliefs about regions: from predictions that the source holds, and what makes two of them the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

import numpy as np

from errata.audit.beliefs import RegionBelief
from errata.audit.region_findings import calibrate
from errata.audit.snapshot import Snapshot, StoredPrediction
from errata_model.records import Control
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Mask


class Digest(Protocol):
    """A hash that is being made, such as `hashlib.sha256()`."""

    def update(self, data: bytes, /) -> None:
        """Take more data."""


def region_belief(snapshot: Snapshot, control: Control, version: str) -> RegionBelief:
    """Take the predictions of one version as the belief about a control's regions.

    A prediction that marks nothing for the control says that there is nothing; a version that never marks anything for
    it says nothing about it. Of several predictions of a task the last one counts.
    """
    chosen: list[tuple[int, StoredPrediction]] = []
    for task in snapshot.tasks:
        matching = [
            each
            for each in task.predictions
            if (each.model_version, each.control) == (version, control.name) and each.regions is not None
        ]
        if matching:
            chosen.append((task.id, matching[-1]))
    if not any(said.regions for _, said in chosen):
        chosen = []
    belief = RegionBelief(
        control=control,
        task_ids=np.array([task_id for task_id, _ in chosen], dtype=np.int64),
        content_keys=("",) * len(chosen),
        believed=tuple(Believed(said.regions or ()) for _, said in chosen),
        calibration={},
        sizes=tuple(said.size for _, said in chosen),
    )
    return calibrated(snapshot, belief)


def calibrated(snapshot: Snapshot, belief: RegionBelief) -> RegionBelief:
    """Return the belief with what its scoring learns from the project's own annotations."""
    return replace(belief, calibration=calibrate(snapshot, belief))


def update_digest(digest: Digest, belief: RegionBelief) -> None:
    """Add a belief to a hash: its control, its tasks, and what it has of each."""
    digest.update(json.dumps(asdict(belief.control)).encode())
    digest.update(belief.task_ids.tobytes())
    if belief.annotation_ids is not None:
        digest.update(belief.annotation_ids.tobytes())
    for believed in belief.believed:
        digest.update(json.dumps([plain_region(region) for region in believed.regions]).encode())
    for name in sorted(belief.calibration):
        digest.update(name.encode() + np.asarray(belief.calibration[name]).tobytes())


def plain_region(region: Region) -> Sequence[Any]:
    """Return what is told of a region by its hash, as JSON."""
    shape: Any = region.shape
    if isinstance(shape, Mask):
        where = [shape.top, shape.left, shape.height, shape.width]
        return [region.label, region.score, where, np.packbits(shape.bitmap).tobytes().hex()]
    return [region.label, region.score, type(shape).__name__, asdict(shape)]
