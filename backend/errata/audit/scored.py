"""The given labels of one control beside what is believed about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import ControlBelief
from errata.audit.ports import Regions
from errata.audit.snapshot import Snapshot, Task
from errata.audit.tags import NOTHING, absent_tags, score_tags
from errata_model.kinds.choices.scoring import class_shares, label_quality
from errata_model.kinds.choices.taxonomy import path_quality
from errata_model.records import GivenLabel, Proposal

N_TOP = 5


@dataclass(frozen=True, slots=True)
class Scored:
    """The given labels of one control.

    Attributes:
        belief: about the control.
        labels: L of them. Of tags, those that are missing stand among them, their label None.
        rows: (L,) each label's task as a row of the belief.
        given: (L,) each label as a column of the belief, NOTHING for a tag that is missing.
        proposed: (L,) what the belief would have there, NOTHING in place of a tag that it would not give.
        disagreement: (L,) in [0, 1].
        tags: (L,) the columns that they are about where each tag stands alone; None of single choice.
    """

    belief: ControlBelief
    labels: list[GivenLabel]
    rows: NDArray[np.int64]
    given: NDArray[np.int64]
    proposed: NDArray[np.int64]
    disagreement: NDArray[np.float64]
    tags: NDArray[np.int64] | None = None

    def detector(self, n: int) -> str:
        """Name what suspects a label where the belief would have another one there."""
        return "missing_tag" if self.given[n] == NOTHING else "low_self_confidence"

    def proposal(self, n: int, regions: Regions) -> Proposal | None:
        """Return what the belief would have in place of a label, None where it would have the same.

        A tag that is missing is always proposed: nothing else names it.
        """
        control, probabilities = self.belief.control, self.belief.probabilities[self.rows[n]]
        is_doubted = self.proposed[n] != self.given[n]
        if self.tags is None:
            best = np.argsort(-probabilities, kind="stable")[:N_TOP]
            top = [(control.labels[k], round(float(probabilities[k]), 4)) for k in best]
            return regions.proposal(control, top) if is_doubted else None
        tag, probability = control.labels[self.tags[n]], round(float(probabilities[self.tags[n]]), 4)
        if self.given[n] == NOTHING:
            return regions.addition(control, [(tag, probability)])
        return regions.removal(control, tag, probability) if is_doubted else None


def score(snapshot: Snapshot, belief: ControlBelief, regions: Regions) -> Scored:
    """Score every given label that the belief says something about."""
    if belief.control.kind == "tags":
        labels, rows, tags, disagreement = score_tags(snapshot.tasks, belief, regions)
        is_given = np.array([label.label is not None for label in labels], dtype=np.bool_)
        given = np.where(is_given, tags, NOTHING)
        is_doubted = disagreement > 0.5  # the belief's best answer is the other one
        proposed = np.where(is_given ^ is_doubted, tags, NOTHING)
        return Scored(belief, labels, rows, given, proposed, disagreement, tags)
    labels, rows, given = given_labels(snapshot.tasks, belief)
    probabilities = belief.probabilities[rows].reshape(len(rows), len(belief.control.labels))
    quality = _quality(given, probabilities, belief) if len(rows) else np.zeros(0)
    proposed = probabilities.argmax(axis=1) if len(rows) else given
    return Scored(belief, labels, rows, given, proposed, np.clip(1.0 - quality, 0.0, 1.0))


def given_labels(
    tasks: Sequence[Task], belief: ControlBelief
) -> tuple[list[GivenLabel], NDArray[np.int64], NDArray[np.int64]]:
    """Return the L single labels that the belief says something about, with their rows and columns in it: (L,)."""
    row_of = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
    column: dict[str | None, int] = {label: k for k, label in enumerate(belief.control.labels)}
    labels = [
        label
        for task in tasks
        for label in task.labels
        if label.control == belief.control.name and label.task_id in row_of
    ]
    rows = np.array([row_of[label.task_id] for label in labels], dtype=np.int64)
    return labels, rows, np.array([column[label.label] for label in labels], dtype=np.int64)


def _quality(
    given: NDArray[np.int64], probabilities: NDArray[np.float32], belief: ControlBelief
) -> NDArray[np.floating]:
    if belief.control.kind == "taxonomy":
        return path_quality(given, probabilities, belief.control.labels)
    shares = class_shares(belief.probabilities)  # of all tasks: no label's quality depends on what it is audited with
    return label_quality(given, probabilities, shares=shares)


def unscored(snapshot: Snapshot, beliefs: Sequence[ControlBelief], regions: Regions) -> Iterator[GivenLabel]:
    """Yield labels, and tags not given, that nothing is believed about: their media could not be read, say."""
    known = {belief.control.name: set(belief.task_ids.tolist()) for belief in beliefs}
    for control in snapshot.controls:
        if control.has_regions or control.has_values:
            continue
        unknown = [task for task in snapshot.tasks if task.id not in known.get(control.name, ())]
        for task in unknown:
            yield from (label for label in task.labels if label.control == control.name)
        if control.kind == "tags":
            yield from absent_tags(unknown, control, regions)
