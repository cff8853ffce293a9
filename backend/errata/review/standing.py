"""How a change stands to what Label Studio has now, and to what errata itself wrote there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from errata.review.ports import Edits
from errata.review.records import Change, JournalEntry

Place = tuple[int, str, "str | None", "str | None"]  # annotation, control, region, tag
Result = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class LastWrite:
    """What errata wrote last to one place, and was not undone."""

    entry_id: int
    changeset_id: int
    value_hash: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a change is to be written (`due`), is so already (`done`), or cannot be (`conflict`, with why)."""

    state: Literal["due", "done", "conflict"]
    why: str = ""


def place_of(change: Change) -> Place:
    """Return where the label is that a change is about."""
    return change.annotation_id, change.control, change.region_id, change.tag


def last_writes(entries: Iterable[JournalEntry], edits: Edits) -> dict[Place, LastWrite]:
    """Return what errata wrote last to each place; `entries` oldest first."""
    written: dict[Place, LastWrite] = {}
    for entry in entries:
        if entry.state in ("written", "undoing"):
            for change in entry.changes:
                value_hash = hash_at(entry.after_result, change, edits)
                write = LastWrite(entry.id, entry.changeset_id, value_hash, change.decided_at)
                written[place_of(change)] = write
    return written


def judge(change: Change, result: Result | None, written: Mapping[Place, LastWrite], edits: Edits) -> Standing:
    """Compare the label in question with what the change expects to find.

    Args:
        change: what should be written.
        result: the annotation's result as Label Studio has it now, None where the annotation is gone.
        written: what errata wrote last; its own writes are not edits by others.
        edits: finds and hashes labels.
    """
    if result is None:
        return Standing("conflict", "the annotation was deleted or skipped since")
    now, own = hash_at(result, change, edits), written.get(place_of(change))
    is_own_removal = own is not None and own.value_hash is None
    if now is None and not (change.adds_region or change.new_value == () or is_own_removal):
        return Standing("conflict", _gone(change))
    if now == hash_at(with_change(result, change, edits), change, edits):
        return Standing("done")
    if now == change.old_hash or (now is None and change.adds_region):
        return Standing("due")
    if own is None or now != own.value_hash:
        why = _edited(result, change, edits)
    elif change.decided_at <= own.decided_at:
        why = f"a newer verdict on this label was applied (changeset {own.changeset_id})"
    else:
        return Standing("due")
    return Standing("conflict", why)


def moves_last(changes: Iterable[Change], result: Result, edits: Edits) -> list[Change]:
    """Return the changes to one annotation in the order to make them in.

    A region that two controls label has its place once: what gives it another label for the one says where it was, and
    would take back where the other has put it.
    """

    def is_move(change: Change) -> bool:
        region_id, value = change.region_id, change.new_value or ()
        return region_id is not None and edits.moves(result, change.control, region_id, value)

    return sorted(changes, key=is_move)


def with_change(result: Result, change: Change, edits: Edits) -> list[dict[str, Any]]:
    """Return a copy of the result in which the change is made."""
    if change.region_id is not None:
        return edits.with_region(result, change.control, change.region_id, change.new_value or ())
    if change.is_of_answer:
        return edits.with_answer(result, change.control, change.new_value or ())
    return edits.replaced(result, change.control, change.region_id, change.new_label, change.tag, change.form)


def hash_at(result: Result, change: Change, edits: Edits) -> str | None:
    """Return the hash of the label that the change is about, None where there is none."""
    if change.is_of_answer:
        return edits.answer_hash(result, change.control)
    return edits.value_hash(result, change.control, change.region_id, change.tag)


def _edited(result: Result, change: Change, edits: Edits) -> str:
    label = edits.label(result, change.control, change.region_id, change.tag)
    if change.region_id is not None and label == change.old_label:
        return "somebody changed where the region is since"
    if change.is_of_answer and not edits.answer_of(result, change.control):
        return f'the answer to "{change.control}" was removed since'
    if change.is_of_answer and label is None:
        return "somebody changed the answer since"
    return f'somebody changed the label to "{label}" since'


def _gone(change: Change) -> str:
    if change.region_id is not None:
        return "the region was removed since"
    if change.tag is not None:
        return f'the tags of "{change.control}" cannot be read any more'
    return f'the label of "{change.control}" was removed since'
