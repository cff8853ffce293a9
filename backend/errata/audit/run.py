"""The audit of one project, from reading it to a filled review project."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from errata.audit.believe import Belief, Believer
from errata.audit.evidence import from_predictions
from errata.audit.guideline import overlap_remarks
from errata.audit.missing_regions import recognise_missing
from errata.audit.ports import Artefacts, AuditLog, PredictionSink, Progress, Regions, ReviewQueue, Source
from errata.audit.publish import publish
from errata.audit.push import push_predictions
from errata.audit.region_skill import region_skill_remarks
from errata.audit.review_order import Published
from errata.audit.skill import skill_remarks
from errata.audit.snapshot import Snapshot
from errata.audit.support import support_remarks
from errata.audit.suspect import Findings, find_suspects
from errata.errors import ErrataError, NothingToLearn
from errata.settings import PredictionsMode
from errata_model.records import Control


@dataclass(frozen=True, slots=True)
class Examination:
    """What was read, believed and found; nothing is written yet."""

    snapshot: Snapshot
    belief: Belief
    findings: Findings
    skipped: Counter[str]
    seconds: float

    def summary(self) -> dict[str, Any]:
        """Return the counts, as JSON."""
        return {
            "project": self.snapshot.project_id,
            "tasks": len(self.snapshot.tasks),
            "labels": sum(finding.given.label is not None for finding in self.findings.all),
            "doubted": self.findings.n_doubted,
            "suspects": len(self.findings.suspects),
            "model_version": self.belief.artefact.version,
            "caution": self.belief.caution or None,
            "from_predictions": from_predictions(self.snapshot.tasks),
            "remarks": list(self.belief.remarks),
            "annotators": list(self.findings.annotators),
            "skipped": dict(self.skipped.most_common()),
            "unusable": {
                str(task_id): why for media in self.belief.embedded.values() for task_id, why in media.unusable.items()
            },
            "refused_controls": list(self.snapshot.refused),
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where an audit's results go: Label Studio and errata's own memory.

    Attributes:
        log: remembers the audit and its findings.
        artefacts: keeps the belief.
        sink: given the source as the audit read it, takes predictions. The label config may have changed just before.
        queue: given the same, is the review project.
        by_item: all findings about the regions of an annotation are one review task, and not one each.
    """

    log: AuditLog
    artefacts: Artefacts
    sink: Callable[[Snapshot], PredictionSink]
    queue: Callable[[Snapshot], ReviewQueue]
    by_item: bool = False


def examine(
    snapshot: Snapshot, believer: Believer, regions: Regions, progress: Progress, limit: int | None = None
) -> Examination:
    """Form a belief about a snapshot and find its suspects."""
    began = time.monotonic()
    snapshot = _with_marked(snapshot, progress)
    belief = believer.believe(snapshot, progress)
    progress.stage("Looking for suspects")
    findings = find_suspects(snapshot, belief, regions, limit)
    said = (
        *skill_remarks(snapshot, belief),
        *region_skill_remarks(snapshot, belief.artefact.region_beliefs),
        *support_remarks(snapshot, belief),
        *overlap_remarks(snapshot, belief),
    )
    belief = replace(belief, remarks=(*belief.remarks, *said))
    skipped = snapshot.skipped + belief.skipped
    for media in belief.embedded.values():
        skipped.update(media.problems())
    return Examination(snapshot, belief, findings, skipped, time.monotonic() - began)


def _with_marked(snapshot: Snapshot, progress: Progress) -> Snapshot:
    """Leave controls alone that nobody answered, or marked a region for: nobody says that there is nothing to mark."""
    marked = {drawn.answer.control for task in snapshot.tasks for drawn in task.drawn if drawn.regions}
    answered = {label.control for task in snapshot.tasks for label in (*task.labels, *task.answers)}
    unmarked = [each for each in snapshot.controls if each.has_regions and each.name not in marked]
    empty = [c for c in snapshot.controls if not (c.has_regions or c.has_values) and c.name not in answered]
    if len(unmarked) == len(snapshot.controls):
        left_out = ", ".join(f"{n} x {what}" for what, n in snapshot.skipped.most_common(3))
        raise NothingToLearn(
            f'"{snapshot.title}" cannot be audited yet: nobody has marked a region for {_named(unmarked)}.'
            + (f" Left out: {left_out}." if left_out else "")
        )
    if len(unmarked) + len(empty) == len(snapshot.controls):
        empty = []  # what learns says what it needs
    for what, left in (("marked a region for", unmarked), ("answered", empty)):
        if left:
            progress.say(f"Left alone: nobody has {what} {_named(left)}.")
    left_alone = (*unmarked, *empty)
    if not left_alone:
        return snapshot
    return replace(snapshot, controls=tuple(each for each in snapshot.controls if each not in left_alone))


def _named(controls: Sequence[Control]) -> str:
    return ", ".join(f'"{control.name}"' for control in controls)


def run_audit(
    project_id: int,
    source: Source,
    believer: Believer,
    regions: Regions,
    outlets: Outlets,
    mode: PredictionsMode,
    progress: Progress,
    limit: int | None = None,
) -> tuple[Examination, Published, int]:
    """Audit a project; return what was found, what was published and how many predictions were stored.

    Raises:
        AuditRunning: another audit of the project is under way.
    """
    with outlets.log.exclusive(project_id):
        snapshot = source.read(progress)
        audit_id = outlets.log.begin(snapshot)
        try:
            examination = examine(snapshot, believer, regions, progress, limit)
            if examination.belief.artefact.region_beliefs:
                earlier = outlets.log.missing_regions(project_id)
                findings = recognise_missing(snapshot, examination.findings, earlier, regions)
                examination = replace(examination, findings=findings)
            return _deliver(audit_id, examination, regions, outlets, mode, progress)
        except ErrataError as error:
            outlets.log.fail(audit_id, str(error))
            raise
        except BaseException as error:
            outlets.log.fail(audit_id, f"stopped by {type(error).__name__}")
            raise


def _deliver(
    audit_id: int,
    examination: Examination,
    regions: Regions,
    outlets: Outlets,
    mode: PredictionsMode,
    progress: Progress,
) -> tuple[Examination, Published, int]:
    snapshot, artefact = examination.snapshot, examination.belief.artefact
    earlier = outlets.log.versions(snapshot.project_id)
    outlets.artefacts.save(snapshot.project_id, artefact)
    outlets.log.record(snapshot.project_id, examination.findings.suspects)
    n_predictions = push_predictions(snapshot, artefact, mode, outlets.sink(snapshot), regions, earlier, progress)
    queue, log = outlets.queue(snapshot), outlets.log
    published = publish(snapshot, examination.findings, queue, log, progress, outlets.by_item)
    outlets.log.finish(audit_id, artefact.version, _outcome(examination, published, n_predictions))
    return examination, published, n_predictions


def _outcome(examination: Examination, published: Published, n_predictions: int) -> Mapping[str, Any]:
    return {
        **examination.summary(),
        "predictions": n_predictions,
        "open": published.n_open,
        "inserted": published.n_inserted,
        "withdrawn": published.n_withdrawn,
        "moved": published.n_moved,
        "newest_change": examination.snapshot.newest_change,
    }
