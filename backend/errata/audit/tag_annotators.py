"""Where several people tagged the same tasks: what they and the belief say together about every tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.annotators import Beside
from errata.audit.beliefs import ControlBelief
from errata.audit.scored import Scored
from errata.audit.snapshot import Task
from errata.audit.tags import NOTHING, answers_heard
from errata_model.kinds.tags.annotators import TagsConsensus, find_consensus_of_tags

_MOST_VOTES = 10_000_000  # answers times tags: a minute, and two gigabytes


def put_tags_beside(scored: Scored, evidence: Sequence[Task], tasks: Sequence[Task]) -> Beside | None:
    """Score tags, given and missing, against the consensus of annotators and belief; None where there is none.

    Args:
        scored: against the belief alone; of tags.
        evidence: the tasks with those labels alone that are evidence.
        tasks: the same tasks with all labels.
    """
    belief, columns = scored.belief, scored.tags
    answers = _answers(evidence, tasks, belief)
    if columns is None or answers is None or not len(scored.rows):
        return None
    found = find_consensus_of_tags(
        answers.rows, answers.people, answers.given, len(answers.annotators), belief.probabilities
    )
    together = found.probabilities[scored.rows, columns]
    is_given = scored.given != NOTHING
    disagreement = np.where(is_given, 1 - together, together)
    is_doubted = disagreement > 0.5
    gave = answers.shares(len(belief.task_ids))[scored.rows, columns]
    return Beside(
        figures=_figures(answers, found, belief),
        probabilities=found.probabilities.astype(np.float32),
        proposed=np.where(is_given ^ is_doubted, columns, NOTHING),
        disagreement=disagreement,
        apart=np.minimum(scored.disagreement, disagreement),
        is_contested=is_doubted & np.where(is_given, gave < 1, gave > 0),
    )


@dataclass(frozen=True, slots=True)
class _Answers:
    """V answers: the row of each one's task, the number of its annotator, and which of K tags it gives, (V, K)."""

    rows: NDArray[np.int64]
    people: NDArray[np.int64]
    given: NDArray[np.bool_]
    annotators: tuple[str, ...]

    def shares(self, n_tasks: int) -> NDArray[np.float64]:
        """Return (N, K) the share of each task's answers that give a tag."""
        gave = np.zeros((n_tasks, self.given.shape[1]))
        np.add.at(gave, self.rows, self.given)
        return np.asarray(gave / np.maximum(np.bincount(self.rows, minlength=n_tasks), 1)[:, None])

    @property
    def is_shared(self) -> NDArray[np.bool_]:
        """(V,) whether somebody else answered about the same task."""
        rows = np.unique(np.column_stack((self.rows, self.people)), axis=0)[:, 0]
        return np.asarray(np.bincount(rows)[self.rows] > 1)


def _answers(evidence: Sequence[Task], tasks: Sequence[Task], belief: ControlBelief) -> _Answers | None:
    """Return the answers; None where no two people answered about the same task, or there are too many."""
    row_of = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
    heard = [
        (row_of[answer.task_id], answer.annotator, given)
        for answer, given in answers_heard(evidence, tasks, belief.control)
        if answer.task_id in row_of
    ]
    n_tags = len(belief.control.labels)
    if not heard or len(heard) * n_tags > _MOST_VOTES:
        return None
    annotators = tuple(sorted({who for _, who, _ in heard}, key=lambda who: (len(who), who)))
    number = {who: a for a, who in enumerate(annotators)}
    said = np.zeros((len(heard), n_tags), dtype=np.bool_)
    for n, (*_, given) in enumerate(heard):
        said[n, sorted(given)] = True
    rows, people = np.array([(row, number[who]) for row, who, _ in heard], dtype=np.int64).T
    answers = _Answers(rows, people, said, annotators)
    return answers if answers.is_shared.any() else None


def _figures(answers: _Answers, found: TagsConsensus, belief: ControlBelief) -> dict[str, Any]:
    """Return what is known of each annotator's tags, as JSON; see `Weighed.figures`. Those given count alone."""
    is_shared = answers.is_shared
    shared = np.unique(answers.rows[is_shared])
    agreed = found.agreement[shared][answers.shares(len(belief.task_ids))[shared] > 0]
    annotators = []
    for a, annotator in enumerate(answers.annotators):
        mine = answers.people == a
        given = answers.given[mine]
        qualities = found.answer_quality[mine][given]
        quality = float(qualities.mean()) if len(qualities) else float(found.annotator_quality[a])
        annotators.append(
            {
                "annotator": annotator,
                "labels": int(given.sum()),
                "shared": int(answers.given[mine & is_shared].sum()),
                "quality": round(quality, 4),
            }
        )
    return {
        "control": belief.control.name,
        "shared_tasks": len(shared),
        "agreement": round(float(agreed.mean()), 4) if len(agreed) else 1.0,
        "annotators": annotators,
    }
