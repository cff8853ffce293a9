"""Other annotators of the same task said something else, and with the belief they are the likelier to be right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from errata.audit.detectors.scene import Scene, Signal
from errata.audit.tags import answers_heard
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
    if scene.tags is not None:
        reasons = _reasons_of_tags(scene, scene.tags, contested)
        return {n: Signal(float(scene.beside.conflict[n]), reason) for n, reason in reasons}
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


def _reasons_of_tags(scene: Scene, columns: NDArray[np.int64], contested: Sequence[int]) -> Iterator[tuple[int, str]]:
    control = scene.belief.control
    tasks = {scene.labels[n].task_id for n in contested}
    gave: dict[int, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for answer, given in answers_heard(scene.snapshot.tasks, scene.snapshot.tasks, control):
        if answer.task_id in tasks:
            gave[answer.task_id][answer.annotator] |= given
    for n in contested:
        people = gave[scene.labels[n].task_id]
        n_with = sum(columns[n] in given for given in people.values())
        tag = control.labels[columns[n]]
        if scene.labels[n].label is None:
            yield n, f"{n_with} of {len(people)} annotators gave the tag {tag}; this one did not."
        else:
            yield n, f"{len(people) - n_with} of {len(people)} annotators did not give the tag {tag}; this one did."


def _reason(given: GivenLabel, consensus: str, said: Mapping[str, str | None]) -> str:
    n_others = Counter(said.values())[consensus]
    return f"{n_others} of {len(said)} annotators said {consensus}; this one said {given.label}."
