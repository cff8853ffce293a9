"""Undoing what errata wrote, label by label."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from errata.errors import ErrataError, LabelStudioGone, LabelStudioRefused, ServiceError, UsageError
from errata.review.changes import Place, Result, hash_at, place_of
from errata.review.own_writes import OwnWrites, was_moved
from errata.review.plans import Conflict
from errata.review.ports import Annotations, Edits, Journal
from errata.review.records import Change, JournalEntry
from errata.review.recovery import settle_open_entries


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of an undo.

    Attributes:
        restored: the changes whose old label stands again.
        conflicts: the changes that were left alone, and why.
        stopped: why the rest was not tried: Label Studio failed. What was restored so far is journalled.
    """

    restored: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]
    stopped: ServiceError | None


def undo(project_id: int, changeset_id: int | None, annotations: Annotations, edits: Edits, journal: Journal) -> Undone:
    """Restore the labels that errata changed, newest write first; twice is once.

    A label that somebody edited since is left alone; everything else that was edited since is kept. A write of several
    labels, one of which waits for a later changeset, can be undone again after that.

    Args:
        project_id: the source project.
        changeset_id: which plan to undo; None for all that errata ever wrote to the project.
        annotations: the source.
        edits: finds, hashes and replaces labels.
        journal: says what was written.

    Raises:
        UsageError: the project has no such changeset.
        ServiceError: Label Studio cannot even be read for what an earlier crash left open.
    """
    if changeset_id is not None and changeset_id not in {known for known, _, _ in journal.changesets(project_id)}:
        raise UsageError(
            f"Project {project_id} has no changeset {changeset_id}; `errata status {project_id}` lists them."
        )
    with journal.exclusive(project_id):
        settle_open_entries(project_id, annotations, edits, journal)
        entries = journal.entries(project_id)
        written = [entry for entry in entries if entry.state == "written"]
        undoer = _Undoer(annotations, edits, journal, _stack(written), OwnWrites(entries, edits))
        stopped = None
        try:
            for entry in reversed(written):
                if changeset_id in (None, entry.changeset_id):
                    undoer.undo(entry)
        except ServiceError as error:
            stopped = error
        return Undone(tuple(undoer.restored), tuple(undoer.conflicts), stopped)


def _stack(written: Sequence[JournalEntry]) -> dict[Place, list[JournalEntry]]:
    """Return the writes to each place, oldest first."""
    writes: defaultdict[Place, list[JournalEntry]] = defaultdict(list)
    for entry in written:
        for change in entry.changes:
            writes[place_of(change)].append(entry)
    return writes


@dataclass
class _Undoer:
    annotations: Annotations
    edits: Edits
    journal: Journal
    writes: dict[Place, list[JournalEntry]]  # those that stand, at each place, oldest first
    own: OwnWrites
    restored: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def undo(self, entry: JournalEntry) -> None:
        """Restore the labels of one write that still are what errata wrote."""
        found = self.annotations.read([entry.annotation_id]).get(entry.annotation_id)
        if found is None:
            why = "the annotation was deleted or skipped since"
            self.conflicts.extend(Conflict(change, why) for change in entry.changes)
            return
        restoring, kept = self._sort_out(entry, entry.changes, found.result)
        if kept and restoring:  # a region that another control's change moved is back in its place then
            restored = self._with_old_labels(entry, restoring, found.result)
            more, kept = self._sort_out(entry, [conflict.change for conflict in kept], restored)
            restoring += more
        self.conflicts.extend(kept)
        if not restoring:
            return
        is_untouched = not kept and list(found.result) == list(entry.after_result)
        result = entry.before["result"] if is_untouched else self._with_old_labels(entry, restoring, found.result)
        if list(result) != list(found.result):
            self.journal.settle(entry.id, "undoing")
            if not self._send(entry, result, restoring):
                return
        waits = any(self._undo_first(entry, change, found.result) for change in entry.changes)
        self.journal.settle(entry.id, "written" if waits else "undone", kept[0].why if kept else None)
        self.restored.extend(restoring)
        for change in restoring if waits else entry.changes:
            self.writes[place_of(change)].remove(entry)

    def _sort_out(
        self, entry: JournalEntry, changes: Sequence[Change], result: Result
    ) -> tuple[list[Change], list[Conflict]]:
        """Return the changes whose old labels can be restored, and the others, each with the reason why not."""
        is_untouched = list(result) == list(entry.after_result)
        why_not = self._undo_first if is_untouched else self._why_not
        judged = [(change, why_not(entry, change, result)) for change in changes]
        return [change for change, why in judged if not why], [Conflict(change, why) for change, why in judged if why]

    def _why_not(self, entry: JournalEntry, change: Change, result: Result) -> str | None:
        """Say why a label cannot be restored, None where it can, or stands already as it was."""
        if first := self._undo_first(entry, change, result):
            return first
        now, was = hash_at(result, change, self.edits), self._hash_before(entry, change)
        if now == was:
            return None
        as_left = self._as_left(entry, change, result)
        if hash_at(as_left, change, self.edits) == hash_at(entry.after_result, change, self.edits) and (
            change.region_id is None or self._becomes(was, entry, change, as_left)
        ):
            return None
        if change.region_id is not None:
            return "somebody changed or removed the region since"
        label = self.edits.label(result, change.control, change.region_id, change.tag)
        return f'somebody changed the label to "{label}" since' if label else "somebody removed the label since"

    def _becomes(self, was: str | None, entry: JournalEntry, change: Change, result: Result) -> bool:
        """Say whether a region that is restored is what it was, or stands where errata's own moves brought it."""
        restored = self._with_old_labels(entry, [change], result)
        return hash_at(self.own.as_expected(change, restored, {was}), change, self.edits) == was

    def _undo_first(self, entry: JournalEntry, change: Change, result: Result) -> str | None:
        """Say which later write has to be undone before a label can be restored, None where none has."""
        last = self.writes[place_of(change)][-1]
        if last.id != entry.id:
            return f"changeset {last.changeset_id} changed the label again; undo that one first"
        if hash_at(result, change, self.edits) == self._hash_before(entry, change):
            return None
        is_elsewhere = self._as_left(entry, change, result) is not result
        if is_elsewhere and was_moved(entry.before["result"], entry.after_result, change, self.edits):
            return "errata moved the region since, for another control; undo that first"
        return None

    def _with_old_labels(self, entry: JournalEntry, changes: Sequence[Change], result: Result) -> Result:
        before = entry.before["result"]
        for change in changes:
            if hash_at(result, change, self.edits) == self._hash_before(entry, change):
                continue
            if change.region_id is not None:
                result = self._with_old_region(entry, change, result)
            elif change.is_of_answer:
                result = self.edits.restored_answer(result, before, change.control)
            else:
                place = (change.control, change.region_id)
                label = self.edits.label(before, *place, change.tag) or change.old_label
                form = next((each for each in before if each.get("from_name") == change.control), None)
                result = self.edits.replaced(result, *place, label, change.tag, form)
        return result

    def _with_old_region(self, entry: JournalEntry, change: Change, result: Result) -> Result:
        """Return the result with a region as it was, but where errata moved it since for another control."""
        region_id, as_left = str(change.region_id), self._as_left(entry, change, result)
        restored = self.edits.restored(as_left, entry.before["result"], change.control, region_id)
        return restored if as_left is result else self.edits.drawn_as(restored, result, region_id)

    def _as_left(self, entry: JournalEntry, change: Change, result: Result) -> Result:
        return self.own.as_expected(change, result, {hash_at(entry.after_result, change, self.edits)})

    def _send(self, entry: JournalEntry, result: Result, restoring: Sequence[Change]) -> bool:
        """Write and read back; say whether the old labels stand. Where that is not known, the entry stays open."""
        try:
            self.annotations.write(entry.annotation_id, result)
        except LabelStudioGone:
            return self._give_up(entry, restoring, "the annotation was deleted since")
        except LabelStudioRefused:
            self.journal.settle(entry.id, "written")
            raise
        except ServiceError:
            raise
        except ErrataError as error:  # not accepted: the text is errata's own and safe to show
            return self._give_up(entry, restoring, str(error))
        found = self.annotations.read([entry.annotation_id]).get(entry.annotation_id)
        if found is None or any(
            hash_at(found.result, change, self.edits) != hash_at(result, change, self.edits) for change in restoring
        ):
            return self._give_up(entry, restoring, "somebody changed the label right after it was restored")
        return True

    def _give_up(self, entry: JournalEntry, changes: Sequence[Change], why: str) -> bool:
        self.journal.settle(entry.id, "written", why)
        self.conflicts.extend(Conflict(change, why) for change in changes)
        return False

    def _hash_before(self, entry: JournalEntry, change: Change) -> str | None:
        return hash_at(entry.before["result"], change, self.edits)
