"""Put the belief into Label Studio as predictions: in bulk, and each only once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from errata.audit.best_answer import best_answer
from errata.audit.ports import (
    Artefact,
    ControlBelief,
    Prediction,
    PredictionSink,
    Progress,
    Regions,
    Snapshot,
)
from errata.settings import PredictionsMode

# At every request Label Studio counts the whole project anew: of 5,000 tasks 2.3 s for one prediction, 2.8 s for 5,000.
CHUNK = 5000
N_VERSIONS_KEPT = 2


def prediction(
    task_id: int, beliefs: Iterable[tuple[ControlBelief, NDArray[np.float32]]], regions: Regions
) -> Prediction:
    """Say what is believed about a task: the best answer of each control, `beliefs` with its (K,) probabilities."""
    said = [(belief.control, best_answer(belief.control, probabilities)) for belief, probabilities in beliefs]
    result = [region for control, best in said if best for region in regions.regions(control, best.labels)]
    return Prediction(task_id, tuple(result), min((best.score for _, best in said if best), default=0.0))


def push_predictions(
    snapshot: Snapshot,
    artefact: Artefact,
    mode: PredictionsMode,
    sink: PredictionSink,
    regions: Regions,
    earlier: Sequence[str],
    progress: Progress,
) -> int:
    """Store predictions of the tasks that lack this version; retire old versions. Return how many were stored.

    Args:
        earlier: versions of earlier audits, newest first; the newest that is not this one is kept beside it.
    """
    if mode == "none":
        return 0
    rows = [{int(t): n for n, t in enumerate(belief.task_ids)} for belief in artefact.beliefs]
    lacking = [
        task.id
        for task in snapshot.tasks
        if artefact.version not in task.prediction_versions and (mode == "all" or task.is_labeled)
    ]
    predictions = [
        prediction(task_id, _of_task(task_id, artefact, rows), regions)
        for task_id in lacking
        if any(task_id in of_control for of_control in rows)
    ]
    progress.stage("Pushing predictions", len(predictions))
    n_stored = 0
    for start in range(0, len(predictions), CHUNK):
        part = predictions[start : start + CHUNK]
        n_stored += sink.push(artefact.version, part)
        progress.advance(len(part))
    kept = [artefact.version, *(v for v in earlier if v != artefact.version)][:N_VERSIONS_KEPT]
    stored = {version for task in snapshot.tasks for version in task.prediction_versions}
    if any(version.startswith("errata-") and version not in kept for version in stored):
        sink.retire(kept)
    if mode == "labelled" and (seen := _seen_too_early(snapshot)):
        sink.withdraw(seen)
    if n_stored or artefact.version in stored:
        sink.announce(artefact.version)
    return n_stored


def _seen_too_early(snapshot: Snapshot) -> list[int]:
    """Return the tasks that need annotators again, or whose predictions were shown to more people once."""
    return [
        task.id
        for task in snapshot.tasks
        if not task.is_labeled and any(version.startswith("errata-") for version in task.prediction_versions)
    ]


def _of_task(
    task_id: int, artefact: Artefact, rows: Sequence[Mapping[int, int]]
) -> list[tuple[ControlBelief, NDArray[np.float32]]]:
    return [
        (belief, belief.probabilities[of_control[task_id]])
        for belief, of_control in zip(artefact.beliefs, rows, strict=True)
        if task_id in of_control
    ]
