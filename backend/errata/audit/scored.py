"""The given labels of one control beside what is believed about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.audit.ports import ControlBelief, Snapshot
from errata_model.kinds.choices.scoring import class_shares, label_quality
from errata_model.records import GivenLabel


@dataclass(frozen=True, slots=True)
class Scored:
    """The given labels of one control: rows into its belief, columns given and proposed, disagreement."""

    belief: ControlBelief
    labels: list[GivenLabel]
    rows: NDArray[np.int64]
    given: NDArray[np.int64]
    proposed: NDArray[np.int64]
    disagreement: NDArray[np.float64]


def score(snapshot: Snapshot, belief: ControlBelief) -> Scored:
    """Score every given label that the belief says something about."""
    row_of = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
    column: dict[str | None, int] = {label: k for k, label in enumerate(belief.control.labels)}
    labels = [
        label
        for task in snapshot.tasks
        for label in task.labels
        if label.control == belief.control.name and label.task_id in row_of
    ]
    rows = np.array([row_of[label.task_id] for label in labels], dtype=np.int64)
    given = np.array([column[label.label] for label in labels], dtype=np.int64)
    probabilities = belief.probabilities[rows].reshape(len(rows), len(column))
    shares = class_shares(belief.probabilities)  # of all tasks: no label's quality depends on what it is audited with
    quality = label_quality(given, probabilities, shares=shares) if len(rows) else np.zeros(0)
    proposed = probabilities.argmax(axis=1) if len(rows) else given
    return Scored(belief, labels, rows, given, proposed, np.clip(1.0 - quality, 0.0, 1.0))
