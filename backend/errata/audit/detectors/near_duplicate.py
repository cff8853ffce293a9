"""Nearly the same media are labelled differently elsewhere: one of the labels is wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from errata.audit.detectors.scene import Scene, Signal
from errata.audit.embed import groups_of
from errata.audit.tags import consensus_of_tags

name = "near_duplicate"

N_NAMED = 3
N_LABELS = 2


def detect(scene: Scene) -> Mapping[int, Signal]:
    """Return the labels that the belief and tasks that show the same speak against; see `Detector.detect`.

    Told is what is likelier wrong than right: each such task counts for its label, weighed by the label's probability
    in the belief. The score is the share of those tasks that say otherwise, a half where two differ; the belief is no
    part of it, since it is merged with it. Every tag is looked at by itself, given or left out.
    """
    shown = _shown(scene)
    if shown is None:
        return {}
    if scene.tags is not None:
        return dict(_detect_tags(scene, scene.tags, shown))
    said: dict[int, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))  # group -> task -> its labels
    for label, given in zip(scene.labels, scene.given.tolist(), strict=True):
        said[shown[label.task_id]][label.task_id].add(given)
    found = {}
    for n, (label, given) in enumerate(zip(scene.labels, scene.given.tolist(), strict=True)):
        of_group = said[shown[label.task_id]]
        others = {task_id: min(labels) for task_id, labels in of_group.items() if given not in labels}
        if others:
            believed = scene.belief.probabilities[scene.rows[n]]
            against = sum(float(believed[other]) for other in others.values())
            if against >= (len(of_group) - len(others)) * float(believed[given]):
                found[n] = Signal(len(others) / len(of_group), _reason(scene, others))
    return found


def _detect_tags(scene: Scene, columns: NDArray[np.int64], shown: Mapping[int, int]) -> Iterator[tuple[int, Signal]]:
    control, task_ids = scene.belief.control, np.array(list(shown), dtype=np.int64)
    of_group: dict[int, dict[int, frozenset[str]]] = defaultdict(dict)
    for task_id, tags in consensus_of_tags(scene.evidence, scene.snapshot.tasks, control, task_ids).items():
        of_group[shown[task_id]][task_id] = tags
    for n, label in enumerate(scene.labels):
        group = of_group[shown[label.task_id]]
        tag, is_given = control.labels[columns[n]], label.label is not None
        others = [task_id for task_id in group if task_id != label.task_id]
        against = [task_id for task_id in others if (tag in group[task_id]) != is_given]
        if against:
            p = float(scene.belief.probabilities[scene.rows[n], columns[n]])
            supported = p if is_given else 1 - p
            if len(against) * (1 - supported) >= (1 + len(others) - len(against)) * supported:
                has = "does not have" if is_given else "has"
                reason = f"Nearly the same {control.modality} {has} the tag {tag} in {_tasks(against)}."
                yield n, Signal(len(against) / (1 + len(others)), reason)


def _shown(scene: Scene) -> dict[int, int] | None:
    """Return task id -> a number of what it shows, equal where nearly the same; None where that is not known."""
    if scene.embedded is not None:
        return dict(zip(scene.embedded.task_ids.tolist(), scene.embedded.shown().tolist(), strict=True))
    keys = scene.belief.content_keys
    return dict(zip(scene.belief.task_ids.tolist(), groups_of(keys).tolist(), strict=True)) if all(keys) else None


def _reason(scene: Scene, others: Mapping[int, int]) -> str:
    control = scene.belief.control
    by_label = defaultdict(list)
    for task_id, other in others.items():
        by_label[control.labels[other]].append(task_id)
    commonest = sorted(by_label.items(), key=lambda item: -len(item[1]))[:N_LABELS]
    said = " and ".join(f"{label} in {_tasks(task_ids)}" for label, task_ids in commonest)
    return f"Nearly the same {control.modality} is labelled {said}."


def _tasks(task_ids: Sequence[int]) -> str:
    ids = sorted(task_ids)
    if len(ids) == 1:
        return f"task {ids[0]}"
    named = ", ".join(map(str, ids[:N_NAMED]))
    return f"tasks {named}" + (f" and {len(ids) - N_NAMED} more" if len(ids) > N_NAMED else "")
