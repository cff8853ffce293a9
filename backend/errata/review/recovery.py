"""After a crash: journal entries that nobody settled are compared with what Label Studio has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from errata.review.changes import hash_at
from errata.review.ports import Annotations, Edits, Journal
from errata.review.records import Annotation, EntryState, JournalEntry

_LATE = timedelta(minutes=5)  # longer than Label Studio works on a request that errata gave up; clocks may differ


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many entries were found in which state."""

    written: int = 0
    dropped: int = 0
    undone: int = 0
    conflicts: int = 0


def recover(project_id: int, annotations: Annotations, edits: Edits, journal: Journal) -> Recovered:
    """Settle what a crash left open. Writes nothing to Label Studio.

    A write that did not arrive is dropped, not sent again: its verdict stands, so that the next plan has it and
    whoever applies sees it, while `errata plan` and a server's start never write to the source.

    Raises:
        ServiceError: Label Studio cannot be read; the entries stay open.
    """
    with journal.exclusive(project_id):
        return settle_open_entries(project_id, annotations, edits, journal)


def settle_open_entries(project_id: int, annotations: Annotations, edits: Edits, journal: Journal) -> Recovered:
    """Do what `recover` does, for those who hold the journal already."""
    open_ = journal.unsettled(project_id)
    if not open_:
        return Recovered()
    read = annotations.read(sorted({entry.annotation_id for entry in open_}))
    states: list[EntryState] = []
    for entry in open_:
        state, problem = _find_state(entry, read.get(entry.annotation_id), edits)
        if entry.state != "dropped" or (state == "written" and _is_in_time(entry, read[entry.annotation_id])):
            journal.settle(entry.id, state, problem)
            states.append(state)
    return Recovered(*(states.count(state) for state in ("written", "dropped", "undone", "conflict")))


def _is_in_time(entry: JournalEntry, found: Annotation) -> bool:
    """Say whether Label Studio saved soon enough for it to be errata's write; later, a person made the same fix.

    A slow Label Studio may save after errata gave up and found nothing written.
    """
    return found.updated_at <= entry.intended_at + _LATE


def _find_state(entry: JournalEntry, found: Annotation | None, edits: Edits) -> tuple[EntryState, str | None]:
    """Tell from the labels in question whether the write, or its undoing, arrived.

    One label with the value that errata wrote is proof enough: all of an entry's labels went in one request, and
    those that differ were edited since, which undo looks at one by one.
    """
    if found is None:
        return "conflict", "the annotation was deleted or skipped while errata was down"
    at_after = at_before = 0
    for change in entry.changes:
        now = hash_at(found.result, change, edits)
        before, after = hash_at(entry.before["result"], change, edits), hash_at(entry.after_result, change, edits)
        at_after += now == after != before
        at_before += now == before
    if at_after:
        return "written", None
    if entry.state == "undoing" and at_before:
        return "undone", None
    if at_before == len(entry.changes):
        return "dropped", None
    return "conflict", "the label was changed by somebody else while errata was down"
