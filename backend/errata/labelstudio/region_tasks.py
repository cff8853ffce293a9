"""What stands in a review task about a region, written and read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from errata.audit.snapshot import Snapshot
from errata.audit.wording import question_of_region
from errata.labelstudio.codecs import region_edits, region_results
from errata.labelstudio.codecs.region_forms import image_size
from errata.labelstudio.region_marks import ASKED_COLOUR, SUGGESTED_COLOUR, outlined, where
from errata.labelstudio.review_config import region_marks
from errata.review.records import RegionChange, RegionEdits
from errata_model.kinds.masks.rle import decode_mask
from errata_model.records import Control, Finding

ASKED_NOTE = "errata asks about this region."

Region = Mapping[str, Any]


def region_predictions(
    snapshot: Snapshot, finding: Finding, result: Sequence[Region]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Return the results that the review task opens with, and that its suggestion has; None where there is none.

    The first holds the source's whole result, ids and all, the region in question before the others, and after it the
    marks of that one and of the suggested place.

    Args:
        snapshot: the source.
        finding: about a region of the annotation, or about one that is missing.
        result: the annotation's whole result, as it can be shown; empty where it is gone.
    """
    marks = region_marks(snapshot.label_config, snapshot.controls)
    was, proposed = region_in_question(finding, result), finding.proposed_results
    shown = region_edits.copied_result(result)
    asked = copies_of(was, result, shown)
    for each in asked:
        each["meta"] = with_note(each.get("meta"), ASKED_NOTE)
    shown = in_front(asked, shown)
    if was:
        shown += marks.asked(was)
    if proposed and is_elsewhere(finding, was):
        shown += marks.suggested(proposed)
    return shown, with_proposal(result, finding) if finding.proposal else None


def copies_of(some: Sequence[Region], result: Sequence[Region], copied: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the copies of some regions of a result, all of which was copied in order."""
    return [copy for copy, each in zip(copied, result, strict=True) if any(each is one for one in some)]


def in_front(asked: list[dict[str, Any]], shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put what is asked about before the rest: where regions lie over one another on an image, a click is the first's.

    What is marked in a text stays in its order.
    """
    if any("start" in each["value"] for each in asked):
        return shown
    first = {id(each): each for each in asked}
    return [*first.values(), *(each for each in shown if id(each) not in first)]


def showable(result: Sequence[Region]) -> list[dict[str, Any]]:
    """Return a copy of a result without what Label Studio's page fails on, which nobody can review then.

    It shows nothing where a region has no value, or a relation names one that is not there; it submits nothing where
    the run lengths of a brush are broken, or a polygon is open, which is closed therefore.
    """
    ids = {each.get("id") for each in result if isinstance(each, Mapping)}
    kept = [each for each in result if isinstance(each, Mapping) and _can_be_shown(each, ids)]
    copied = region_edits.copied_result(kept)
    for each in copied:
        value = each.get("value")
        if isinstance(value, dict) and value.get("closed") is False:
            value["closed"] = True
    return copied


def _can_be_shown(each: Region, ids: Collection[object]) -> bool:
    if each.get("type") == region_edits.RELATION:
        return each.get("from_id") in ids and each.get("to_id") in ids
    value, size = each.get("value"), image_size(each)
    if not isinstance(value, Mapping):
        return False
    if "rle" not in value or size is None:
        return True
    try:
        decode_mask(value["rle"], *size)
    except ValueError:
        return False
    return True


def region_in_question(finding: Finding, result: Sequence[Region]) -> list[Region]:
    """Return the results of a finding's region; empty where it is missing, or gone."""
    given = finding.given
    return [] if given.region_id is None else region_edits.parts(result, given.control, given.region_id)


def is_elsewhere(finding: Finding, was: Sequence[Region]) -> bool:
    """Say whether the region that is proposed has another place than the given one."""
    proposed = finding.proposed_results
    return bool(proposed) and (not was or not region_results.is_same_place(was, proposed))


def region_question(finding: Finding, result: Sequence[Region]) -> str:
    """Ask about a region: what and where it is, and how it is marked."""
    was, proposed = region_in_question(finding, result), finding.proposed_results
    here, there = where(was or proposed), where(proposed)
    place = f"{here} ({ASKED_COLOUR if was else SUGGESTED_COLOUR})" if was or proposed else ""
    if not is_elsewhere(finding, was):
        return question_of_region(finding, place)
    return question_of_region(finding, place, there if there != here else "", f" ({SUGGESTED_COLOUR})")


def region_columns(finding: Finding, controls: Sequence[Control], result: Sequence[Region]) -> dict[str, Any]:
    """Return what has to be known of the regions that the form is filled with to tell later what became of them.

    Returns:
        "labels": control -> region id -> [label, canonical hash]; "was": the results of the region in question.
    """
    labels = {
        control.name: {
            region_id: [region_results.label_of(region, control.name), region_results.hash_of(region, control.name)]
            for region_id, region in region_edits.in_result(result, control.name).items()
        }
        for control in controls
        if control.has_regions
    }
    return {"labels": labels, "was": outlined(region_in_question(finding, result))}


def read_regions(filled: Mapping[str, Any], result: Sequence[Region]) -> RegionEdits:
    """Return what became of the regions that a form was filled with.

    Args:
        filled: as `region_columns` wrote it.
        result: what was submitted.
    """
    before: Mapping[str, Mapping[str, Sequence[str]]] = filled.get("labels") or {}
    changes: list[RegionChange] = []
    for control, known in before.items():
        there = region_edits.in_result(result, control)
        for region_id, (label, old_hash) in known.items():
            now = there.pop(region_id, None)
            if now is None:
                changes.append(RegionChange(control, region_id, label, old_hash, None, ()))
            elif not region_results.is_as_hashed(now, control, old_hash):
                changes.append(_change(control, region_id, label, old_hash, now))
        changes += [_change(control, region_id, None, "", now) for region_id, now in there.items()]
    labels = {control: {id_: said[0] for id_, said in known.items()} for control, known in before.items()}
    return RegionEdits(tuple(changes), tuple(filled.get("was") or ()), labels)


def _change(control: str, region_id: str, label: str | None, old_hash: str, now: Sequence[Region]) -> RegionChange:
    value = tuple(dict(each) for each in now)
    return RegionChange(control, region_id, label, old_hash, region_results.label_of(now, control), value)


def with_proposal(result: Sequence[Region], finding: Finding) -> list[dict[str, Any]]:
    """Return a copy of a result in which the region is as it is proposed, if it is."""
    proposal, given = finding.proposal, finding.given
    if proposal is None:
        return region_edits.copied_result(result)
    region_id = given.region_id or str(proposal.value.get("id"))
    return region_edits.with_region(result, given.control, region_id, finding.proposed_results)


def with_note(meta: object, note: str) -> dict[str, Any]:
    """Return a region's `meta` with a note beside those that it has."""
    kept = dict(meta) if isinstance(meta, Mapping) else {}
    said = kept.get("text")
    return {**kept, "text": [*(said if isinstance(said, list) else []), note]}
