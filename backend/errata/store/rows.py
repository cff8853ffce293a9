"""Records to JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from errata.review.records import Change, RegionChange, TagChange, Verdict
from errata_model.records import Control, Finding, GivenLabel, Proposal, TextForm, ValueForm


def finding_to_json(finding: Finding) -> dict[str, Any]:
    """Write a finding as JSON."""
    return asdict(finding)


def finding_from_json(row: Mapping[str, Any]) -> Finding:
    """Read what `finding_to_json` wrote."""
    proposal = row["proposal"]
    if proposal is not None:
        top = tuple((str(label), float(probability)) for label, probability in proposal["top"])
        beside = tuple(proposal.get("beside", ()))  # earlier findings have none
        proposal = Proposal(**{**proposal, "top": top, "beside": beside})
    return Finding(**{**row, "given": GivenLabel(**row["given"]), "proposal": proposal})


def control_from_json(row: Mapping[str, Any]) -> Control:
    """Read a control, written as `dataclasses.asdict` has it."""
    text, value = row.get("text"), row.get("value")  # what was written by earlier errata has none
    drawn_by = tuple((name, type_) for name, type_ in row.get("drawn_by", ()))
    form = TextForm(**text) if text else None
    scale = ValueForm(**value) if value else None
    return Control(**{**row, "labels": tuple(row["labels"]), "text": form, "drawn_by": drawn_by, "value": scale})


def verdict_to_json(verdict: Verdict) -> dict[str, Any]:
    """Write a verdict as JSON, its time in ISO 8601."""
    return {**asdict(verdict), "decided_at": verdict.decided_at.isoformat()}


def verdict_from_json(row: Mapping[str, Any]) -> Verdict:
    """Read what `verdict_to_json` wrote."""
    also = tuple(TagChange(**each) for each in row.get("also", ()))  # what was written before schema 4 has none
    others = tuple(
        RegionChange(**{**each, "new_value": tuple(each["new_value"])}) for each in row.get("other_edits", ())
    )
    decided_at = datetime.fromisoformat(row["decided_at"])
    return Verdict(**{**row, **_of_region(row), "decided_at": decided_at, "also": also, "other_edits": others})


def change_to_json(change: Change) -> dict[str, Any]:
    """Write a change as JSON, its time in ISO 8601."""
    return {**asdict(change), "decided_at": change.decided_at.isoformat()}


def change_from_json(row: Mapping[str, Any]) -> Change:
    """Read what `change_to_json` wrote."""
    return Change(**{**row, **_of_region(row), "decided_at": datetime.fromisoformat(row["decided_at"])})


def _of_region(row: Mapping[str, Any]) -> dict[str, Any]:
    said = row.get("new_value")  # what was written before schema 5 has none
    return {"new_value": None if said is None else tuple(said), "known_regions": tuple(row.get("known_regions", ()))}
