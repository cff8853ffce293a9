from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import pytest

from errata.review.overview import to_row
from errata.review.records import AuditRecord, FindingCounts, Project
from errata.review.status import Status

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


@dataclass
class OneTrace:
    kind: str
    ref: str = "1"


def status(*kinds: str) -> Status:
    audit = AuditRecord(3, 7, NOON, NOON, None, {}, "Label Studio was down.")
    return Status(
        project_id=7,
        findings=FindingCounts(0, 5, 0),
        to_review=3,
        reviewed=2,
        wrong=1,
        interval=(0.1, 0.9),
        sent_reviewed=4,
        sent_wrong=4,
        scanned=5,
        unclear=0,
        contradictions=(),
        pending=2,
        conflicts=(),
        last_audit=audit,
        changesets=(),
        footprint=tuple(OneTrace(kind) for kind in ("review_project", *kinds)),
    )


@pytest.mark.parametrize(
    ("kinds", "how"),
    [
        ((), "polling"),
        (("predictions",), "polling"),
        (("webhook", "webhook"), "webhooks"),
        (("ml_backend", "webhook"), "webhooks + backend"),
    ],
)
def test_a_row_says_how_errata_hears_of_a_project(kinds: tuple[str, ...], how: str) -> None:
    """By what connect added; without any of it, errata looks by itself."""
    assert to_row(Project(7, "Cars", "http://ls/"), status(*kinds)).connected == how


def test_a_row_does_not_tell_what_it_cannot_know() -> None:
    """Whether fixes still fit is known from Label Studio alone; the rest is as it was written down."""
    known = to_row(Project(7, "Cars", "http://ls/"), status())
    assert (known.to_review, known.reviewed, known.wrong, known.to_apply, known.conflicts) == (3, 2, 1, 2, 0)
    assert (known.last_audit, known.audit_problem, known.problem) == (NOON, "Label Studio was down.", None)
    gone = to_row(Project(7, "Cars", "http://ls/"), status(), "It is gone.")
    assert (gone.to_review, gone.reviewed, gone.to_apply, gone.conflicts) == (3, 2, None, None)
    assert gone.problem == "It is gone."
