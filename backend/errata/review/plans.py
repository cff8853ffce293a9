"""Change plans: what confirmed verdicts would write to the source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from errata.review.changes import Place, place_of
from errata.review.other_edits import other_edits
from errata.review.own_writes import OwnWrites
from errata.review.ports import Annotations, Edits, Findings, Journal, Verdicts
from errata.review.records import Change, JournalEntry, Verdict
from errata.review.recovery import recover
from errata.review.relabelled import all_as_drawn
from errata.review.required import LAST, adds_too_many, drawn_meanwhile, drawn_since, takes_the_last
from errata.review.standing import judge
from errata_model.records import Control

KEPT = "a reviewer who was asked about it wants it as it is"
SAYS_OTHERWISE = "a reviewer who was asked about this region says otherwise"
Line = tuple[str, str, "str | None", "str | None"]  # finding, control, region, tag
Attempt = tuple[Line, "str | None", datetime]  # new label, when it was decided


@dataclass(frozen=True, slots=True)
class Conflict:
    """A change that is left alone, and why, in words."""

    change: Change
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be written to a source project.

    Attributes:
        project_id: the source project.
        changes: the lines, by task, annotation and control.
        conflicts: confirmed fixes that cannot be written as things are.
        undone: fixes that were applied and undone, and not decided anew since; they are left out.
        applied: how many fixes stand in the source already.
        other_edits: what reviewers made of other regions than those that they were asked about, where it was not
            asked for and does not stand in the source.
    """

    project_id: int
    changes: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]
    undone: tuple[Change, ...]
    applied: int
    other_edits: tuple[Change, ...] = ()

    @property
    def by_annotation(self) -> dict[int, tuple[Change, ...]]:
        """The lines of each annotation, which become one write."""
        merged: defaultdict[int, list[Change]] = defaultdict(list)
        for change in self.changes:
            merged[change.annotation_id].append(change)
        return {annotation_id: tuple(changes) for annotation_id, changes in merged.items()}

    @property
    def counts(self) -> list[tuple[str | None, str | None, int]]:
        """(from, to, how many), most frequent first."""
        pairs = Counter((change.old_label, change.new_label) for change in self.changes)
        return [(old, new, n) for (old, new), n in sorted(pairs.items(), key=lambda pair: (-pair[1], str(pair[0])))]


def make_plan(
    project_id: int,
    verdicts: Verdicts,
    findings: Findings,
    journal: Journal,
    annotations: Annotations,
    edits: Edits,
    controls: Sequence[Control],
    include_undone: bool = False,
    retry_refused: bool = True,
    with_other_edits: bool = False,
) -> Plan:
    """Plan the confirmed fixes that do not stand in the source yet.

    Args:
        project_id: the source project.
        verdicts: what was decided.
        findings: says why, for each line.
        journal: says what was written and undone; settled first where a crash left it open.
        annotations: the source, read for what is not yet applied only.
        edits: finds and hashes labels.
        controls: of the source's label config as it is now: a label that it lost is a conflict.
        include_undone: plan also what was undone. A person decided that once, so it takes a person to say so.
        retry_refused: plan also what was tried since it was decided and did not stay; False leaves it as a conflict.
        with_other_edits: plan also what reviewers made of regions that they were not asked about.
    """
    recover(project_id, annotations, edits, journal)
    records = verdicts.of_project(project_id)
    known = findings.get(sorted({verdict.finding_key for verdict in records}))
    reasons = {key: finding.reason for key, finding in known.items()}
    entries = journal.entries(project_id)
    wanted = all_as_drawn(agreed_changes(records, reasons), entries, annotations, edits)
    others = other_edits(records)
    applied, undone, open_ = _sort_out([*wanted, *others], entries, include_undone)
    results = annotations.results_of(sorted({change.task_id for change in open_})) if open_ else {}
    labels = {control.name: control.labels for control in controls}
    written = OwnWrites(entries, edits)
    refused = {} if retry_refused else _refused(entries)
    kept = kept_labels(records)
    newest: dict[Place, Change] = {}
    conflicts: list[Conflict] = []
    left: list[Change] = []
    for change in sorted(open_, key=lambda change: (not change.is_other_edit, change.decided_at), reverse=True):
        standing = judge(change, results.get(change.annotation_id), written, edits)
        if change.is_other_edit and not with_other_edits:
            left += [change] if standing.state == "due" else []
        elif standing.state == "done":
            applied += not change.is_other_edit
        elif standing.state == "conflict":
            conflicts.append(Conflict(change, standing.why))
        elif not change.is_of_answer and change.new_label not in (None, *labels.get(change.control, ())):
            why = f'the label config has no "{change.new_label}" for "{change.control}" any more'
            conflicts.append(Conflict(change, why))
        elif refusal := refused.get(_attempt(change)):
            conflicts.append(Conflict(change, refusal))
        elif (place_of(change), change.old_hash) in kept:
            conflicts.append(Conflict(change, KEPT))
        elif change.adds_region and drawn_meanwhile(change, results[change.annotation_id], edits):
            conflicts.append(Conflict(change, drawn_since(change)))
        elif _outcome(newest.setdefault(place_of(change), change)) != _outcome(change):
            why = SAYS_OTHERWISE if change.is_other_edit else "a newer verdict on the same label is planned"
            conflicts.append(Conflict(change, why))
    too_many = adds_too_many(newest.values(), results, controls, edits)
    conflicts += [Conflict(newest.pop(place), why) for place, why in too_many.items()]
    last = takes_the_last(newest.values(), results, controls, edits)
    conflicts += [Conflict(newest.pop(place), LAST) for place in last]
    return Plan(
        project_id,
        changes=tuple(sorted(newest.values(), key=_order)),
        conflicts=tuple(sorted(conflicts, key=lambda c: _order(c.change))),
        undone=tuple(change for change in undone if with_other_edits or not change.is_other_edit),
        applied=applied,
        other_edits=tuple(sorted(left, key=_order)),
    )


def agreed_changes(verdicts: Iterable[Verdict], reasons: Mapping[str, str]) -> list[Change]:
    """Return the changes of each finding whose verdicts all say the same: one, or of tags one for each that changes.

    Of regions, where reviewers never are the same to the pixel, the newest verdict's.
    """
    of_finding: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        of_finding[verdict.finding_key].append(verdict)
    changes: list[Change] = []
    for key, group in of_finding.items():
        fixes = [v for v in group if v.decision in ("take_proposal", "fix") and not v.contradiction]
        said = {(verdict.new_label, tuple((each.tag, each.is_given) for each in verdict.also)) for verdict in fixes}
        if len(said) == 1 and len(fixes) == len(group):
            changes.extend(_changes(group, reasons.get(key, "")))
    return sorted(changes, key=_order)


def kept_labels(verdicts: Iterable[Verdict]) -> set[tuple[Place, str]]:
    """Return the tags and regions, each with its place and hash, that reviewers who were asked want as they are.

    A fix of another finding on the same annotation may change them too: then two reviewers differ.
    """
    return {
        ((verdict.annotation_id, verdict.control, verdict.region_id, verdict.tag), verdict.old_hash)
        for verdict in verdicts
        if (verdict.tag is not None or verdict.region_id is not None) and verdict.decision == "keep"
    }


def _changes(group: Sequence[Verdict], reason: str) -> Iterator[Change]:
    newest = max(group, key=lambda verdict: verdict.decided_at)
    about = Change(
        finding_key=newest.finding_key,
        project_id=newest.project_id,
        task_id=newest.task_id,
        annotation_id=newest.annotation_id,
        control=newest.control,
        region_id=newest.region_id or newest.new_region_id,
        old_label=newest.old_label,
        old_hash=newest.old_hash,
        new_label=newest.new_label,
        reviewer=", ".join(dict.fromkeys(verdict.reviewer for verdict in group)),
        decided_at=newest.decided_at,
        reason=reason,
        tag=newest.tag,
        form=newest.form,
        new_value=newest.new_value,
        known_regions=newest.known_regions,
    )
    if newest.new_label != newest.old_label or newest.new_value is not None:
        yield about
    about = replace(about, reason=f'Corrected when asked about the tag "{newest.tag}".')
    for each in newest.also:
        yield replace(about, tag=each.tag, old_label=each.old_label, old_hash=each.old_hash, new_label=each.new_label)


def _sort_out(
    changes: Sequence[Change], entries: Sequence[JournalEntry], include_undone: bool
) -> tuple[int, list[Change], list[Change]]:
    """Return how many were applied, those that were undone, and those still to look at."""
    last = {
        line_of(change): (entry.state, change)
        for entry in entries
        if entry.state in ("written", "undoing", "undone")
        for change in entry.changes
    }
    applied, undone, open_ = 0, [], []
    for change in changes:
        state, before = last.get(line_of(change), ("", change))
        is_same = _outcome(before) == _outcome(change)
        if is_same and state in ("written", "undoing"):
            applied += 1
        elif is_same and state == "undone" and before.decided_at >= change.decided_at and not include_undone:
            undone.append(change)
        else:
            open_.append(change)
    return applied, undone, open_


def line_of(change: Change) -> Line:
    """Return what a change is about, whatever the annotation it is of has become."""
    return change.finding_key, change.control, change.region_id, change.tag


def _outcome(change: Change) -> tuple[object, ...]:
    return change.new_label, change.new_value


def _refused(entries: Sequence[JournalEntry]) -> dict[Attempt, str]:
    """Return the changes that were tried -> why the write was not accepted, or did not stay."""
    return {
        _attempt(change): entry.problem or "an earlier try failed"
        for entry in entries
        if entry.state == "conflict"
        for change in entry.changes
    }


def _attempt(change: Change) -> Attempt:
    return line_of(change), change.new_label, change.decided_at


def _order(change: Change) -> tuple[int, int, str, str, str]:
    return change.task_id, change.annotation_id, change.control, change.region_id or "", change.tag or ""
