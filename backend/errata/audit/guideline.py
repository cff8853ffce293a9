"""Say which classes overlap so much that the guideline, not a label, may be what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from errata.audit.believe import Belief
from errata.audit.ports import ControlBelief, Snapshot
from errata_model.overlap import find_overlaps

N_PAIRS = 3


def overlap_remarks(snapshot: Snapshot, belief: Belief) -> Iterator[str]:
    """Yield a sentence for each of the worst pairs of classes of every control of single labels."""
    for about in belief.artefact.beliefs:
        if about.control.kind == "tags":
            continue
        rows, labels = given_columns(snapshot, about)
        for overlap in find_overlaps(labels, about.probabilities[rows])[:N_PAIRS]:
            first, second = about.control.labels[overlap.first], about.control.labels[overlap.second]
            yield (
                f'"{first}" ({overlap.n_first} labels) and "{second}" ({overlap.n_second}) overlap: of one of each the '
                f"model tells which is which {overlap.told_apart:.0%} of the time, where half is chance and "
                f"{overlap.usual:.0%} usual here. The guideline may not tell them apart."
            )


def given_columns(snapshot: Snapshot, about: ControlBelief) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row of the belief and the column of the label, (L,) each, of every single label that was given."""
    row_of = {int(task_id): row for row, task_id in enumerate(about.task_ids)}
    column = {label: k for k, label in enumerate(about.control.labels)}
    given = [
        (row_of[each.task_id], column[str(each.label)])
        for task in snapshot.tasks
        for each in task.labels
        if each.control == about.control.name and each.task_id in row_of
    ]
    rows, labels = np.array(given, dtype=np.int64).reshape(-1, 2).T
    return rows, labels
