"""Regions that get another label and stay as they are drawn: who decides on the scan board draws nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from errata.review.changes import Result
from errata.review.ports import Annotations, Edits
from errata.review.records import Change, JournalEntry


def relabels(change: Change) -> bool:
    """Say whether a region gets another label and nobody has said yet where it is."""
    return change.region_id is not None and change.new_value is None and change.new_label is not None


def as_drawn(change: Change, result: Result | None, edits: Edits) -> Change:
    """Return the change with the region's results, as it is drawn in `result` and labelled anew.

    Of a region that is not there (any more) it stays without: there is nothing that could be written.
    """
    if not relabels(change) or result is None:
        return change
    region = edits.regions_of(result, change.control).get(str(change.region_id))
    if not region:
        return change
    return replace(change, new_value=tuple(edits.relabelled(region, change.control, str(change.new_label))))


def all_as_drawn(
    changes: Sequence[Change], entries: Iterable[JournalEntry], annotations: Annotations, edits: Edits
) -> list[Change]:
    """Return changes with the results of regions that are relabelled: as errata wrote them, or as they are now.

    Args:
        changes: to plan.
        entries: of the journal, oldest first.
        annotations: the source; read for what errata did not write yet.
        edits: finds regions.
    """
    written = {
        (change.finding_key, change.region_id, change.new_label): change.new_value
        for entry in entries
        for change in entry.changes
        if change.new_value and entry.state in ("written", "undoing", "undone")
    }
    known = [
        replace(change, new_value=written.get((change.finding_key, change.region_id, change.new_label)))
        if relabels(change)
        else change
        for change in changes
    ]
    open_ = sorted({change.task_id for change in known if relabels(change)})
    results = annotations.results_of(open_) if open_ else {}
    return [as_drawn(change, results.get(change.annotation_id), edits) for change in known]
