"""Take beliefs from elsewhere: predictions that the source holds, or a file of probabilities."""

from __future__ import annotations

import csv
import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from errata.audit.believe import Belief
from errata.audit.evidence import agreement
from errata.audit.ports import Artefact, ControlBelief, Progress, Snapshot, StoredPrediction, Task
from errata.errors import NothingToLearn, UsageError
from errata_model.records import Control


class StoredBeliever:
    """Predictions that came with the source or from a file, taken as they are."""

    def __init__(self, model_version: str | None = None) -> None:
        self._model_version = model_version

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`. Uses the version with the most predictions, the newest among equals."""
        progress.stage("Reading predictions", len(snapshot.tasks))
        version = self._model_version or _commonest_version(snapshot.tasks)
        formed = [_control_belief(snapshot.tasks, control, version) for control in snapshot.controls]
        beliefs = [belief for belief in formed if len(belief.task_ids)]
        if version is None or not beliefs:
            raise NothingToLearn(
                f'"{snapshot.title}" holds no predictions that say anything about its labels; '
                "import predictions first, or let errata believe by itself (--belief own)."
            )
        digest = hashlib.sha256(version.encode())
        for belief in beliefs:
            digest.update(belief.task_ids.tobytes() + belief.probabilities.tobytes())
        artefact = Artefact(f"errata-{digest.hexdigest()[:12]}", tuple(beliefs))
        skipped = sum((_without_belief(snapshot.tasks, belief, version) for belief in formed), Counter[str]())
        remarks = tuple(filter(None, (agreement(snapshot.tasks, control, version) for control in snapshot.controls)))
        source = f'It is what the predictions "{version}" say.'
        return Belief(artefact, {}, source, skipped, repeats=version, remarks=remarks)


def _commonest_version(tasks: Sequence[Task]) -> str | None:
    counts: dict[str, int] = {}
    for task in tasks:
        for version in {p.model_version for p in task.predictions if not p.model_version.startswith("errata-")}:
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
    is_known = np.isfinite(sums[:, 0]) & (sums[:, 0] > 0)
    task_ids = np.array([task_id for task_id, _ in chosen], dtype=np.int64)[is_known]
    return ControlBelief(control, task_ids, ("",) * len(task_ids), probabilities[is_known] / sums[is_known], None)


def _without_belief(tasks: Sequence[Task], belief: ControlBelief, version: str) -> Counter[str]:
    """Count the labelled tasks that nothing is said about."""
    known = set(belief.task_ids.tolist())
    name = belief.control.name
    labelled = {task.id for task in tasks if any(label.control == name for label in task.labels)}
    what = f'labelled tasks without a usable prediction of "{version}" for "{name}"'
    return +Counter({what: len(labelled - known)})


class FileBeliever:
    """Probabilities from a CSV file: a column `task`, and one column a label; `control` where there are several."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            UsageError: the file cannot be used; names the line.
        """
        said = self._read(snapshot.controls)
        if said.keys().isdisjoint(task.id for task in snapshot.tasks):
            raise NothingToLearn(
                f'{self._path} says nothing about the {len(snapshot.tasks)} tasks of "{snapshot.title}"; '
                "its column `task` must hold Label Studio's task ids."
            )
        tasks = tuple(replace(task, predictions=tuple(said.get(task.id, ()))) for task in snapshot.tasks)
        return StoredBeliever(self._path.name).believe(replace(snapshot, tasks=tasks), progress)

    def _read(self, controls: Sequence[Control]) -> dict[int, list[StoredPrediction]]:
        said: dict[int, list[StoredPrediction]] = {}
        try:
            with self._path.open(newline="", encoding="utf-8-sig") as file:
                for row in (reader := csv.DictReader(file)):
                    task_id, prediction = self._prediction(row, controls, f"{self._path}, line {reader.line_num}")
                    said.setdefault(task_id, []).append(prediction)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UsageError(
                f"{self._path} cannot be read as CSV: {error}. Give a file with a column `task`."
            ) from error
        return said

    def _prediction(
        self, row: Mapping[str, str], controls: Sequence[Control], place: str
    ) -> tuple[int, StoredPrediction]:
        named = [c for c in controls if c.name == row.get("control", controls[0].name)]
        if not named or ("control" not in row and len(controls) > 1):
            names = ", ".join(control.name for control in controls)
            raise UsageError(f"{place}: the column `control` must name one of: {names}.")
        labels = [label for label in named[0].labels if row.get(label) not in (None, "")]
        if not labels:
            raise UsageError(
                f"{place}: no column is called after a label of the config ({', '.join(named[0].labels)})."
            )
        try:
            probabilities = {label: float(row[label]) for label in labels}
            task_id = int(row["task"])
        except (KeyError, TypeError, ValueError) as error:  # a row that is cut short has None there
            raise UsageError(f"{place}: needs a whole number in `task` and numbers in the labels' columns.") from error
        if not all(math.isfinite(p) and 0 <= p <= 1 for p in probabilities.values()):
            raise UsageError(f"{place}: a probability is not a number in [0, 1].")
        return task_id, StoredPrediction(self._path.name, named[0].name, probabilities)
