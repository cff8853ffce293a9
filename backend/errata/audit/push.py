"""Put the belief into Label Studio as predictions: in bulk, and each only once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import OWN_VERSIONS, Artefact, ControlBelief, RegionBelief
from errata.audit.best_answer import best_answer
from errata.audit.best_opinions import answer_results, opinions_of
from errata.audit.best_regions import best_regions, region_results
from errata.audit.ports import Prediction, PredictionSink, Progress, Regions
from errata.audit.snapshot import Snapshot, Task
from errata.settings import PredictionsMode
from errata_model.kinds.values.records import ValueBelief

# At every request Label Studio counts the whole project anew: of 5,000 tasks 2.3 s for one prediction, 2.8 s for 5,000.
CHUNK = 5000
N_VERSIONS_KEPT = 2


def prediction(
    task: Task,
    beliefs: Iterable[tuple[ControlBelief, NDArray[np.float32]]],
    drawn: Iterable[tuple[RegionBelief, int]],
    regions: Regions,
    answered: Iterable[ValueBelief] = (),
) -> Prediction:
    """Say what is believed about a task: the best answer of each control.

    Args:
        task: which one.
        beliefs: about controls that label the whole task, with its (K,) probabilities.
        drawn: about controls that mark regions, with the task's row.
        regions: writes the answers.
        answered: about controls that ask for no labels.
    """
    said = [(belief.control, best_answer(belief.control, probabilities)) for belief, probabilities in beliefs]
    result = [region for control, best in said if best for region in regions.regions(control, best.labels)]
    scores = [best.score for _, best in said if best]
    for about, row in drawn:
        best_drawn = best_regions(about.believed[row], about.sizes[row])
        result += region_results(about.control, best_drawn, about.sizes[row], task.data, regions)
        scores.append(best_drawn.score)
    for control, opinion in opinions_of(task.id, answered):
        result += answer_results(control, opinion, regions)
        scores.append(opinion.certainty)
    return Prediction(task.id, tuple(result), min(scores, default=0.0))


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
    artefact = replace(
        artefact, region_beliefs=tuple(each for each in artefact.region_beliefs if not each.is_of_people)
    )
    drawn = [{int(t): n for n, t in enumerate(belief.task_ids)} for belief in artefact.region_beliefs]
    lacking = [
        task
        for task in snapshot.tasks
        if artefact.version not in task.prediction_versions and (mode == "all" or task.is_labeled)
    ]
    predictions = [
        prediction(
            task,
            _of_task(task.id, artefact, rows),
            _drawn_on(task.id, artefact, drawn),
            regions,
            artefact.value_beliefs,
        )
        for task in lacking
        if any(task.id in known for known in (*rows, *drawn)) or any(opinions_of(task.id, artefact.value_beliefs))
    ]
    progress.stage("Pushing predictions", len(predictions))
    n_stored = 0
    for start in range(0, len(predictions), CHUNK):
        part = predictions[start : start + CHUNK]
        n_stored += sink.push(artefact.version, part)
        progress.advance(len(part))
    kept = [artefact.version, *(v for v in earlier if v != artefact.version)][:N_VERSIONS_KEPT]
    stored = {version for task in snapshot.tasks for version in task.prediction_versions}
    if any(version.startswith(OWN_VERSIONS) and version not in kept for version in stored):
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
        if not task.is_labeled and any(version.startswith(OWN_VERSIONS) for version in task.prediction_versions)
    ]


def _of_task(
    task_id: int, artefact: Artefact, rows: Sequence[Mapping[int, int]]
) -> list[tuple[ControlBelief, NDArray[np.float32]]]:
    return [
        (belief, belief.probabilities[of_control[task_id]])
        for belief, of_control in zip(artefact.beliefs, rows, strict=True)
        if task_id in of_control
    ]


def _drawn_on(task_id: int, artefact: Artefact, rows: Sequence[Mapping[int, int]]) -> list[tuple[RegionBelief, int]]:
    return [
        (belief, of_control[task_id])
        for belief, of_control in zip(artefact.region_beliefs, rows, strict=True)
        if task_id in of_control
    ]
