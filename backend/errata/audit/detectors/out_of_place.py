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
    told. Of tags items are compared with all others that have one, and of an item's tags the least likely one is told:
    one is enough to look at it.
    """
    if scene.embedded is None:
        return {}
    row_of = {int(task_id): row for row, task_id in enumerate(scene.embedded.task_ids)}
    classes = np.full(len(row_of), -1, dtype=np.int64)
    for label, given in zip(scene.labels, scene.given.tolist(), strict=True):
        if label.label is not None:
            classes[row_of[label.task_id]] = given if scene.tags is None else 0
    far = outlyingness(scene.embedded.rows, classes, scene.embedded.shown())
    signals = {row: _signal(float(far[row]), scene.belief.control.modality) for row in np.flatnonzero(far).tolist()}
    told = range(len(scene.labels)) if scene.tags is None else _least_likely(scene)
    return {n: signals[row] for n in told if (row := row_of[scene.labels[n].task_id]) in signals}


def _least_likely(scene: Scene) -> list[int]:
    """Return of each task the given tag that the belief supports least, the first of equals."""
    least: dict[int, tuple[float, int]] = {}
    for n, label in enumerate(scene.labels):
        if label.label is not None:
            p = float(scene.belief.probabilities[scene.rows[n], scene.given[n]])
            least[label.task_id] = min(least.get(label.task_id, (p, n)), (p, n))
    return [n for _, n in least.values()]


def _signal(far: float, modality: str) -> Signal:
    reason = (
        f"It looks like no other {modality} here: even the 10 most similar ones are unusually far from it "
        f"({far:.1f} standard deviations), so perhaps no label fits."
    )
    return Signal(far / (far + LEAST), reason)
