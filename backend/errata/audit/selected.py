"""Findings that a person sent: any label of any task, whatever the belief says about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from errata.audit.beliefs import NO_VERSION, Artefact
from errata.audit.believe import Belief
from errata.audit.items import by_annotation
from errata.audit.ports import AuditLog, ChosenTasks, Progress, Regions, ReviewEntry, ReviewItem, ReviewQueue
from errata.audit.review_order import arrange, item_entry, review_entry
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import find_suspects
from errata.audit.wording import question
from errata_model.records import Finding, GivenLabel, finding_key

DETECTOR = "selected"
_REASON = "Sent by hand."


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a selection of tasks.

    Attributes:
        tasks: that were found.
        labels: given labels that they hold, one a control and annotation.
        sent: labels that are new in the review project.
        already_there: labels that stood there already, or are decided.
        unlabelled: tasks without a label to review.
    """

    tasks: int
    labels: int
    sent: int
    already_there: int
    unlabelled: int


def as_selected(finding: Finding) -> Finding:
    """Return a finding as one that a person sent; its evidence is told where it supports a proposal."""
    return replace(
        finding,
        stream="selected",
        detectors={**finding.detectors, DETECTOR: 1.0},
        reason=f"{_REASON} {finding.reason}".strip() if finding.proposal else _REASON,
    )


def selected_findings(snapshot: Snapshot, artefact: Artefact | None, regions: Regions) -> list[Finding]:
    """Make a finding of every given label of the snapshot, in its order.

    Args:
        snapshot: the tasks that were sent.
        artefact: what the last audit believes; used for controls that have not changed since. A label that it says
            nothing about gets no proposal, and 0 as its disagreement.
        regions: writes proposals.
    """
    believed = {finding.key: as_selected(finding) for finding in _believed(snapshot, artefact, regions)}
    version = artefact.version if artefact else NO_VERSION
    labels = [label for task in snapshot.tasks for label in task.labels]
    keys = [finding_key(snapshot.url, snapshot.project_id, label) for label in labels]
    return [believed.get(key) or _unknown(key, label, version) for key, label in zip(keys, labels, strict=True)]


def _believed(snapshot: Snapshot, artefact: Artefact | None, regions: Regions) -> tuple[Finding, ...]:
    if artefact is None:
        return ()
    valid = tuple(belief for belief in artefact.beliefs if belief.control in snapshot.controls)
    drawn = tuple(belief for belief in artefact.region_beliefs if belief.control in snapshot.controls)
    is_own = any(belief.encoder for belief in valid) or any(belief.model for belief in drawn)
    source = "The model never saw this label." if is_own else ""
    answered = tuple(belief for belief in artefact.value_beliefs if belief.control in snapshot.controls)
    believed = replace(artefact, beliefs=valid, region_beliefs=drawn, value_beliefs=answered)
    belief = Belief(believed, {}, source)
    return find_suspects(snapshot, belief, regions, limit=0, detectors=()).all  # they would see these tasks alone


def _unknown(key: str, given: GivenLabel, version: str) -> Finding:
    return Finding(key, given, {DETECTOR: 1.0}, 0.0, None, _REASON, None, "selected", version)


def send(
    task_ids: Sequence[int],
    source: ChosenTasks,
    artefact: Artefact | None,
    regions: Regions,
    queue: ReviewQueue,
    log: AuditLog,
    progress: Progress,
    by_item: bool = False,
) -> Sent:
    """Post every label of these tasks into the review project; twice is once.

    They stand by their disagreement, like all others, and no audit withdraws them. A label that is there already, or
    that is decided, is left as it is: a suspect stays a suspect.

    To be called while holding the project for an audit. `by_item`: see `publish`.
    """
    snapshot = source.read_chosen(task_ids, progress)
    return _post(snapshot, selected_findings(snapshot, artefact, regions), source, queue, log, progress, by_item)


def send_findings(
    findings: Sequence[Finding],
    source: ChosenTasks,
    queue: ReviewQueue,
    log: AuditLog,
    progress: Progress,
    by_item: bool = False,
) -> Sent:
    """Post these labels into the review project, and no others of their tasks; see `send`.

    Those that have changed since they were believed about are left out.
    """
    snapshot = source.read_chosen(sorted({finding.given.task_id for finding in findings}), progress)
    labels = {finding_key(snapshot.url, snapshot.project_id, label) for task in snapshot.tasks for label in task.labels}
    tasks = {task.id for task in snapshot.tasks}
    standing = [
        as_selected(finding)
        for finding in findings
        if (finding.given.task_id in tasks if finding.given.label is None else finding.key in labels)
    ]
    return _post(snapshot, standing, source, queue, log, progress, by_item)


def _post(
    snapshot: Snapshot,
    findings: Sequence[Finding],
    source: ChosenTasks,
    queue: ReviewQueue,
    log: AuditLog,
    progress: Progress,
    by_item: bool,
) -> Sent:
    items, decided = queue.items(), log.decided(snapshot.project_id)
    closed = decided | {key for item in items for key in item.keys}
    new = [finding for finding in findings if finding.key not in closed]
    log.mark_selected(snapshot, [finding.key for finding in findings if finding.key not in decided], new)
    if new:
        tasks = {task.id: task for task in snapshot.tasks}
        single, several = by_annotation(new, ()) if by_item else (new, ())
        entries = [review_entry(finding, tasks[finding.given.task_id], None) for finding in single]
        entries += [item_entry(group, tasks[group[0].given.task_id], {}) for group in several]
        behind = [item for item in items if item.shown < max(entry.shown for entry in entries)]
        moving = list(_as_they_stand(behind, source, log, progress))
        staying = {item.finding_key for item in items} - {entry.finding.key for entry in moving}
        arrange(snapshot.project_id, [*moving, *entries], staying, items, queue, log, progress)
    n_unlabelled = sum(not task.labels for task in snapshot.tasks)
    return Sent(len(snapshot.tasks), len(findings), len(new), len(findings) - len(new), n_unlabelled)


def _as_they_stand(
    items: Sequence[ReviewItem], source: ChosenTasks, log: AuditLog, progress: Progress
) -> Iterator[ReviewEntry]:
    """Yield review tasks as they could be inserted again; not those whose source task is gone."""
    standing = {item.finding_key: item for item in reversed(items) if not item.is_touched}  # the first of two wins
    known = log.get([key for item in standing.values() for key in item.keys])
    read = source.read_chosen(sorted({finding.given.task_id for finding in known.values()}), progress)
    tasks = {task.id: task for task in read.tasks}
    for key, item in standing.items():
        findings = tuple(known[each] for each in item.keys if each in known)
        task = tasks.get(findings[0].given.task_id) if len(findings) == len(item.keys) else None
        if task is not None:
            several = None if item.several is None else findings
            yield ReviewEntry(known[key], task, question(known[key]), item.shown, item.fingerprint, several)
