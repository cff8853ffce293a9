"""A Label Studio export with the confirmed fixes merged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from errata.review.changes import Place, place_of
from errata.review.own_writes import OwnWrites
from errata.review.plans import KEPT, Line, agreed_changes, kept_labels, line_of
from errata.review.ports import Edits, Journal, Verdicts
from errata.review.records import AuditRecord, Change, Verdict
from errata.review.relabelled import as_drawn
from errata.review.required import drawn_meanwhile, drawn_since
from errata.review.standing import Standing, judge

Json = dict[str, Any]
_OUTCOMES = {"due": "merged", "done": "in the source already", "conflict": "left out"}


def merged_export(
    project_id: int,
    tasks: Sequence[Json],
    verdicts: Verdicts,
    journal: Journal,
    audit: AuditRecord | None,
    edits: Edits,
) -> tuple[list[Json], Json]:
    """Merge the confirmed fixes into exported tasks and leave out those that reviewers found unusable.

    A fix is merged whether or not it was applied to the source; one that stands in the export already is left as
    it is. A label that somebody edited since its verdict is left alone and counted. Tasks without a fix are the
    same objects as in `tasks`, which is not changed.

    Args:
        project_id: the source project of the export.
        tasks: as in Label Studio's JSON export.
        verdicts: what was decided.
        journal: what errata wrote to the source.
        audit: the project's last one; None before the first.
        edits: finds, hashes and replaces labels.

    Returns:
        (tasks, manifest): the manifest says which audit, changesets and plan the export rests on, each line of the
        plan with what became of it, and counts.
    """
    records = verdicts.of_project(project_id)
    unusable = _unusable_tasks(records)
    of_annotation: defaultdict[int, list[Change]] = defaultdict(list)
    changes = sorted(agreed_changes(records, {}), key=lambda change: change.decided_at)
    for change in changes:
        of_annotation[change.annotation_id].append(change)
    written = OwnWrites(journal.entries(project_id), edits)
    merger = _Merger(of_annotation, written, kept_labels(records), edits)
    kept = [merger.merge(task) for task in tasks if task.get("id") not in unusable]
    manifest = {
        "project": project_id,
        "audit": _audit(audit),
        "model_versions": sorted({verdict.model_version for verdict in records}),
        "changesets": [
            {"id": id_, "opened_at": when.isoformat(), "annotations": n}
            for id_, when, n in journal.changesets(project_id)
            if n
        ],
        "tasks": len(kept),
        "tasks_dropped_as_unusable": len(tasks) - len(kept),
        "fixes_merged": merger.counts["due"],
        "fixes_in_the_source_already": merger.counts["done"],
        "fixes_left_out_because_the_label_changed": merger.counts["conflict"],
        "fixes_not_in_the_export": sum(line_of(change) not in merger.standings for change in changes),
        "fixes_by_class": [
            {"from": old, "to": new, "count": n} for (old, new), n in sorted(merger.pairs.items(), key=str)
        ],
        "plan": [_line(change, merger.standings.get(line_of(change))) for change in changes],
    }
    return kept, manifest


class _Merger:
    """Merges changes into exported tasks and counts what became of them."""

    def __init__(
        self,
        changes: Mapping[int, Sequence[Change]],
        written: OwnWrites,
        kept: Collection[tuple[Place, str]],
        edits: Edits,
    ) -> None:
        self._changes = changes
        self._written = written
        self._kept = kept
        self._edits = edits
        self.counts: Counter[str] = Counter()
        self.standings: dict[Line, Standing] = {}
        self.pairs: Counter[tuple[str | None, str | None]] = Counter()

    def merge(self, task: Json) -> Json:
        """Return the task with its fixes, itself where it has none."""
        annotations = task.get("annotations") or []
        merged = [self._merge_annotation(annotation) for annotation in annotations]
        if all(new is old for new, old in zip(merged, annotations, strict=True)):
            return task
        return {**task, "annotations": merged}

    def _merge_annotation(self, annotation: Json) -> Json:
        result = annotation.get("result") or []
        is_changed = False
        drawn = [as_drawn(change, result, self._edits) for change in self._changes.get(annotation.get("id", 0), ())]
        for change in self._written.moves_last(drawn, result):
            standing = self._judge(change, result)
            self.counts[standing.state] += 1
            self.standings[line_of(change)] = standing
            if standing.state == "due":
                result = self._written.with_change(result, change)
                is_changed = True
                self.pairs[change.old_label, change.new_label] += 1
        return {**annotation, "result": result} if is_changed else annotation

    def _judge(self, change: Change, result: Sequence[Json]) -> Standing:
        standing = judge(change, result, self._written, self._edits)
        if standing.state == "due" and (place_of(change), change.old_hash) in self._kept:
            return Standing("conflict", KEPT)
        if standing.state == "due" and change.adds_region and drawn_meanwhile(change, result, self._edits):
            return Standing("conflict", drawn_since(change))
        return standing


def _audit(audit: AuditRecord | None) -> Json | None:
    if audit is None:
        return None
    ended = audit.finished_at.isoformat() if audit.finished_at else None
    return {"id": audit.id, "started_at": audit.started_at.isoformat(), "finished_at": ended, "version": audit.version}


def _line(change: Change, standing: Standing | None) -> Json:
    return {
        "finding": change.finding_key,
        "task": change.task_id,
        "annotation": change.annotation_id,
        "control": change.control,
        "region": change.region_id,
        "from": change.old_label,
        "to": change.new_label,
        "decided_at": change.decided_at.isoformat(),
        "outcome": _OUTCOMES[standing.state] if standing else "not in the export",
        "why": standing.why or None if standing else None,
    }


def _unusable_tasks(verdicts: Sequence[Verdict]) -> set[int]:
    """Return the tasks of findings that all of their reviewers called unusable."""
    decisions: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    for verdict in verdicts:
        decisions[verdict.task_id, verdict.finding_key].add(verdict.decision)
    return {task_id for (task_id, _), said in decisions.items() if said == {"unusable"}}
