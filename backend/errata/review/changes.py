"""The label that a change is about: where it is, its hash, and what a result is with the change made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from errata.review.ports import Edits
from errata.review.records import Change

Place = tuple[int, str, "str | None", "str | None"]  # annotation, control, region, tag
Result = Sequence[Mapping[str, Any]]


def place_of(change: Change) -> Place:
    """Return where the label is that a change is about."""
    return change.annotation_id, change.control, change.region_id, change.tag


def hash_at(result: Result, change: Change, edits: Edits) -> str | None:
    """Return the hash of the label that the change is about, None where there is none."""
    if change.is_of_answer:
        return edits.answer_hash(result, change.control)
    return edits.value_hash(result, change.control, change.region_id, change.tag)


def with_change(result: Result, change: Change, edits: Edits) -> list[dict[str, Any]]:
    """Return a copy of the result in which the change is made."""
    if change.region_id is not None:
        return edits.with_region(result, change.control, change.region_id, change.new_value or ())
    if change.is_of_answer:
        return edits.with_answer(result, change.control, change.new_value or ())
    return edits.replaced(result, change.control, change.region_id, change.new_label, change.tag, change.form)


def is_move(result: Result, change: Change, edits: Edits) -> bool:
    """Say whether a region that is there would be drawn elsewhere if the change were made."""
    region_id = change.region_id
    return region_id is not None and edits.moves(result, change.control, region_id, change.new_value or ())
