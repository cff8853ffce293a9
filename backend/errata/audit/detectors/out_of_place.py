"""The item looks like nothing else here, so that none of the classes may fit it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from errata.audit.detectors.scene import Scene, Signal
from errata_model.outliers import LEAST, outlyingness

name = "out_of_place"


def detect(scene: Scene) -> Mapping[int, Signal]:
    """Return the labels of items that are far from all others, and for their class; see `Detector.detect`.

    The score is z / (z + 4) for an item z robust standard deviations out: a half where it is just far enough to be
    told. Tags are not looked at: an item without a tag is as good as any.
    """
    if scene.embedded is None or scene.belief.control.kind == "tags":
        return {}
    row_of = {int(task_id): row for row, task_id in enumerate(scene.embedded.task_ids)}
    classes = np.full(len(row_of), -1, dtype=np.int64)
    for label, given in zip(scene.labels, scene.given.tolist(), strict=True):
        classes[row_of[label.task_id]] = given
    far = outlyingness(scene.embedded.rows, classes, scene.embedded.shown())
    signals = {row: _signal(float(far[row]), scene.belief.control.modality) for row in np.flatnonzero(far).tolist()}
    return {n: signals[row_of[each.task_id]] for n, each in enumerate(scene.labels) if row_of[each.task_id] in signals}


def _signal(far: float, modality: str) -> Signal:
    reason = (
        f"It looks like no other {modality} here: even the 10 most similar ones are unusually far from it "
        f"({far:.1f} standard deviations), so perhaps no label fits."
    )
    return Signal(far / (far + LEAST), reason)
