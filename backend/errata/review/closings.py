"""Answers that errata itself wrote into the review project for decisions on the scan board, and what became of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from errata.review.ports import Answers
from errata.review.records import Answer, Settle


@dataclass(frozen=True, slots=True)
class Closing:
    """A decision on the scan board as it was written into the review project.

    Attributes:
        review_project_id: where it was written.
        annotation_id: of the answer that says it; None where errata was about to write it.
        decided_at: of the verdict that it says: another one is another decision.
    """

    finding_key: str
    reviewer_id: int
    review_project_id: int
    review_task_id: int
    annotation_id: int | None
    decided_at: datetime


class Closings(Protocol):
    """What was written into the review project for decisions on the scan board."""

    def recorded(self, project_id: int) -> list[Closing]:
        """Return what was written, of every decision."""

    def overrule(self, project_id: int, closings: Sequence[Closing], settle: Settle) -> int:
        """Forget these, and their verdicts unless these were decided anew; return how many verdicts went."""

    def review_tasks(self, keys: Sequence[str]) -> dict[str, int]:
        """Return finding -> review task, for those that stand in the review project."""


def own_echoes(read: Sequence[Answer], closings: Sequence[Closing]) -> frozenset[int]:
    """Return the annotations that errata wrote and that nobody changed since, those that it knows of.

    Args:
        read: the answers as they are now.
        closings: what errata wrote, or was about to write.
    """
    known = {(closing.review_task_id, closing.annotation_id) for closing in closings}
    return frozenset(
        answer.review_annotation_id
        for answer in read
        if answer.is_echo
        and not known.isdisjoint(((answer.review_task_id, answer.review_annotation_id), (answer.review_task_id, None)))
    )


def overruled(closings: Sequence[Closing], read: Sequence[Answer], answers: Answers) -> list[Closing]:
    """Return what people changed or deleted since errata wrote it: their answer counts, or that they took it away.

    Args:
        closings: what errata wrote.
        read: the answers as they are now, errata's own among them.
        answers: the review project.
    """
    echoes = {answer.review_annotation_id for answer in read if answer.is_echo}
    changed = {answer.review_annotation_id for answer in read} - echoes
    written = [closing for closing in closings if closing.annotation_id]
    gone = [closing for closing in written if closing.annotation_id in changed]
    unseen: defaultdict[int, list[Closing]] = defaultdict(list)
    for closing in written:
        if closing.annotation_id not in changed | echoes:
            unseen[closing.review_project_id].append(closing)
    for review_project_id, missing in unseen.items():
        there = answers.submitted(review_project_id, sorted({closing.review_task_id for closing in missing}))
        gone += [
            closing
            for closing in missing
            if closing.review_task_id in there and closing.annotation_id not in there[closing.review_task_id]
        ]
    return gone
