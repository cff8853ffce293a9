"""Where a project stands: what `errata status` shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from errata.review.estimates import share_sentence, wilson_interval
from errata.review.plans import Conflict, Plan
from errata.review.ports import History, Journal, Trace, Traces, Verdicts
from errata.review.records import AuditRecord, FindingCounts, Verdict
from errata_model.records import Stream


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A finding that has to be looked at again, and why."""

    finding_key: str
    task_id: int
    review_task_id: int | None  # None where it does not stand in the review project
    why: str


@dataclass(frozen=True, slots=True)
class Status:
    """Where a project stands.

    Attributes:
        project_id: the source project.
        findings: how many are in which state.
        to_review: findings in the review project without a verdict.
        reviewed: suspects that reviewers could decide; unclear ones do not count.
        wrong: those of them whose label was wrong.
        interval: (low, high), the 95 % interval of the share of wrong labels among suspects.
        sent_reviewed: findings sent by hand that reviewers could decide; they say nothing about suspects.
        sent_wrong: those of them whose label was wrong.
        scanned: findings that somebody looked at on the scan board and did not mark, and nobody decided about; they are
            none of the above.
        unclear: findings that reviewers could not decide, contradictions included.
        contradictions: what to look at again.
        pending: confirmed fixes that are not written to the source yet.
        conflicts: confirmed fixes that cannot be written as things are.
        last_audit: the latest audit, None before the first.
        changesets: (id, when, how many writes of it stand), oldest first.
        footprint: what errata has written where.
        connected_with: what `errata connect` was told, by the names of its options.
    """

    project_id: int
    findings: FindingCounts
    to_review: int
    reviewed: int
    wrong: int
    interval: tuple[float, float]
    sent_reviewed: int
    sent_wrong: int
    scanned: int
    unclear: int
    contradictions: tuple[Contradiction, ...]
    pending: int
    conflicts: tuple[Conflict, ...]
    last_audit: AuditRecord | None
    changesets: tuple[tuple[int, datetime, int], ...]
    footprint: tuple[Trace, ...]
    connected_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """ "40 reviewed, 14 wrong: 35 %, 95 % 22 to 51"."""
        return share_sentence(self.wrong, self.reviewed)


def project_status(
    project_id: int, history: History, verdicts: Verdicts, journal: Journal, traces: Traces, plan: Plan
) -> Status:
    """Gather where a project stands; `plan` is what `make_plan` says now."""
    records, in_review = verdicts.of_project(project_id), history.in_review(project_id)
    of_finding: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in records:
        of_finding[verdict.finding_key].append(verdict)
    reviewed, wrong = _reviewed(of_finding.values(), "suspect")
    sent_reviewed, sent_wrong = _reviewed(of_finding.values(), "selected")
    return Status(
        project_id=project_id,
        findings=history.counts(project_id),
        to_review=len(in_review.keys() - of_finding.keys()),
        reviewed=reviewed,
        wrong=wrong,
        interval=wilson_interval(wrong, reviewed),
        sent_reviewed=sent_reviewed,
        sent_wrong=sent_wrong,
        scanned=verdicts.scanned(project_id),
        unclear=sum(any(verdict.decision == "unclear" for verdict in group) for group in of_finding.values()),
        contradictions=tuple(_contradictions(records, in_review)),
        pending=len(plan.changes),
        conflicts=plan.conflicts,
        last_audit=history.last(project_id),
        changesets=tuple(journal.changesets(project_id)),
        footprint=tuple(traces.of_project(project_id)),
    )


def _reviewed(findings: Iterable[Sequence[Verdict]], stream: Stream) -> tuple[int, int]:
    """Return how many findings of a stream reviewers could decide, and how many of those labels were wrong."""
    of_stream = [verdicts for verdicts in findings if verdicts[0].stream == stream]
    decided = [verdicts for verdicts in of_stream if all(verdict.decision != "unclear" for verdict in verdicts)]
    return len(decided), sum(verdicts[0].is_wrong for verdicts in decided)


def _contradictions(verdicts: Sequence[Verdict], in_review: Mapping[str, int]) -> list[Contradiction]:
    return [
        Contradiction(
            verdict.finding_key,
            verdict.task_id,
            in_review.get(verdict.finding_key) or verdict.review_task_id or None,
            verdict.contradiction,
        )
        for verdict in {verdict.finding_key: verdict for verdict in verdicts if verdict.contradiction}.values()
        if verdict.contradiction
    ]
