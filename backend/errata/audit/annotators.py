"""Where several people labelled the same tasks: what they and the belief say together.

A task that several labelled is worth more than any belief about it, and how often people differ on such tasks tells
what the label of a single one is worth. So wherever a control has such tasks, each of its labels is scored against the
consensus of annotators and belief, not against the belief alone. Labels that are no evidence are scored, too, but have
no vote. Who annotated is known by the id alone that Label Studio writes; nobody at all counts as one person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import ControlBelief
from errata.audit.scored import Scored
from errata.audit.snapshot import Task
from errata_model.kinds.choices.annotators import Consensus, find_consensus_of_votes
from errata_model.records import Control

_KINDS = ("choices", "taxonomy")  # one label a task
_MOST_CLASSES = 2000  # beyond, confusions of all classes with all fill the memory


@dataclass(frozen=True, slots=True)
class Weighed:
    """The labels of one control, weighed against one another and the belief.

    Attributes:
        consensus: of the tasks in the belief's order, of the annotators in that of `annotators`.
        annotators: Label Studio's ids, ascending.
        is_shared: (N,) whether several people labelled the task.
    """

    consensus: Consensus
    annotators: tuple[str, ...]
    is_shared: NDArray[np.bool_]

    def figures(self, control: Control) -> dict[str, Any]:
        """Return what is known of each annotator's labels, as JSON.

        `quality` is the estimated share of right labels. Where `shared` is 0 nobody else labelled the same tasks: it
        is then what the belief alone says. It is about labels: who got the hard tasks looks worse.
        """
        found = self.consensus
        agreed = found.agreement[self.is_shared]
        return {
            "control": control.name,
            "shared_tasks": int(self.is_shared.sum()),
            "agreement": round(float(agreed.mean()), 4),
            "annotators": [
                {
                    "annotator": annotator,
                    "labels": int(found.n_labels[a]),
                    "shared": int(found.n_shared[a]),
                    "quality": round(float(found.annotator_quality[a]), 4),
                }
                for a, annotator in enumerate(self.annotators)
            ],
        }


def weigh_annotators(tasks: Sequence[Task], belief: ControlBelief) -> Weighed | None:
    """Weigh the labels of a control; None where no two people labelled the same task, or its kind has no consensus.

    Args:
        tasks: with the labels that are evidence.
        belief: about the control, out of sample.
    """
    votes = _votes(tasks, belief.control, belief.task_ids)
    if votes is None:
        return None
    rows, people, labels, annotators, is_shared = votes
    shape = (len(belief.task_ids), len(annotators))
    found = find_consensus_of_votes(rows, people, labels, shape, belief.probabilities)
    return Weighed(found, annotators, is_shared)


def annotators_targets(
    tasks: Sequence[Task], control: Control, task_ids: NDArray[np.int64]
) -> NDArray[np.float32] | None:
    """Return what annotators alone say together, to learn from: (N, K), zeros where nobody labelled.

    In place of the share of annotators for each label. Without a belief, so that none learns from itself.

    Returns:
        None where `weigh_annotators` gives None.
    """
    votes = _votes(tasks, control, task_ids)
    if votes is None:
        return None
    rows, people, labels, annotators, _ = votes
    shape = (len(task_ids), len(annotators))
    found = find_consensus_of_votes(rows, people, labels, shape, n_classes=len(control.labels))
    is_labelled = np.zeros((len(task_ids), 1), dtype=np.float32)
    is_labelled[rows] = 1
    return np.asarray(found.probabilities.astype(np.float32) * is_labelled)


@dataclass(frozen=True, slots=True)
class Beside:
    """The given labels of one control beside what annotators and belief say together.

    Attributes:
        figures: what is known of each annotator's labels; see `Weighed.figures`.
        probabilities: (N, K) float32, of the consensus, in the belief's order; of tags each on its own.
        proposed: (L,) int64, the consensus of each label's task as a column; of tags see `Scored.proposed`.
        disagreement: (L,) in [0, 1], how likely each label is wrong by the consensus.
        apart: (L,) in [0, 1], the same by the belief alone, or by the consensus where that is less.
        is_contested: (L,) whether the consensus is another label, which somebody gave.
    """

    figures: Mapping[str, Any]
    probabilities: NDArray[np.float32]
    proposed: NDArray[np.int64]
    disagreement: NDArray[np.float64]
    apart: NDArray[np.float64]
    is_contested: NDArray[np.bool_]

    @property
    def conflict(self) -> NDArray[np.float64]:
        """(L,) in [0, 1], what the consensus adds: the noisy-or of `apart` and this is `disagreement`."""
        left = np.maximum(1.0 - self.apart, 1e-12)
        return np.asarray(np.clip((self.disagreement - self.apart) / left, 0.0, 1.0))

    def scored(self, alone: Scored, is_apart: bool) -> Scored:
        """Return the labels scored against the consensus.

        Args:
            alone: the same labels against the belief alone.
            is_apart: leave out `conflict`, which the detector of that name adds.
        """
        belief = replace(alone.belief, probabilities=self.probabilities)
        disagreement = np.where(self.is_contested & is_apart, self.apart, self.disagreement)
        return replace(alone, belief=belief, proposed=self.proposed, disagreement=disagreement)


def put_beside(scored: Scored, tasks: Sequence[Task]) -> Beside | None:
    """Score labels against the consensus of annotators and belief; None where there is none.

    Args:
        scored: against the belief alone.
        tasks: with the labels that are evidence.
    """
    weighed = weigh_annotators(tasks, scored.belief) if len(scored.rows) else None
    if weighed is None:
        return None
    consensus = weighed.consensus
    proposed = consensus.labels[scored.rows]
    disagreement = np.clip(1.0 - consensus.probabilities[scored.rows, scored.given], 0.0, 1.0)
    is_contested = (proposed != scored.given) & (consensus.agreement[scored.rows] > 0)
    return Beside(
        figures=weighed.figures(scored.belief.control),
        probabilities=consensus.probabilities.astype(np.float32),
        proposed=proposed,
        disagreement=disagreement,
        apart=np.minimum(scored.disagreement, disagreement),
        is_contested=is_contested,
    )


def _votes(
    tasks: Sequence[Task], control: Control, task_ids: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], tuple[str, ...], NDArray[np.bool_]] | None:
    """Return row, annotator and class of each label, the annotators' ids and which tasks several labelled."""
    if control.kind not in _KINDS or not 2 <= len(control.labels) <= _MOST_CLASSES:
        return None
    row_of = {int(task_id): row for row, task_id in enumerate(task_ids)}
    column: Mapping[str | None, int] = {label: k for k, label in enumerate(control.labels)}
    given = [
        (row_of[task.id], label.annotator, column[label.label])
        for task in tasks
        if task.id in row_of
        for label in task.labels
        if label.control == control.name
    ]
    n_people = np.bincount([row for row, _ in {each[:2] for each in given}], minlength=len(task_ids))
    if n_people.max(initial=0) < 2:
        return None
    annotators = tuple(sorted({who for _, who, _ in given}, key=lambda who: (len(who), who)))
    number = {who: a for a, who in enumerate(annotators)}
    rows, people, labels = np.array([(row, number[who], k) for row, who, k in given], dtype=np.int64).T
    return rows, people, labels, annotators, n_people > 1
