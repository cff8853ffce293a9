"""Bring the review project in line with what the audit found. Twice is once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from errata.audit.items import by_annotation, held
from errata.audit.ports import AuditLog, Progress, ReviewEntry, ReviewQueue
from errata.audit.review_order import Published, arrange, item_entry, review_entry
from errata.audit.selected import as_selected
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import Findings
from errata_model.records import Finding


def publish(
    snapshot: Snapshot,
    findings: Findings,
    queue: ReviewQueue,
    log: AuditLog,
    progress: Progress,
    by_item: bool = False,
) -> Published:
    """Insert, withdraw and reorder review tasks; see `arrange`.

    What stands there and was left without a belief this time, because its media could not be read, say, stays.

    Args:
        snapshot: the source.
        findings: what the audit found.
        queue: the review project.
        log: remembers findings.
        progress: is told how far it is.
        by_item: all findings about the regions of an annotation are one review task, and not one each.
    """
    items = queue.items()
    decided, selected = log.decided(snapshot.project_id), log.selected(snapshot.project_id)
    standing = {key: item.shown for item in reversed(items) for key in item.keys}
    unpublished = (findings.unscored & selected.keys()) - decided - standing.keys()
    wanted = [*_wanted(findings, standing, selected, decided), *(selected[key] for key in unpublished)]
    staying, elsewhere = held(items, findings.unscored, {finding.key for finding in wanted})
    wanted = [finding for finding in wanted if finding.key not in elsewhere]
    touched = {item.finding_key for item in items if item.is_touched}
    entries = _entries(snapshot, wanted, standing, touched, by_item)
    return arrange(snapshot.project_id, entries, staying, items, queue, log, progress)


def _wanted(
    findings: Findings, standing: Mapping[str, float], selected: Mapping[str, Finding], decided: set[str]
) -> Iterator[Finding]:
    """Yield what should stand in the queue, of what the belief says something about.

    Suspects that have no verdict; published suspects that are none any more but have not fallen below half the cut:
    the queue does not flicker; and what a person sent.
    """
    suspects = {finding.key for finding in findings.suspects}
    for finding in findings.all:
        sent = selected.get(finding.key)
        was_suspect = finding.key in standing and (sent is None or sent.stream == "suspect")
        if finding.key in decided:
            continue
        if finding.key in suspects or (was_suspect and _is_above(finding, findings.cut / 2)):
            yield finding
        elif sent is not None:
            yield as_selected(finding)


def _entries(
    snapshot: Snapshot, wanted: Sequence[Finding], standing: Mapping[str, float], touched: set[str], by_item: bool
) -> list[ReviewEntry]:
    tasks = {task.id: task for task in snapshot.tasks}
    single, several = by_annotation(wanted, touched) if by_item else (wanted, ())
    one_each = [review_entry(finding, tasks[finding.given.task_id], standing.get(finding.key)) for finding in single]
    return [*one_each, *(item_entry(group, tasks[group[0].given.task_id], standing) for group in several)]


def _is_above(finding: Finding, least: float) -> bool:
    return finding.disagreement >= least and finding.disagreement > 0
