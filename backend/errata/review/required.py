"""Fixes that would leave nothing of an answer that the source's form asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from errata.review.ports import Edits
from errata.review.records import Change
from errata.review.standing import Place, place_of, with_change
from errata_model.records import Control

Result = Sequence[Mapping[str, Any]]
LAST = "it takes the last tag away, and the form asks for one; say in the review project which is right"


def takes_the_last(
    changes: Iterable[Change], results: Mapping[int, Result], controls: Sequence[Control], edits: Edits
) -> set[Place]:
    """Return the places of those changes that, with the others made too, leave a control without a tag it needs.

    Args:
        changes: of any annotations, each with a place of its own.
        results: annotation id -> its result now.
        controls: of the source's label config.
        edits: replaces labels.
    """
    asked = {control.name for control in controls if control.kind == "tags" and not control.takes_none}
    of_answer: defaultdict[tuple[int, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.control in asked:
            of_answer[change.annotation_id, change.control].append(change)
    found: set[Place] = set()
    for (annotation_id, control), group in of_answer.items():
        after = results[annotation_id]
        for change in group:
            after = with_change(after, change, edits)
        if not any(each.get("from_name") == control for each in after):
            found.update(place_of(change) for change in group if change.new_label is None)
    return found
