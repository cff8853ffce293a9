"""What a review form would hold if a decision of the scan board had been made in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errata.labelstudio.codecs import Codecs, region_edits
from errata.labelstudio.codecs.region_results import place as place_in
from errata.labelstudio.echoes import signed
from errata.labelstudio.region_marks import ASKED, SUGGESTED, mark_id
from errata.labelstudio.review_config import Columns
from errata.labelstudio.review_tasks import GIVEN
from errata.review.changes import with_change
from errata.review.plans import agreed_changes
from errata.review.records import Verdict
from errata.review.relabelled import as_drawn

_DECIDED = "Decided on errata's scan board."
_IN_WORDS = {"missing": "Something is missing.", "boundary": "The boundary is bad."}

Region = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FormNames:
    """How the controls of a review form are called.

    Attributes:
        verdict: of the decision.
        note: of the note.
        at_regions: what regions are drawn on -> of the decision about one of them.
        to_name: what decision and note are asked about.
    """

    verdict: str
    note: str
    at_regions: Mapping[str, str]
    to_name: str


def closing_result(
    task: Mapping[str, Any], said: Sequence[Verdict], names: FormNames, columns: Columns, reviewer_id: int
) -> list[dict[str, Any]]:
    """Return the result to submit in a review task, such that it is read as these decisions where somebody changes it.

    Args:
        task: the review task, as Label Studio lists it.
        said: the decisions about its findings, each by itself.
        names: of the form's controls.
        columns: how the data columns are called.
        reviewer_id: who decided.
    """
    result = _prefilled(task)
    for verdict in said:
        result = _with_fix(result, verdict)
    asked = (task.get("data") or {}).get(columns("findings"))
    if isinstance(asked, list):
        decided = {verdict.finding_key: verdict for verdict in said}
        for number, each in enumerate(asked, start=1):
            if each["finding"] in decided:
                result += list(_at_region(result, each["region"], number, decided[each["finding"]], names))
    else:
        result.append(
            _result(names.verdict, names.to_name, "choices", {"choices": [said[0].decision]}, "errata-verdict")
        )
    note = _result(names.note, names.to_name, "textarea", {"text": [" ".join(_notes(said))]}, "")
    return signed(result, note, int(task["id"]), reviewer_id)


def _prefilled(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what the form opens with."""
    for prediction in task.get("predictions") or ():
        if prediction.get("model_version") == GIVEN:
            return region_edits.copied_result(prediction.get("result") or ())
    return []


def _with_fix(result: list[dict[str, Any]], verdict: Verdict) -> list[dict[str, Any]]:
    """Return the result with what the decision changes, as far as it can be shown there."""
    edits = Codecs()
    for change in agreed_changes([verdict], {}):
        try:
            result = with_change(result, as_drawn(change, result, edits), edits)
        except ValueError:  # the label has changed since the form was filled with it
            continue
    return result


def _at_region(
    result: Sequence[Region], region_id: str | None, number: int, verdict: Verdict, names: FormNames
) -> Iterator[dict[str, Any]]:
    """Yield the decision about one of several findings: at its mark, else at its region."""
    places = [mark_id(ASKED, number), mark_id(SUGGESTED, number), region_id]
    for place in places:
        drawn = next((each for each in result if place is not None and each.get("id") == place), None)
        to_name = str(drawn.get("to_name")) if drawn else ""
        if drawn is not None and to_name in names.at_regions:
            value = {**place_in(drawn), "choices": [verdict.decision]}
            yield _result(names.at_regions[to_name], to_name, "choices", value, str(place))
            return


def _notes(said: Sequence[Verdict]) -> Iterator[str]:
    yield _DECIDED
    reasons = dict.fromkeys(verdict.reason or "" for verdict in said if verdict.decision == "wrong")
    yield from (_IN_WORDS[reason] for reason in reasons if reason in _IN_WORDS)


def _result(control: str, to_name: str, type_: str, value: Mapping[str, Any], result_id: str) -> dict[str, Any]:
    about = {"id": result_id, "from_name": control, "to_name": to_name, "type": type_, "origin": "manual"}
    return {**about, "value": dict(value)}
