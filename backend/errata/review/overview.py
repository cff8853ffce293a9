"""Where every project stands: a row each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from errata.review.ports import Trace
from errata.review.records import Project
from errata.review.status import Status


@dataclass(frozen=True, slots=True)
class Row:
    """Where a project stands, in a row.

    Attributes:
        project: the source project's id.
        title: the source project's.
        to_review: findings in the review project without a verdict.
        reviewed: suspects that reviewers could decide.
        wrong: those of them whose label was wrong.
        interval: (low, high), the 95 % interval of the share of wrong labels among suspects.
        to_apply: confirmed fixes that are not written yet; None where Label Studio could not be asked.
        conflicts: confirmed fixes that cannot be written as things are; None likewise.
        last_audit: when it began, None before the first.
        audit_problem: why the last audit failed.
        connected: how errata hears of the project: "webhooks + backend", "webhooks", "backend" or "polling".
        problem: why Label Studio could not be asked; the other figures are as written down before.
    """

    project: int
    title: str
    to_review: int
    reviewed: int
    wrong: int
    interval: tuple[float, float]
    to_apply: int | None
    conflicts: int | None
    last_audit: datetime | None
    audit_problem: str | None
    connected: str
    problem: str | None


def to_row(project: Project, status: Status, problem: str | None = None) -> Row:
    """Say in a row where a project stands; with a `problem`, what `status` was made from is from before."""
    audit = status.last_audit
    return Row(
        project=project.id,
        title=project.title,
        to_review=status.to_review,
        reviewed=status.reviewed,
        wrong=status.wrong,
        interval=status.interval,
        to_apply=None if problem else status.pending,
        conflicts=None if problem else len(status.conflicts),
        last_audit=audit.started_at if audit else None,
        audit_problem=audit.problem if audit else None,
        connected=_connected(status.footprint),
        problem=problem,
    )


def _connected(traces: tuple[Trace, ...]) -> str:
    kinds = {trace.kind for trace in traces}
    ways = [word for kind, word in (("webhook", "webhooks"), ("ml_backend", "backend")) if kind in kinds]
    return " + ".join(ways) or "polling"
