"""Other annotators of the same task said something else, and with the belief they are the likelier to be right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from errata.audit.detectors.scene import Scene, Signal
from errata.audit.wording import ANNOTATOR_CONFLICT
from errata_model.records import GivenLabel

name = ANNOTATOR_CONFLICT


def detect(scene: Scene) -> Mapping[int, Signal]:
    """Return what the consensus of annotators and belief adds to the belief's own doubt; see `Detector.detect`.

    A signal's score is such that the noisy-or of the two is how likely the label is wrong by the consensus. It may be
    0: the belief alone then says as much, and the reason is what is new.
    """
    if scene.beside is None:
        return {}
    contested = np.nonzero(scene.beside.is_contested)[0].tolist()
    tasks = {scene.labels[n].task_id for n in contested}
    said: dict[int, dict[str, str | None]] = {}
    for task in scene.snapshot.tasks:
        if task.id in tasks:
            mine = (each for each in task.labels if each.control == scene.belief.control.name)
            said[task.id] = {each.annotator: each.label for each in mine}
    conflict, proposed = scene.beside.conflict, scene.beside.proposed
    found = {}
    for n in contested:
        reason = _reason(scene.labels[n], scene.belief.control.labels[proposed[n]], said[scene.labels[n].task_id])
        found[n] = Signal(float(conflict[n]), reason)
    return found


def _reason(given: GivenLabel, consensus: str, said: Mapping[str, str | None]) -> str:
    n_others = Counter(said.values())[consensus]
    return f"{n_others} of {len(said)} annotators said {consensus}; this one said {given.label}."
