"""Review tasks about regions, written and read back."""

from __future__ import annotations

import copy
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from errata.audit.review_order import review_entry
from errata.audit.snapshot import Snapshot, Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.region_marks import outlined, where
from errata.labelstudio.review_config import Columns, review_config
from errata.labelstudio.review_import import in_parts
from errata.labelstudio.review_tasks import GIVEN, SUGGESTION, read_answers, review_task
from errata_model.kinds.masks.rle import encode_mask
from errata_model.records import Finding, GivenLabel, Proposal
from errata_model.regions.shapes import Mask

CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="car"/>'
    '<Label value="bus"/></RectangleLabels><PolygonLabels name="area" toName="image"><Label value="roof"/>'
    '</PolygonLabels><Text name="text" value="$text"/><Labels name="ner" toName="text"><Label value="PER"/>'
    '<Label value="LOC"/></Labels></View>'
)
CONTROLS = read_label_config(CONFIG).controls
SNAPSHOT = Snapshot("http://ls/", 3, "Views", CONFIG, CONTROLS, (), ())
HERE = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}
THERE = {**HERE, "x": 70, "y": 75}


def box(region_id: str, label: str, place: dict[str, Any] = HERE, **more: Any) -> dict[str, Any]:
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    sizes = {"original_width": 100, "original_height": 200, "image_rotation": 0}
    return {**about, **sizes, "value": {**place, "rectanglelabels": [label]}, **more}


def span(region_id: str, label: str, text: str, start: int) -> dict[str, Any]:
    value = {"start": start, "end": start + len(text), "text": text, "labels": [label]}
    return {"id": region_id, "from_name": "ner", "to_name": "text", "type": "labels", "value": value}


RESULT = [
    box("a", "car", meta={"text": ["a note"]}),
    box("b", "bus", THERE, origin="manual"),
    span("s", "PER", "Paris", 9),
]


def posted(
    region_id: str | None,
    action: str | None,
    region: dict[str, Any] | None = None,
    control: str = "box",
    result: list[dict[str, Any]] = RESULT,
) -> dict[str, Any]:
    """Return the review task of a finding about a region of a result, or about one that is missing."""
    codecs = Codecs()
    label = codecs.label(result, control, region_id) if region_id else None
    value_hash = (codecs.value_hash(result, control, region_id) if region_id else None) or "missing"
    kind = next(each.kind for each in CONTROLS if each.name == control)
    given = GivenLabel(5, 8, "1", control, region_id, kind, label, value_hash)
    proposed = codecs.label([region], control, region["id"]) if region else None
    proposal = Proposal(action, region, ((proposed or "", 0.91),)) if action and region else None  # type: ignore[arg-type]
    finding = Finding("f1", given, {}, 0.9, None, "why", proposal, "suspect", "v1")
    entry = review_entry(finding, Task(5, {}, (), True), None)
    return review_task(SNAPSHOT, entry, Columns(), {"image": "a.png", "text": "Ann from Paris"}, result)


def answered(task: dict[str, Any], *result: dict[str, Any]) -> Any:
    """Read back what a reviewer submitted for a review task."""
    verdict = {"from_name": "errata_verdict", "type": "choices", "value": {"choices": ["fix"]}}
    annotation = {"id": 1, "result": [*result, verdict], "updated_at": "2026-01-02T03:04:05.678901Z"}
    whole = {"id": 7, "project": 4, **task, "annotations": [annotation]}
    (answer,) = read_answers(whole, Columns(), "errata_verdict", "n")
    return answer


def predictions(task: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {each["model_version"]: each["result"] for each in task["predictions"]}


def marks(task: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return (control, label, the region's x or start) of what errata drew into the form."""
    return [
        (each["from_name"], each["value"][each["type"]][0], each["value"].get("x", each["value"].get("start")))
        for each in predictions(task)[GIVEN]
        if each["from_name"].startswith("errata")
    ]


def test_the_whole_result_is_filled_in_with_its_ids() -> None:
    """The region in question is the first and carries a note beside its own; else nothing differs from the source."""
    shown = predictions(posted("a", "replace", box("a", "bus")))[GIVEN]
    assert shown[0]["meta"] == {"text": ["a note", "errata asks about this region."]}
    assert [{**shown[0], "meta": RESULT[0]["meta"]}, *shown[1:3]] == RESULT
    shown = predictions(posted("b", "replace", box("b", "car", THERE)))[GIVEN]
    assert [each["id"] for each in shown[:3]] == ["b", "a", "s"]


@pytest.mark.parametrize(
    ("about", "asked", "drawn"),
    [
        (
            ("a", "replace", box("a", "bus")),
            'Marked "car" at the top left (red). The model suggests "bus". Is it right as it is?',
            [("errata_rectanglelabels", "asked about", 9.0)],
        ),
        (
            ("a", "replace", box("a", "car", {**HERE, "x": 12})),
            (
                'Marked "car" at the top left (red). The model suggests another place for it (turquoise). '
                "Is it right as it is?"
            ),
            [("errata_rectanglelabels", "asked about", 9.0), ("errata_rectanglelabels", "suggested", 12)],
        ),
        (
            ("a", "replace", box("a", "bus", {**HERE, "x": 12})),
            'Marked "car" at the top left (red). The model suggests "bus" (turquoise). Is it right as it is?',
            [("errata_rectanglelabels", "asked about", 9.0), ("errata_rectanglelabels", "suggested", 12)],
        ),
        (
            ("a", "replace", box("a", "car", THERE)),
            (
                'Marked "car" at the top left (red). The model suggests it at the bottom right (turquoise). '
                "Is it right as it is?"
            ),
            [("errata_rectanglelabels", "asked about", 9.0), ("errata_rectanglelabels", "suggested", 70)],
        ),
        (
            ("b", "remove", box("b", "bus", THERE)),
            'Marked "bus" at the bottom right (red). The model suggests taking it away. Is it right as it is?',
            [("errata_rectanglelabels", "asked about", 69.0)],
        ),
        (
            (None, "add", box("new", "car", {**HERE, "x": 45, "y": 45})),
            'Not marked: "car" in the middle (turquoise). Is it missing?',
            [("errata_rectanglelabels", "suggested", 45)],
        ),
        (
            ("a", None, None),
            'Marked "car" at the top left (red). Is it right as it is?',
            [("errata_rectanglelabels", "asked about", 9.0)],
        ),
        (
            ("s", "replace", span("s", "LOC", "Paris", 9), "ner"),
            'Marked "PER" on "Paris" (red). The model suggests "LOC". Is it right as it is?',
            [("errata_labels", "asked about", 9)],
        ),
        (
            ("s", "replace", span("s", "PER", "from Paris", 4), "ner"),
            'Marked "PER" on "Paris" (red). The model suggests it on "from Paris" (turquoise). Is it right as it is?',
            [("errata_labels", "asked about", 9), ("errata_labels", "suggested", 4)],
        ),
        (
            (None, "add", span("new", "PER", "Ann", 0), "ner"),
            'Not marked: "PER" on "Ann" (turquoise). Is it missing?',
            [("errata_labels", "suggested", 0)],
        ),
    ],
)
def test_the_question_and_the_marks_say_what_and_where(about: Any, asked: str, drawn: list[Any]) -> None:
    """The region in question is framed or coloured red, and a suggested place turquoise, behind all others."""
    task = posted(*about)
    control = about[3] if len(about) > 3 else "box"
    assert task["data"]["question"].replace("\N{NO-BREAK SPACE}", " ") == f"{control}: {asked}"
    assert marks(task) == drawn
    assert [each["from_name"] for each in predictions(task)[GIVEN][-len(drawn) :]] == [name for name, *_ in drawn]
    assert all(each["readonly"] for each in predictions(task)[GIVEN][-len(drawn) :])


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("labels", {"start": 2.001256, "end": 3, "channel": 0}, " from 2.00 to 3.00 s"),
        ("labels", {"start": 2, "end": 3}, " from 2 to 3"),  # of a text in a file
        ("timeserieslabels", {"start": 2.5, "end": 1e6}, " from 2.5 to 1000000"),
        ("timeserieslabels", {"start": "2024-01-01", "end": "2024-01-02"}, " from 2024-01-01 to 2024-01-02"),
        ("labels", {"start": "/p[1]/text()[1]", "end": "/p[1]/text()[1]"}, ""),
    ],
)
def test_where_a_stretch_is_can_be_read(type_: str, value: dict[str, Any], words: str) -> None:
    """Seconds as the page's ruler has them, a time series' own times, and no paths."""
    assert where([{"id": "a", "type": type_, "value": {**value, type_: ["x"]}}]) == words


def test_marks_have_controls_that_show_no_buttons() -> None:
    """Whatever draws a region of the source has a mark of its own, and no name is taken."""
    taken = CONFIG.replace('name="ner"', 'name="errata_labels"')
    root = ET.fromstring(review_config(taken, (), controls=read_label_config(taken).controls))
    hidden = next(view for view in root.iter("View") if view.get("style") == "display: none")
    assert "underline" in root.findtext("Style", "")
    assert [(tag.tag, tag.get("name"), tag.get("toName")) for tag in hidden] == [
        ("RectangleLabels", "errata_rectanglelabels", "image"),
        ("PolygonLabels", "errata_polygonlabels", "image"),
        ("Labels", "errata_labels_", "text"),
    ]
    assert read_label_config(review_config(CONFIG, (), controls=CONTROLS)).controls[: len(CONTROLS)] == CONTROLS


def test_the_suggestion_is_the_result_with_it_taken() -> None:
    """Replaced, added or taken away; everything else stands as it does in the source."""
    replaced = predictions(posted("a", "replace", box("a", "bus", THERE)))[SUGGESTION]
    assert replaced == [{**RESULT[0], "value": {**THERE, "rectanglelabels": ["bus"]}}, *RESULT[1:]]
    added = predictions(posted(None, "add", box("new", "car", THERE, score=0.9)))[SUGGESTION]
    assert added == [*RESULT, box("new", "car", THERE, origin="manual")]
    assert predictions(posted("b", "remove", box("b", "bus", THERE)))[SUGGESTION] == [RESULT[0], RESULT[2]]
    assert SUGGESTION not in predictions(posted("a", None))


def test_an_open_polygon_is_closed() -> None:
    """Label Studio's page submits nothing while one is open."""
    points = {"points": [[1, 1], [9, 1], [5, 9]], "closed": False, "polygonlabels": ["roof"]}
    area = {"id": "p", "from_name": "area", "to_name": "image", "type": "polygonlabels", "value": points}
    task = posted("a", "replace", box("a", "bus"), result=[*RESULT, area])
    (shown,) = [each for each in predictions(task)[GIVEN] if each["id"] == "p"]
    assert shown["value"]["closed"] is True
    assert answered(task, *predictions(task)[GIVEN]).regions.changes == ()


def test_what_the_page_fails_on_is_left_out_of_the_form() -> None:
    """A region without a value, a relation to nowhere, broken run lengths: not shown, and not told as deleted."""
    brush = {"from_name": "brush", "to_name": "image", "type": "brushlabels", "original_width": 9, "original_height": 9}
    broken = [
        {"id": "v", "from_name": "box", "to_name": "image", "type": "rectanglelabels"},
        {"type": "relation", "from_id": "a", "to_id": "nowhere", "direction": "right"},
        {"id": "m", **brush, "value": {"format": "rle", "rle": [1, 2, 3], "brushlabels": ["sky"]}},
    ]
    relation = {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"}
    task = posted("a", "replace", box("a", "bus"), result=[*RESULT, *broken, relation])
    shown = predictions(task)[GIVEN]
    assert [each.get("id") for each in shown] == ["a", "b", "s", None, "errata-asked-about"]
    assert answered(task, *shown).regions.changes == ()


def test_what_the_page_submits_untouched_is_no_edit() -> None:
    """Whatever it notes beside: origin, and marks of errata's own."""
    task = posted("a", "replace", box("a", "bus"))
    submitted = [each | {"origin": "prediction"} for each in predictions(task)[GIVEN]]
    assert answered(task, *submitted).regions.changes == ()


def test_every_edit_is_told() -> None:
    """Another label, another place, a region less, a region more: with what was before."""
    task = posted("a", "replace", box("a", "bus"))
    moved = copy.deepcopy(RESULT[1])
    moved["value"]["x"] = 50
    answer = answered(task, box("a", "bus"), moved, box("n", "car", THERE), box("e", "car") | {"from_name": "errata_x"})
    codecs = Codecs()
    assert [(c.region_id, c.old_label, c.new_label, c.old_hash) for c in answer.regions.changes] == [
        ("a", "car", "bus", codecs.value_hash(RESULT, "box", "a")),
        ("b", "bus", "bus", codecs.value_hash(RESULT, "box", "b")),
        ("n", None, "car", ""),
        ("s", "PER", None, codecs.value_hash(RESULT, "ner", "s")),
    ]
    assert answer.regions.was == (RESULT[0],)
    assert answer.regions.labels["box"] == {"a": "car", "b": "bus"}
    assert answer.label is None


def test_a_region_that_is_gone_from_the_source_is_asked_about_all_the_same() -> None:
    """Nothing can be marked; the next audit withdraws the question."""
    given = GivenLabel(5, 8, "1", "box", "gone", "boxes", "car", "h")
    finding = Finding(
        "f", given, {}, 0.9, None, "", Proposal("remove", box("gone", "car"), (("car", 0.1),)), "suspect", "v"
    )
    task = review_task(SNAPSHOT, review_entry(finding, Task(5, {}, (), True), None), Columns(), {}, [])
    assert task["data"]["question"] == 'box: Marked "car". The model suggests taking it away. Is it right as it is?'
    assert predictions(task) == {GIVEN: [], SUGGESTION: []}


def test_of_a_mask_the_task_remembers_the_box_around_it() -> None:
    """Enough to tell that another one was drawn in its place; the run lengths stand in the form already."""
    mask = Mask(np.ones((20, 30), dtype=bool), 40, 50, 200, 100)
    value = {"format": "rle", "rle": list(encode_mask(mask)), "brushlabels": ["sky"]}
    size = {"original_width": 100, "original_height": 200, "image_rotation": 0}
    brush = {"id": "m", "from_name": "brush", "to_name": "image", "type": "brushlabels", "value": value, **size}
    (was,) = outlined([brush])
    assert "rle" not in was["value"]
    assert Codecs().overlap([was], [brush]) > 0.7
    assert outlined([RESULT[0]]) == [RESULT[0]]


def test_review_tasks_are_imported_in_requests_of_a_bounded_size() -> None:
    """In their order, as many a request as fit; one that is too large goes alone."""
    tasks = [{"data": "x" * n} for n in (10, 10, 500, 10, 10, 10)]
    parts = list(in_parts(iter(tasks), 70))
    assert [len(part) for part in parts] == [2, 1, 3]
    assert [task for part in parts for task in part] == tasks
    assert list(in_parts([], 70)) == []
