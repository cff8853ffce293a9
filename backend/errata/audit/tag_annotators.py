"""Where several people tagged the same tasks: what they and the belief say together about every tag.

Every tag of every task is a question of its own with two answers, given or left out, and annotators are weighed over
all of them together: how often each gives a tag that is right, and one that is not. So a tag that was given twice is
judged by what its annotators are worth elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.annotators import Beside
from errata.audit.ports import ControlBelief, Task
from errata.audit.scored import Scored
from errata.audit.tags import NOTHING, answers_heard
from errata_model.kinds.choices.annotators import Consensus, find_consensus_of_votes

_MOST_VOTES = 10_000_000  # answers times tags: a minute, and two gigabytes


def put_tags_beside(scored: Scored, evidence: Sequence[Task], tasks: Sequence[Task]) -> Beside | None:
    """Score tags, given and missing, against the consensus of annotators and belief; None where there is none.

    Args:
        scored: against the belief alone; of tags.
        evidence: the tasks with those labels alone that are evidence.
        tasks: the same tasks with all labels.
    """
    belief, columns = scored.belief, scored.tags
    votes = _Votes.of(evidence, tasks, belief)
    if columns is None or votes is None or not len(scored.rows):
        return None
    probabilities = belief.probabilities.reshape(-1, 1).astype(np.float64)
    shape = (len(probabilities), len(votes.annotators))
    found = find_consensus_of_votes(
        votes.cells, votes.people, votes.said, shape, np.hstack((1 - probabilities, probabilities))
    )
    together = found.probabilities[:, 1].reshape(belief.probabilities.shape)
    is_given = scored.given != NOTHING
    disagreement = np.where(is_given, 1 - together[scored.rows, columns], together[scored.rows, columns])
    is_doubted = disagreement > 0.5
    gave = votes.shares[scored.rows, columns]
    return Beside(
        figures=votes.figures(belief, found),
        probabilities=together.astype(np.float32),
        proposed=np.where(is_given ^ is_doubted, columns, NOTHING),
        disagreement=disagreement,
        apart=np.minimum(scored.disagreement, disagreement),
        is_contested=is_doubted & (np.where(is_given, gave < 1, gave > 0)),
    )


class _Votes:
    """What annotators said of every tag of every task: a cell is a task's row times K, and the tag's column."""

    def __init__(
        self,
        cells: NDArray[np.int64],
        people: NDArray[np.int64],
        said: NDArray[np.int64],
        annotators: tuple[str, ...],
        shape: tuple[int, int],
    ) -> None:
        self.cells, self.people, self.said, self.annotators = cells, people, said, annotators
        one_each = np.unique(np.stack((cells, people), axis=1), axis=0)[:, 0]
        self.is_shared = np.bincount(one_each, minlength=shape[0] * shape[1]) > 1
        n_said = np.bincount(cells, minlength=self.is_shared.size)
        n_given = np.bincount(cells, said, minlength=self.is_shared.size)
        self.shares = (n_given / np.maximum(n_said, 1)).reshape(shape)

    @classmethod
    def of(cls, evidence: Sequence[Task], tasks: Sequence[Task], belief: ControlBelief) -> _Votes | None:
        """Return what was said; None where no two people answered about the same task, or too much was said."""
        row_of = {int(task_id): row for row, task_id in enumerate(belief.task_ids)}
        heard = [
            (row_of[answer.task_id], answer.annotator, given)
            for answer, given in answers_heard(evidence, tasks, belief.control)
            if answer.task_id in row_of
        ]
        n_tags = len(belief.control.labels)
        n_people = np.bincount([row for row, _ in {each[:2] for each in heard}], minlength=1)
        if n_people.max(initial=0) < 2 or len(heard) * n_tags > _MOST_VOTES:
            return None
        annotators = tuple(sorted({who for _, who, _ in heard}, key=lambda who: (len(who), who)))
        number = {who: a for a, who in enumerate(annotators)}
        rows = np.array([row for row, *_ in heard], dtype=np.int64)
        said = np.zeros((len(heard), n_tags), dtype=np.int64)
        for n, (*_, given) in enumerate(heard):
            said[n, sorted(given)] = 1
        cells = rows[:, None] * n_tags + np.arange(n_tags)
        people = np.repeat(np.array([number[who] for _, who, _ in heard], dtype=np.int64), n_tags)
        return cls(cells.ravel(), people, said.ravel(), annotators, (len(belief.task_ids), n_tags))

    def figures(self, belief: ControlBelief, found: Consensus) -> dict[str, Any]:
        """Return what is known of each annotator's tags, as JSON; see `Weighed.figures`. Those given count alone."""
        is_given, is_shared = self.said == 1, self.is_shared[self.cells]
        shared = np.flatnonzero(self.is_shared & (self.shares.ravel() > 0))
        n_tags = len(belief.control.labels)
        return {
            "control": belief.control.name,
            "shared_tasks": len(np.unique(self.cells[is_shared] // n_tags)),
            "agreement": round(float(found.agreement[shared].mean()), 4) if len(shared) else 1.0,
            "annotators": [
                {
                    "annotator": annotator,
                    "labels": int((mine & is_given).sum()),
                    "shared": int((mine & is_given & is_shared).sum()),
                    "quality": _mean(found.label_quality[mine & is_given], float(found.annotator_quality[a])),
                }
                for a, annotator in enumerate(self.annotators)
                for mine in (self.people == a,)
            ],
        }


def _mean(qualities: NDArray[np.float64], otherwise: float) -> float:
    return round(float(qualities.mean()) if len(qualities) else otherwise, 4)
