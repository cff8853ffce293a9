"""Fixes that would leave an annotation wrong as a whole: too few labels for the form, too many, or one twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from errata.review.changes import Place, place_of, with_change
from errata.review.ports import Edits
from errata.review.records import Change
from errata_model.records import Control

Result = Sequence[Mapping[str, Any]]
SAME_PLACE = 0.5  # regions that overlap more, with the same label, are one
LAST = "it takes the last label away, and the form asks for one; say in the review project which is right"
TOO_MANY = "there would be {n} tags, and the form takes {most}; say in the review project which ones are right"


def takes_the_last(
    changes: Iterable[Change], results: Mapping[int, Result], controls: Sequence[Control], edits: Edits
) -> set[Place]:
    """Return the places of those changes that, with the others made too, leave a control without a label it needs.

    Args:
        changes: of any annotations, each with a place of its own.
        results: annotation id -> its result now.
        controls: of the source's label config.
        edits: replaces labels.
    """
    asked = {
        control.name
        for control in controls
        if not control.takes_none and (control.kind == "tags" or control.has_regions)
    }
    found: set[Place] = set()
    for group, after in _answers(changes, results, asked, edits):
        if not any(each.get("from_name") == group[0].control for each in after):
            found.update(place_of(change) for change in group if change.new_label is None)
    return found


def adds_too_many(
    changes: Iterable[Change], results: Mapping[int, Result], controls: Sequence[Control], edits: Edits
) -> dict[Place, str]:
    """Return the places of those changes that, with the others made too, add to more tags than the form takes, and why.

    Args as `takes_the_last`.
    """
    most = {control.name: control.most for control in controls if control.most is not None}
    found: dict[Place, str] = {}
    for group, after in _answers(changes, results, most, edits):
        tags = edits.tags(after, group[0].control) or ()
        if len(tags) > most[group[0].control]:
            why = TOO_MANY.format(n=len(tags), most=most[group[0].control])
            found.update({place_of(change): why for change in group if change.new_label is not None})
    return found


def _answers(
    changes: Iterable[Change], results: Mapping[int, Result], controls: Container[str], edits: Edits
) -> Iterator[tuple[list[Change], Result]]:
    """Yield the changes of each annotation's answer to one of the controls, and the result with all of them made."""
    of_answer: defaultdict[tuple[int, str], list[Change]] = defaultdict(list)
    for change in changes:
        if change.control in controls:
            of_answer[change.annotation_id, change.control].append(change)
    for (annotation_id, _), group in of_answer.items():
        after = results[annotation_id]
        for change in group:
            after = with_change(after, change, edits)
        yield group, after


def drawn_since(change: Change) -> str:
    """Say why a region that a change adds is left out, see `drawn_meanwhile`."""
    return f'somebody drew a "{change.new_label}" there since'


def drawn_meanwhile(change: Change, result: Result, edits: Edits) -> bool:
    """Say whether somebody drew the region that a change adds, after the reviewer looked."""
    known = {change.region_id, *change.known_regions}
    return any(
        edits.label(result, change.control, region_id) == change.new_label
        and edits.overlap(region, change.new_value or ()) >= SAME_PLACE
        for region_id, region in edits.regions_of(result, change.control).items()
        if region_id not in known
    )
