"""Bring review tasks into the order that people are to be served in, and move as few as possible."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from errata.audit.ports import AuditLog, Progress, ReviewEntry, ReviewItem, ReviewQueue, Task
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
    fixed = _fixed(items, entries) | (by_key.keys() & set(staying))
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
    stayed = {item.finding_key for item in leaving if item.review_task_id not in deleted}
    inserting = [entry for entry in movable[n_kept:] if entry.finding.key not in stayed]
    for new in _chunks(inserting):
        # Before it stands there: a verdict follows what the reviewer is shown, also where this process dies now.
        log.record(project_id, [entry.finding for entry in new])
        ids = queue.insert(new)
        log.published({entry.finding.key: id_ for entry, id_ in zip(new, ids, strict=True)})
        progress.advance(len(new))
    n_open = len({entry.finding.key for entry in entries} | (by_key.keys() & set(staying)))
    return _account(items, n_open, inserting, deleted, log)


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
    before = {item.finding_key for item in items}
    inserted_keys = {entry.finding.key for entry in inserted}
    gone = {item.finding_key for item in items if item.review_task_id in deleted} - inserted_keys
    gone -= {item.finding_key for item in items if item.review_task_id not in deleted}
    log.published({i.finding_key: i.review_task_id for i in items if i.review_task_id not in deleted})
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
