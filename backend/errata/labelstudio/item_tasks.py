"""What stands in a review task about all findings of an item, written and read back.

Each finding is decided about at a region of the form: the one in question, its mark, or that of the suggested place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from errata.audit.snapshot import Snapshot
from errata.audit.wording import named, unbroken
from errata.labelstudio.codecs import region_edits
from errata.labelstudio.region_marks import ASKED, SUGGESTED, mark_id, outlined
from errata.labelstudio.region_tasks import (
    copies_of,
    in_front,
    is_elsewhere,
    read_regions,
    region_columns,
    region_in_question,
    region_question,
    with_note,
    with_proposal,
)
from errata.labelstudio.review_config import region_marks
from errata.review.records import RegionEdits
from errata_model.records import Finding

SEVERAL = "Select each region in question and decide about it."

Region = Mapping[str, Any]


def item_predictions(
    snapshot: Snapshot, findings: Sequence[Finding], result: Sequence[Region]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Return the results that the review task opens with, and that its suggestion has; None where there is none.

    In front, for clicks, is what is decided at: the regions in question, and the marks of missing ones.

    Args:
        snapshot: the source.
        findings: about regions of one annotation, as they are numbered.
        result: the annotation's whole result, as it can be shown; empty where it is gone.
    """
    marks = region_marks(snapshot.label_config, snapshot.controls)
    shown = region_edits.copied_result(result)
    suggested = region_edits.copied_result(result)
    asked: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    for number, finding in enumerate(findings, start=1):
        was, proposed = region_in_question(finding, result), finding.proposed_results
        in_question = copies_of(was, result, shown)
        for each in in_question:
            note = f"errata asks, {number}: {region_question(finding, result)} {finding.reason}"
            each["meta"] = with_note(each.get("meta"), note)
        if was:
            drawn += marks.asked(was, number)
        if proposed and is_elsewhere(finding, was):
            place = marks.suggested(proposed, number)
            drawn += place
            in_question = in_question or place
        asked += in_question
        suggested = with_proposal(suggested, finding)
    return in_front(asked, [*shown, *drawn]), suggested if any(finding.proposal for finding in findings) else None


def item_columns(snapshot: Snapshot, findings: Sequence[Finding], result: Sequence[Region]) -> dict[str, Any]:
    """Return what is said about the findings, and what has to be known to read the decisions."""
    n_controls = len(snapshot.controls)
    asked = [named(region_question(each, result), each.given.control, n_controls) for each in findings]
    return {
        "question": "\n".join([SEVERAL, *_numbered(asked)]),
        "why": " ".join(_numbered(each.reason for each in findings)),
        "given_regions": {**region_columns(findings[0], snapshot.controls, result), "was": []},
        "findings": [
            {
                "finding": finding.key,
                "control": finding.given.control,
                "region": finding.given.region_id,
                "was": outlined(region_in_question(finding, result)),
            }
            for finding in findings
        ],
    }


def _numbered(said: Iterable[str]) -> list[str]:
    return [f"{number}. {unbroken(each.replace(chr(10), ' '))}" for number, each in enumerate(said, start=1)]


def finding_keys(column: object) -> tuple[str, ...] | None:
    """Return the keys of all findings that a review task asks about; None where it asks about one by itself."""
    return tuple(str(each["finding"]) for each in column) if isinstance(column, list) and column else None


def read_item(
    asked: Sequence[Mapping[str, Any]],
    filled: Mapping[str, Any],
    result: Sequence[Region],
    overall: str,
    decided_by: Collection[str],
) -> Iterator[tuple[str, str, RegionEdits]]:
    """Yield (finding, decision, what became of all regions) for every finding; "" is a decision that was left open.

    Who deletes the region in question, or draws it anew, has corrected it: there is none left to decide at.

    Args:
        asked: the column "findings", as `item_columns` wrote it.
        filled: the column "given_regions", likewise.
        result: what was submitted.
        overall: what was decided about all findings that have no decision of their own; "" for nothing.
        decided_by: the names of the controls that hold the decisions about regions.
    """
    edits = read_regions(filled, [each for each in result if each.get("from_name") not in decided_by])
    gone = {(change.control, change.region_id) for change in edits.changes if not change.new_value}
    for number, each in enumerate(asked, start=1):
        places = {each["region"], mark_id(ASKED, number), mark_id(SUGGESTED, number)}
        choices = _choices_at(places, result, decided_by)
        if len(choices) > 1:
            choice = "unclear"  # decided otherwise at its mark
        elif choices:
            (choice,) = choices
        else:
            choice = "fix" if (each["control"], each["region"]) in gone else overall
        yield str(each["finding"]), choice, replace(edits, was=tuple(each["was"]))


def _choices_at(places: Collection[object], result: Sequence[Region], decided_by: Collection[str]) -> set[str]:
    held = [each for each in result if each.get("from_name") in decided_by and each.get("id") in places]
    return {str(choice) for each in held for choice in each.get("value", {}).get("choices", ())}
