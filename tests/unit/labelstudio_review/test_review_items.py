"""A review task about all findings of an item: what stands in it, and how decisions at regions are read."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from errata.audit.review_order import item_entry
from errata.audit.snapshot import Snapshot, Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_config import Columns, region_verdict_controls, review_config
from errata.labelstudio.review_tasks import GIVEN, SUGGESTION, read_answers, review_task
from errata_model.records import Finding, GivenLabel, Proposal

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="car"/>'
    '<Label value="bus"/></RectangleLabels><Text name="text" value="$text"/>'
    '<Labels name="ner" toName="text"><Label value="PER"/></Labels></View>'
)
CONTROLS = read_label_config(CONFIG).controls
SNAPSHOT = Snapshot("http://label-studio/", 1, "Items", CONFIG, CONTROLS, (), ())


def box(region_id: str, label: str, x: int) -> dict[str, Any]:
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    value = {"x": x, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": [label]}
    return {**about, "value": value, "original_width": 100, "original_height": 100, "image_rotation": 0}


RESULT = [box("a", "car", 10), box("b", "bus", 40)]


def finding(region_id: str | None, proposal: Proposal, disagreement: float) -> Finding:
    label = Codecs().label(RESULT, "box", region_id) if region_id else None
    value_hash = (Codecs().value_hash(RESULT, "box", region_id) or "") if region_id else "missing"
    given = GivenLabel(5, 8, "1", "box", region_id, "boxes", label, value_hash)
    return Finding(region_id or "new", given, {}, disagreement, None, "why", proposal, "suspect", "v1")


@pytest.fixture
def task() -> dict[str, Any]:
    """Ask about a, whose label is doubted, about b, which is to go, and about one that is missing."""
    findings = [
        finding("b", Proposal("remove", box("b", "bus", 40), (("bus", 0.9),)), 0.7),
        finding("a", Proposal("replace", box("a", "bus", 10), (("bus", 0.9),)), 0.9),
        finding(None, Proposal("add", box("new", "car", 70), (("car", 0.9),)), 0.8),
    ]
    entry = item_entry(findings, Task(5, {}, (), True), {})
    return review_task(SNAPSHOT, entry, Columns(), {"image": "a.png", "text": "x"}, RESULT)


def read(task: dict[str, Any], *result: dict[str, Any], overall: str = "") -> dict[str, str]:
    """Submit a result; return what is decided about each finding."""
    whole = [*result]
    if overall:
        whole.append({"from_name": "errata_verdict", "type": "choices", "value": {"choices": [overall]}})
    annotation = {"id": 1, "result": whole, "updated_at": "2026-01-02T03:04:05.678901Z"}
    names = region_verdict_controls(CONFIG, CONTROLS)
    answers = read_answers(
        {"id": 7, "project": 4, **task, "annotations": [annotation]}, Columns(), "errata_verdict", "n", names.keys()
    )
    return {answer.finding_key: answer.choice for answer in answers}


def decide(region_id: str, choice: str) -> dict[str, Any]:
    return {"id": region_id, "from_name": "errata_region_verdict", "type": "choices", "value": {"choices": [choice]}}


def test_all_that_is_asked_stands_in_the_task(task: dict[str, Any]) -> None:
    """Worst first: a question and a mark each, and a suggestion in which all proposals are taken.

    What is decided at comes before all else, for clicks.
    """
    question = task["data"]["question"].splitlines()
    assert [line[:20] for line in question[1:]] == [
        '1. box: Marked "car"',
        "2. box: Not marked: ",
        '3. box: Marked "bus"',
    ]
    shown = {each["model_version"]: [(r["id"], r["value"]["rectanglelabels"][0]) for r in each["result"]]
             for each in task["predictions"]}  # fmt: skip
    assert shown[GIVEN] == [
        ("a", "car"),
        ("errata-suggested-2", "suggested"),
        ("b", "bus"),
        ("errata-asked-about-1", "asked about"),
        ("errata-asked-about-3", "asked about"),
    ]
    assert shown[SUGGESTION] == [("a", "bus"), ("new", "car")]
    assert (task["data"]["disagreement"], task["data"]["finding"]) == (0.9, "a")


def test_decisions_are_made_at_regions_and_at_their_marks(task: dict[str, Any]) -> None:
    """At the region, its mark or the suggested place; left open is open; two that differ are unclear."""
    assert read(task, *RESULT) == {"a": "", "new": "", "b": ""}
    said = (decide("a", "keep"), decide("errata-suggested-2", "take_proposal"), decide("errata-asked-about-3", "wrong"))
    assert read(task, *RESULT, *said) == {"a": "keep", "new": "take_proposal", "b": "wrong"}
    assert read(task, *RESULT, decide("a", "keep"), decide("errata-asked-about-1", "wrong"))["a"] == "unclear"


def test_what_is_deleted_is_corrected_and_all_others_are_as_said(task: dict[str, Any]) -> None:
    """A decision about all others holds where there is none at the region, and for none that is gone."""
    said = read(task, RESULT[0], decide("a", "keep"), overall="take_proposal")
    assert said == {"a": "keep", "b": "fix", "new": "take_proposal"}


def test_the_form_asks_at_regions_only_where_it_is_to() -> None:
    """A decision for each object that regions are drawn on, nothing required; the usual form is as it was."""
    usual = ET.fromstring(review_config(CONFIG, [], controls=CONTROLS))
    by_item = ET.fromstring(review_config(CONFIG, [], controls=CONTROLS, by_item=True))
    found = {
        tag.get("name"): (tag.get("toName"), tag.get("perRegion"), tag.get("required"))
        for tag in by_item.iter("Choices")
    }
    assert found == {
        "errata_region_verdict": ("image", "true", None),
        "errata_region_verdict_2": ("text", "true", None),
        "errata_verdict": ("image", None, None),
    }
    assert [(tag.get("name"), tag.get("required")) for tag in usual.iter("Choices")] == [("errata_verdict", "true")]
    shown = {"region-selected": "Your decision about the selected region",
             "no-region-selected": "Your decision about all others in question"}  # fmt: skip
    for view in (view for view in by_item.iter("View") if view.get("visibleWhen")):
        assert [header.get("value") for header in view.iter("Header")] == [shown[str(view.get("visibleWhen"))]]
    assert all("visibleWhen" not in view.attrib for view in usual.iter("View"))
