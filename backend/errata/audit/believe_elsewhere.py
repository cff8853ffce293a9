"""Take beliefs from elsewhere: predictions that the source holds."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import OWN_VERSIONS, Artefact, ControlBelief, own_version
from errata.audit.believe import Belief
from errata.audit.believe_values import predicted_belief, update_values_digest
from errata.audit.evidence import agreement
from errata.audit.ports import Progress
from errata.audit.region_beliefs import region_belief, update_digest
from errata.audit.snapshot import Snapshot, StoredPrediction, Task
from errata.errors import NothingToLearn
from errata_model.records import Control

N_NAMED = 5


class StoredBeliever:
    """Predictions that came with the source, taken as they are.

    Args:
        model_version: whose predictions; by default those of the version with the most, the newest among equals.
    """

    def __init__(self, model_version: str | None = None) -> None:
        self._model_version = model_version

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`."""
        progress.stage("Reading predictions", len(snapshot.tasks))
        version = self._model_version or _commonest_version(snapshot.tasks)
        whole = [control for control in snapshot.controls if not (control.has_regions or control.has_values)]
        formed = [_control_belief(snapshot.tasks, control, version) for control in whole]
        drawn = [
            region_belief(snapshot, control, version)
            for control in snapshot.controls
            if control.has_regions and version is not None
        ]
        answered = [predicted_belief(snapshot, control, version) for control in snapshot.controls if control.has_values]
        beliefs = [belief for belief in formed if len(belief.task_ids)]
        region_beliefs = [belief for belief in drawn if len(belief.task_ids)]
        value_beliefs = tuple(belief for belief in answered if belief.opinions)
        if version is None or not (beliefs or region_beliefs or value_beliefs):
            raise NothingToLearn(_nothing_said(snapshot, self._model_version))
        digest = hashlib.sha256(version.encode())
        for belief in beliefs:
            digest.update(json.dumps(asdict(belief.control)).encode())
            digest.update(belief.task_ids.tobytes() + belief.probabilities.tobytes())
        for about in region_beliefs:
            update_digest(digest, about)
        update_values_digest(digest, value_beliefs)
        artefact = Artefact(own_version(digest.hexdigest()), tuple(beliefs), tuple(region_beliefs), value_beliefs)
        known = [(belief.control, belief.task_ids) for belief in formed]
        known += [(belief.control, belief.task_ids) for belief in drawn]
        known += [(belief.control, np.array(list(belief.opinions), dtype=np.int64)) for belief in answered]
        skipped = sum((_without_belief(snapshot.tasks, *each, version) for each in known), Counter[str]())
        remarks = [_who(snapshot.tasks, [task_ids for _, task_ids in known], version)]
        remarks += filter(None, (agreement(snapshot.tasks, control, version) for control in snapshot.controls))
        source = f'It is what the predictions "{version}" say.'
        return Belief(artefact, {}, source, skipped, repeats=version, remarks=tuple(remarks))


def _who(tasks: Sequence[Task], believed: Sequence[NDArray[np.int64]], version: str) -> str:
    """Say whose predictions are believed, and whose are not."""
    n_tasks = len({task_id for task_ids in believed for task_id in task_ids.tolist()})
    others = [name for name, _ in _n_tasks_of_versions(tasks).most_common() if name != version]
    also = ", ".join(f'"{name}"' for name in others[:N_NAMED] if not name.startswith(OWN_VERSIONS))
    beside = f"; not against those of {also}, which are there too" if also else ""
    return f'Held against what "{version}" predicts for {n_tasks} task{"s" * (n_tasks != 1)}{beside}.'


def _n_tasks_of_versions(tasks: Sequence[Task]) -> Counter[str]:
    return Counter(name for task in tasks for name in {each.model_version for each in task.predictions})


def _nothing_said(snapshot: Snapshot, version: str | None) -> str:
    there = ", ".join(f'"{name}" ({n} tasks)' for name, n in _n_tasks_of_versions(snapshot.tasks).most_common(N_NAMED))
    if version is not None and there:
        return (
            f'"{snapshot.title}" holds no predictions of "{version}" that say anything about its labels; it holds '
            f"those of {there}. Name one of them, --belief stored:VERSION."
        )
    left_out = [f"{n} x {what}" for what, n in snapshot.skipped.most_common() if what.startswith("predict")]
    return (
        f'"{snapshot.title}" holds no predictions that say anything about its labels'
        + (f" (left out: {', '.join(left_out[:N_NAMED])})" if left_out else "")
        + "; import predictions first, or let errata believe by itself (--belief own)."
    )


def _commonest_version(tasks: Sequence[Task]) -> str | None:
    said = (each for task in tasks for each in task.predictions if each.regions != ())
    speaking = {each.model_version for each in said if not each.model_version.startswith(OWN_VERSIONS)}
    counts: dict[str, int] = {}
    for task in tasks:
        for version in {p.model_version for p in task.predictions} & speaking:
            counts[version] = counts.get(version, 0) + 1
    return max(counts, key=lambda version: (counts[version], version), default=None)


def _control_belief(tasks: Sequence[Task], control: Control, version: str | None) -> ControlBelief:
    chosen: list[tuple[int, StoredPrediction]] = []
    for task in tasks:
        matching = [p for p in task.predictions if (p.model_version, p.control) == (version, control.name)]
        if matching:
            chosen.append((task.id, matching[-1]))
    probabilities = np.zeros((len(chosen), len(control.labels)), dtype=np.float32)
    for row, (_, prediction) in enumerate(chosen):
        probabilities[row] = [prediction.probabilities.get(label, 0.0) for label in control.labels]
    sums = probabilities.sum(axis=1, keepdims=True)
    if control.kind == "tags":
        sums = np.where(np.isfinite(sums), 1, sums)  # each tag on its own, and perhaps none
    is_known = np.isfinite(sums[:, 0]) & (sums[:, 0] > 0)
    task_ids = np.array([task_id for task_id, _ in chosen], dtype=np.int64)[is_known]
    return ControlBelief(control, task_ids, ("",) * len(task_ids), probabilities[is_known] / sums[is_known], None)


def _without_belief(tasks: Sequence[Task], control: Control, task_ids: NDArray[np.int64], version: str) -> Counter[str]:
    """Count the labelled tasks that nothing is said about."""
    labelled = {task.id for task in tasks if any(label.control == control.name for label in task.labels)}
    labelled |= {task.id for task in tasks if any(drawn.answer.control == control.name for drawn in task.drawn)}
    what = f'labelled tasks without a usable prediction of "{version}" for "{control.name}"'
    return +Counter({what: len(labelled - set(task_ids.tolist()))})
