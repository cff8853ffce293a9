from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errata.review.records import AuditRecord, FindingCounts
from errata.review.status import project_status

if TYPE_CHECKING:
    from tests.unit.review.conftest import Story


@dataclass
class OneTrace:
    kind: str = "webhook"
    ref: str = "3"


class ListTraces:
    def of_project(self, project_id: int) -> list[OneTrace]:
        return [OneTrace()]


class DictHistory:
    def __init__(self, keys: set[str]) -> None:
        self.keys = keys

    def last(self, project_id: int) -> AuditRecord | None:
        return None

    def counts(self, project_id: int) -> FindingCounts:
        return FindingCounts(1, len(self.keys), 2)

    def in_review(self, project_id: int) -> dict[str, int]:
        return dict.fromkeys(self.keys, 100)


def test_status_counts_findings_not_answers(story: Story) -> None:
    """Two reviewers of a finding are one review; what is unclear is no review; other streams are no suspects."""
    story.annotate(1, 2, 3, 4, 5, 6)
    first, second, third = story.find(1), story.find(2), story.find(3)
    story.answer(first, "take_proposal", reviewer="a")
    story.answer(first, "take_proposal", reviewer="b")
    story.answer(second, "keep")
    story.answer(third, "keep", "bus")
    story.answer(story.find(4, stream="sample"), "wrong")
    story.find(5)
    story.answer(story.find(6, stream="selected", proposed=None), "fix", "bus")
    story.take()
    story.annotations.edit(1, "bus")
    history = DictHistory(set(story.findings.findings))
    status = project_status(7, history, story.verdicts, story.journal, ListTraces(), story.plan())
    assert (status.reviewed, status.wrong, status.unclear, status.to_review) == (2, 1, 1, 1)
    assert status.sentence.startswith("2 reviewed, 1 wrong: 50 %, 95 % ")
    assert [contradiction.task_id for contradiction in status.contradictions] == [30]
    assert (status.sent_reviewed, status.sent_wrong) == (1, 1)
    assert (status.pending, len(status.conflicts), status.footprint) == (1, 1, (OneTrace(),))
