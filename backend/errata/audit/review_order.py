"""Bring review tasks into the order that people are to be served in, and move as few as possible."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from errata.audit.ports import AuditLog, Progress, ReviewEntry, ReviewItem, ReviewQueue
from errata.audit.snapshot import Task
from errata.audit.wording import question
from errata_model.records import Finding

CHUNK = 250
SHOWN_DIGITS = 4
NEXT_UP = 20
STEADY_LOGIT = 0.5  # a review task keeps its disagreement until the log-odds have moved by more, and its place with it

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing did to the review project."""

    n_open: int
    n_inserted: int
    n_withdrawn: int
    n_moved: int  # deleted and inserted again because the order or the text changed


def review_entry(finding: Finding, task: Task, stands: float | None) -> ReviewEntry:
    """Return a finding as it should stand in the review project; `stands` is the disagreement that it shows there."""
    shown = finding.disagreement if stands is None or not _is_close(stands, finding.disagreement) else stands
    shown = round(shown, SHOWN_DIGITS)
    said = [finding.given.label, finding.proposal.label if finding.proposal else None, shown]
    if finding.stream != "suspect":
        said.append(finding.stream)
    fingerprint = hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]
    return ReviewEntry(finding, task, question(finding), shown, fingerprint)


def item_entry(findings: Sequence[Finding], task: Task, standing: Mapping[str, float]) -> ReviewEntry:
    """Return all findings about an annotation as one review task; it stands by the worst of them.

    So it is where a queue of single findings has its first question about this annotation.

    Args:
        findings: about regions of one annotation, at least one.
        task: the annotation's.
        standing: finding key -> the disagreement that its review task shows.
    """
    several = tuple(sorted(findings, key=lambda finding: (-finding.disagreement, finding.key)))
    worst = review_entry(several[0], task, standing.get(several[0].key))
    each = sorted(
        [one.key, one.given.label, one.proposal.label if one.proposal else None, one.stream] for one in several
    )
    fingerprint = hashlib.sha256(json.dumps([worst.fingerprint, each]).encode()).hexdigest()[:12]
    return replace(worst, fingerprint=fingerprint, several=several)


def _is_close(stands: float, now: float) -> bool:
    return abs(_logit(stands) - _logit(now)) <= STEADY_LOGIT


def _logit(probability: float) -> float:
    bounded = min(max(probability, 10**-SHOWN_DIGITS), 1 - 10**-SHOWN_DIGITS)
    return math.log(bounded / (1 - bounded))


def arrange(
    project_id: int,
    wanted: Sequence[ReviewEntry],
    staying: Collection[str],
    items: Sequence[ReviewItem],
    queue: ReviewQueue,
    log: AuditLog,
    progress: Progress,
) -> Published:
    """Insert, withdraw and reorder review tasks so that the most likely errors are served first.

    People are served by ascending task id, so a new review task goes last. The longest head of the wanted order
    that stands already stays; what follows is deleted, unless somebody touched it, and inserted in order. Once people
    review, the `NEXT_UP` tasks that are served next stay too: Label Studio does not tell who has one open.

    Args:
        project_id: the source project.
        wanted: what should stand there.
        staying: keys of what stands there and is left where it is, wanted or not.
        items: what stands there.
        queue: the review project.
        log: is told of each finding before it is inserted, and where it stands then.
        progress: is told how far it is.
    """
    entries = sorted(wanted, key=lambda entry: (-entry.shown, entry.finding.key))
    by_key = {item.finding_key: item for item in reversed(items)}  # the first of two wins
    stays = set(staying)
    fixed = _fixed(items, entries) | {item.finding_key for item in items if not stays.isdisjoint(item.keys)}
    movable = [entry for entry in entries if entry.finding.key not in fixed]
    n_kept = _standing_head(movable, by_key)
    kept = fixed | {entry.finding.key for entry in movable[:n_kept]}
    leaving = [
        item
        for item in items
        if not item.is_touched and (item.finding_key not in kept or by_key[item.finding_key] is not item)
    ]
    progress.stage("Publishing", len(leaving) + len(movable) - n_kept)
    deleted = set()
    for part in _chunks(leaving):
        deleted.update(queue.delete([item.review_task_id for item in part]))
        progress.advance(len(part))
    stayed = {key for item in leaving if item.review_task_id not in deleted for key in item.keys}
    inserting = [entry for entry in movable[n_kept:] if stayed.isdisjoint(_keys(entry))]
    for new in _chunks(inserting):
        # Before it stands there: a verdict follows what the reviewer is shown, also where this process dies now.
        log.record(project_id, [finding for entry in new for finding in entry.findings])
        ids = queue.insert(new)
        log.published({key: id_ for entry, id_ in zip(new, ids, strict=True) for key in _keys(entry)})
        progress.advance(len(new))
    n_open = len({key for entry in entries for key in _keys(entry)} | {k for i in items for k in i.keys if k in stays})
    return _account(items, n_open, inserting, deleted, log)


def _keys(entry: ReviewEntry) -> list[str]:
    return [finding.key for finding in entry.findings]


def _fixed(items: Sequence[ReviewItem], entries: Sequence[ReviewEntry]) -> set[str]:
    """Return the keys of what must not be moved: touched ones, and, where there are some, those served next."""
    touched = {item.finding_key for item in items if item.is_touched}
    if not touched:
        return touched
    fingerprints = {entry.finding.key: entry.fingerprint for entry in entries}
    next_up = [item for item in items if not item.is_touched][:NEXT_UP]
    return touched | {i.finding_key for i in next_up if fingerprints.get(i.finding_key) == i.fingerprint}


def _standing_head(entries: Sequence[ReviewEntry], by_key: Mapping[str, ReviewItem]) -> int:
    """Return how many entries from the first on stand in the review project as they should, in this order."""
    last_id = 0
    for n, entry in enumerate(entries):
        item = by_key.get(entry.finding.key)
        if item is None or item.fingerprint != entry.fingerprint or item.review_task_id <= last_id:
            return n
        last_id = item.review_task_id
    return len(entries)


def _account(
    items: Sequence[ReviewItem],
    n_open: int,
    inserted: Sequence[ReviewEntry],
    deleted: set[int],
    log: AuditLog,
) -> Published:
    left = [item for item in items if item.review_task_id not in deleted]
    before = {key for item in items for key in item.keys}
    inserted_keys = {key for entry in inserted for key in _keys(entry)}
    gone = before - inserted_keys - {key for item in left for key in item.keys}
    log.published({key: item.review_task_id for item in left for key in item.keys})
    log.withdrawn(sorted(gone))
    return Published(
        n_open=n_open,
        n_inserted=len(inserted_keys - before),
        n_withdrawn=len(gone),
        n_moved=len(inserted_keys & before),
    )


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
