"""Applying a change plan: the journal first, then Label Studio, then a look at what it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from errata.errors import ErrataError, LabelStudioGone, LabelStudioRefused, ServiceError
from errata.review.changes import Result, hash_at
from errata.review.own_writes import OwnWrites
from errata.review.plans import Conflict, Plan
from errata.review.ports import Annotations, Edits, Journal
from errata.review.records import Change, JournalEntry
from errata.review.recovery import settle_open_entries
from errata.review.standing import judge


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a plan.

    Attributes:
        changeset_id: what `undo` takes; None where nothing was written.
        written: the changes that stand in Label Studio now.
        done: how many stood there already.
        conflicts: the changes that were left alone, or did not stay, and why.
        stopped: why the rest was not tried: Label Studio failed. What was written so far is journalled.
    """

    changeset_id: int | None
    written: tuple[Change, ...]
    done: int
    conflicts: tuple[Conflict, ...]
    stopped: ServiceError | None


def apply_plan(plan: Plan, annotations: Annotations, edits: Edits, journal: Journal, by: str) -> Applied:
    """Write a plan's changes, one write an annotation, each compared with Label Studio right before.

    Where Label Studio fails, the rest waits for the next apply, and that annotation for all others.

    Applying the same plan twice writes once. Label Studio has no compare-and-set: what somebody saves in the
    milliseconds between errata's read and its write is overwritten, and what is saved right after is found by
    reading back.

    Args:
        plan: what to write.
        annotations: the source.
        edits: finds, hashes and replaces labels.
        journal: takes every write before it is sent.
        by: who applies, for the record.

    Raises:
        ServiceError: Label Studio cannot even be read for what an earlier crash left open; nothing was written.
    """
    with journal.exclusive(plan.project_id):
        settle_open_entries(plan.project_id, annotations, edits, journal)
        writer = _Writer(plan.project_id, annotations, edits, journal, by)
        stopped = None
        try:
            for annotation_id, changes in sorted(plan.by_annotation.items(), key=writer.failed_before):
                writer.write(annotation_id, changes)
        except ServiceError as error:
            stopped = error
        return Applied(writer.changeset_id, tuple(writer.written), writer.done, tuple(writer.conflicts), stopped)


@dataclass
class _Writer:
    project_id: int
    annotations: Annotations
    edits: Edits
    journal: Journal
    by: str
    changeset_id: int | None = None
    written: list[Change] = field(default_factory=list)
    done: int = 0
    conflicts: list[Conflict] = field(default_factory=list)

    def __post_init__(self) -> None:
        entries = self.journal.entries(self.project_id)
        self._own = OwnWrites(entries, self.edits)
        self._last_state = {entry.annotation_id: entry.state for entry in entries}

    def failed_before(self, line: tuple[int, Sequence[Change]]) -> bool:
        """Say whether Label Studio failed at an annotation the last time: it comes last, lest it keeps others back."""
        return self._last_state.get(line[0]) == "dropped"

    def write(self, annotation_id: int, changes: Sequence[Change]) -> None:
        """Write the changes of one annotation that are due."""
        found = self.annotations.read([annotation_id]).get(annotation_id)
        due = []
        for change in changes:
            standing = judge(change, found.result if found else None, self._own, self.edits)
            if standing.state == "due":
                due.append(change)
            elif standing.state == "conflict":
                self.conflicts.append(Conflict(change, standing.why))
            else:
                self.done += 1
        if found is None or not due:
            return
        after: Sequence[Any] = found.result
        due = self._own.moves_last(due, found.result)
        for change in due:
            after = self._own.with_change(after, change)
        if self.changeset_id is None:
            self.changeset_id = self.journal.open_changeset(self.project_id, self.by)
        hashes = [hash_at(after, change, self.edits) for change in due]
        entry = self.journal.intend(self.changeset_id, due, found, after, hashes)
        if self._send(entry):
            self._settle(entry)

    def _send(self, entry: JournalEntry) -> bool:
        """Write one entry; say whether Label Studio took it. Where that is not known, the entry stays open."""
        try:
            self.annotations.write(entry.annotation_id, entry.after_result)
        except LabelStudioGone:
            self._give_up(entry, "the annotation was deleted since")
        except LabelStudioRefused:
            self.journal.settle(entry.id, "dropped")
            raise
        except ServiceError:
            raise
        except ErrataError as error:  # not accepted: the text is errata's own and safe to show
            self._give_up(entry, str(error))
        else:
            return True
        return False

    def _settle(self, entry: JournalEntry) -> None:
        """Read back what Label Studio has and write down whether it is what errata wrote."""
        found = self.annotations.read([entry.annotation_id]).get(entry.annotation_id)
        stayed = [change for change in entry.changes if found and self._stayed(entry, change, found.result)]
        why = "somebody changed or deleted the label right after the write"
        if stayed:
            self.journal.settle(entry.id, "written")
            self.written.extend(stayed)
            self.conflicts.extend(Conflict(change, why) for change in entry.changes if change not in stayed)
        else:
            self._give_up(entry, why)

    def _stayed(self, entry: JournalEntry, change: Change, result: Result) -> bool:
        return hash_at(result, change, self.edits) == hash_at(entry.after_result, change, self.edits)

    def _give_up(self, entry: JournalEntry, why: str) -> None:
        self.journal.settle(entry.id, "conflict", why)
        self.conflicts.extend(Conflict(change, why) for change in entry.changes)
