"""Tags (any number of labels a task): what is learned from them, and what is scored.

Each tag of each annotation is a label of its own: one that was given, or one that is missing. Every given tag is
scored. Of the missing ones, of which fifty tags and a thousand tasks have nearly fifty thousand, those alone that the
belief would give with at least `LEAST_MISSING`, which bounds them by ten times the tags that the belief expects, and
those that another annotator of the task gave.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import ControlBelief
from errata.audit.ports import Regions
from errata.audit.snapshot import Task
from errata_model.kinds.tags.scoring import label_quality
from errata_model.records import Control, GivenLabel

LEAST_MISSING = 0.1
AGREED = 0.5
NOTHING = -1  # in place of a column: no label


def tag_targets(
    evidence: Sequence[Task], tasks: Sequence[Task], control: Control, task_ids: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the share of annotators who gave each tag: (N, K) float32, rows of NaN where nobody was heard.

    An annotation is heard as a whole or not at all: one that left out what it was not offered says little, but what
    it did give says nothing where it was accepted as it was.

    Args:
        evidence: the tasks with those labels alone that are evidence; see `audit.evidence`.
        tasks: the same tasks with all labels.
        control: whose tags.
        task_ids: (N,) the rows.
    """
    row_of = {int(task_id): row for row, task_id in enumerate(task_ids)}
    counts = np.zeros((len(task_ids), len(control.labels)), dtype=np.float32)
    n_heard = np.zeros((len(task_ids), 1), dtype=np.float32)
    for answer, given in answers_heard(evidence, tasks, control):
        row = row_of.get(answer.task_id)
        if row is not None:
            n_heard[row] += 1
            counts[row, sorted(given)] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(counts / np.where(n_heard, n_heard, np.nan), dtype=np.float32)


def answers_heard(
    evidence: Sequence[Task], tasks: Sequence[Task], control: Control
) -> Iterator[tuple[GivenLabel, frozenset[int]]]:
    """Yield the answers that are evidence, each with the columns of the tags that it gave; args as `tag_targets`."""
    column: dict[str | None, int] = {tag: k for k, tag in enumerate(control.labels)}
    kept = {task.id: task for task in evidence}
    for task in tasks:
        of_evidence = {label.annotation_id for label in _given(kept.get(task.id, task), control)}
        given = _given_by_annotation(task, control, column)
        for answer in task.answers:
            if answer.control == control.name and (answer.suggested_by is None or answer.annotation_id in of_evidence):
                yield answer, frozenset(given[answer.annotation_id])


def score_tags(
    tasks: Sequence[Task], belief: ControlBelief, regions: Regions
) -> tuple[list[GivenLabel], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Score every given tag, and the missing ones that are likely enough.

    Returns:
        labels: L of them, None the label of those that are missing.
        rows: (L,) their tasks as rows of the belief.
        columns: (L,) their tags as columns of the belief.
        disagreement: (L,) in [0, 1], how likely wrong: 1 - p of a given tag, p of a missing one.
    """
    row_of = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
    column: dict[str | None, int] = {tag: k for k, tag in enumerate(belief.control.labels)}
    found: list[tuple[GivenLabel, int, int]] = []
    for task in tasks:
        row = row_of.get(task.id)
        if row is None:
            continue
        given = _given_by_annotation(task, belief.control, column)
        of_anybody = set().union(*given.values())
        found += [(label, row, column[label.label]) for label in _given(task, belief.control)]
        for answer in task.answers:
            if answer.control == belief.control.name:
                likely = of_anybody | set(np.flatnonzero(belief.probabilities[row] >= LEAST_MISSING).tolist())
                absent = sorted(likely - given[answer.annotation_id])
                found += [(label, row, k) for k, label in _missing(answer, absent, belief, regions)]
    labels = [label for label, _, _ in found]
    rows = np.array([row for _, row, _ in found], dtype=np.int64)
    columns = np.array([k for *_, k in found], dtype=np.int64)
    is_given = np.array([label.label is not None for label in labels], dtype=np.bool_)
    quality = label_quality(is_given[:, None], belief.probabilities[rows, columns][:, None])[:, 0]
    return labels, rows, columns, np.asarray(1.0 - quality)


def _missing(
    answer: GivenLabel, absent: Sequence[int], belief: ControlBelief, regions: Regions
) -> Iterator[tuple[int, GivenLabel]]:
    for k in absent:
        yield k, replace(answer, value_hash=regions.absent_hash(belief.control, belief.control.labels[k]))


def _given_by_annotation(task: Task, control: Control, column: Mapping[str | None, int]) -> defaultdict[int, set[int]]:
    given: defaultdict[int, set[int]] = defaultdict(set)
    for label in _given(task, control):
        given[label.annotation_id].add(column[label.label])
    return given


def absent_tags(tasks: Sequence[Task], control: Control, regions: Regions) -> Iterator[GivenLabel]:
    """Yield every tag that an annotation left out as the label that is missing."""
    hashes = [regions.absent_hash(control, tag) for tag in control.labels]
    column: dict[str | None, int] = {tag: k for k, tag in enumerate(control.labels)}
    for task in tasks:
        given = _given_by_annotation(task, control, column)
        for answer in task.answers:
            if answer.control == control.name:
                has = given[answer.annotation_id]
                yield from (replace(answer, value_hash=hashed) for k, hashed in enumerate(hashes) if k not in has)


def _given(task: Task, control: Control) -> Iterator[GivenLabel]:
    return (label for label in task.labels if label.control == control.name)


def consensus_of_tags(
    evidence: Sequence[Task], tasks: Sequence[Task], control: Control, task_ids: NDArray[np.int64]
) -> dict[int, frozenset[str]]:
    """Return task id -> the tags that at least half of its annotators gave, of the tasks where anybody was heard.

    Args as `tag_targets`.
    """
    shares = tag_targets(evidence, tasks, control, task_ids)
    return {
        int(task_id): frozenset(tag for tag, share in zip(control.labels, of_task, strict=True) if share >= AGREED)
        for task_id, of_task in zip(task_ids, shares, strict=True)
        if not np.isnan(of_task).any()
    }
