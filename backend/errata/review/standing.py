"""How a change stands to what Label Studio has now, and to what errata itself wrote there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from errata.review.changes import Result, hash_at, is_move
from errata.review.own_writes import OwnWrites
from errata.review.ports import Edits
from errata.review.records import Change


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a change is to be written (`due`), is so already (`done`), or cannot be (`conflict`, with why)."""

    state: Literal["due", "done", "conflict"]
    why: str = ""


def judge(change: Change, result: Result | None, written: OwnWrites, edits: Edits) -> Standing:
    """Compare the label in question with what the change expects to find.

    Args:
        change: what should be written.
        result: the annotation's result as Label Studio has it now, None where the annotation is gone.
        written: what errata wrote; its own writes are not edits by others.
        edits: finds and hashes labels.
    """
    if result is None:
        return Standing("conflict", "the annotation was deleted or skipped since")
    now, own = hash_at(result, change, edits), written.last(change)
    is_own_removal = own is not None and own.value_hash is None
    if now is None and not (change.adds_region or change.new_value == () or is_own_removal):
        return Standing("conflict", _gone(change))
    if now == hash_at(written.with_change(result, change), change, edits):
        return Standing("done")
    if now is None and change.adds_region:
        return Standing("due")
    why = _why_not(change, result, written, edits)
    return Standing("conflict", why) if why else Standing("due")


def _why_not(change: Change, result: Result, written: OwnWrites, edits: Edits) -> str | None:
    """Say what speaks against a change of a label that there is, None where nothing does."""
    was, own = written.as_expected(change, result), written.last(change)
    seen = hash_at(was, change, edits)
    if seen != change.old_hash:
        if own is None or seen != own.value_hash:
            return _edited(result, change, edits)
        if change.decided_at <= own.decided_at:
            return f"a newer verdict on this label was applied (changeset {own.changeset_id})"
    if was is result or not is_move(was, change, edits):
        return None
    newer = written.newer_move(change)
    return f"a newer verdict on where the region is was applied (changeset {newer.changeset_id})" if newer else None


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
