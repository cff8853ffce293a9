"""What errata answers in a review task for a decision on the scan board, read as if a person had answered so."""

from __future__ import annotations

import copy
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from errata.audit.ports import ReviewEntry
from errata.audit.snapshot import Snapshot, Task
from errata.boards.actions import Mark, Reviewer
from errata.boards.board_verdicts import to_board_verdict
from errata.boards.known_rows import KnownRow
from errata.labelstudio.closing_result import FormNames, closing_result
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.echoes import is_echo
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_config import Columns
from errata.labelstudio.review_tasks import read_answers, review_task
from errata.review.verdicts import to_verdict
from errata_model.kinds.masks.rle import encode
from errata_model.records import Finding, GivenLabel, Proposal

CODECS, ANN = Codecs(), Reviewer(4, "ann@example.com")
NAMES = FormNames("errata_verdict", "errata_note", {"object": "errata_region_verdict"}, "object")
IMAGE, TEXT = '<Image name="object" value="$object"/>', '<Text name="object" value="$object"/>'
HERE = {"x": 10.0, "y": 10.0, "width": 20.0, "height": 20.0, "rotation": 0}
SIZE = {"original_width": 100, "original_height": 100, "image_rotation": 0}


def said(control: str, type_: str, value: dict[str, Any], id_: str = "r", **more: Any) -> dict[str, Any]:
    return {"id": id_, "from_name": control, "to_name": "object", "type": type_, "value": value, **more}


def box(label: str, id_: str = "r", **place: float) -> dict[str, Any]:
    return said("box", "rectanglelabels", {**HERE, **place, "rectanglelabels": [label]}, id_, **SIZE)


def brush(label: str) -> dict[str, Any]:
    pixels = np.zeros((100, 100), dtype=np.uint8)
    pixels[10:30, 10:30] = 255
    rle = list(encode(np.repeat(pixels.ravel(), 4)))
    return said("brush", "brushlabels", {"format": "rle", "rle": rle, "brushlabels": [label]}, **SIZE)


def span(label: str, id_: str = "r") -> dict[str, Any]:
    return said("span", "labels", {"start": 0, "end": 4, "text": "Anna", "labels": [label]}, id_)


CHOICES = "".join(f'<Choice value="{label}"/>' for label in "abc")
LABELS = CHOICES.replace("Choice", "Label")
KINDS: dict[str, dict[str, Any]] = {
    "choices": {
        "xml": f'{TEXT}<Choices name="kind" toName="object">{CHOICES}</Choices>',
        "result": [said("kind", "choices", {"choices": ["a"]})],
        "label": "a", "proposed": said("kind", "choices", {"choices": ["b"]}), "fix": "c",
    },
    "taxonomy": {
        "xml": f'{TEXT}<Taxonomy name="path" toName="object" maxUsages="1"><Choice value="A"><Choice value="B"/>'
        '</Choice><Choice value="C"/></Taxonomy>',
        "result": [said("path", "taxonomy", {"taxonomy": [["A"]]})],
        "label": "A", "proposed": said("path", "taxonomy", {"taxonomy": [["C"]]}), "proposed_label": "C",
        "fix": "A > B",
    },
    "tags": {
        "xml": f'{TEXT}<Choices name="tags" toName="object" choice="multiple">{CHOICES}</Choices>',
        "result": [said("tags", "choices", {"choices": ["a", "b"]})],
        "label": "a", "proposed": said("tags", "choices", {"choices": ["a"]}), "action": "remove", "fix": "c",
    },
    "missing tag": {
        "xml": f'{TEXT}<Choices name="tags" toName="object" choice="multiple">{CHOICES}</Choices>',
        "result": [said("tags", "choices", {"choices": ["a"]})],
        "label": None, "proposed": said("tags", "choices", {"choices": ["b"]}), "action": "add", "fix": "c",
    },
    "values": {
        "xml": f'{TEXT}<Rating name="stars" toName="object"/>',
        "result": [said("stars", "rating", {"rating": 3})],
        "label": "3", "proposed": said("stars", "rating", {"rating": 5}), "proposed_label": "5", "fix": None,
    },
    "boxes": {
        "xml": f'{IMAGE}<RectangleLabels name="box" toName="object">{LABELS}'
        "</RectangleLabels>",
        "result": [box("a"), box("b", "other", x=60.0)],
        "label": "a", "region": "r", "proposed": box("b", x=11.0), "fix": "c",
    },
    "missing box": {
        "xml": f'{IMAGE}<RectangleLabels name="box" toName="object">{LABELS}'
        "</RectangleLabels>",
        "result": [box("b", "other", x=60.0)],
        "label": None, "proposed": box("b", "new"), "action": "add", "fix": "c", "kind": "boxes",
    },
    "masks": {
        "xml": f'{IMAGE}<BrushLabels name="brush" toName="object">{LABELS}'
        "</BrushLabels>",
        "result": [brush("a")],
        "label": "a", "region": "r", "proposed": brush("b"), "fix": "c",
    },
    "spans": {
        "xml": f'{TEXT}<Labels name="span" toName="object">{LABELS}</Labels>',
        "result": [span("a")],
        "label": "a", "region": "r", "proposed": span("b"), "fix": "c",
    },
}  # fmt: skip


def asked(kind: dict[str, Any]) -> tuple[KnownRow, dict[str, Any]]:
    """Return a finding of a kind, and its review task as Label Studio lists it."""
    xml = f"<View>{kind['xml']}</View>"
    config = read_label_config(xml)
    (control,) = config.controls
    label, region, proposed = kind["label"], kind.get("region"), kind["proposed"]
    tag = label or (proposed["value"]["choices"][0] if control.kind == "tags" else None)
    if label is None and control.kind == "tags":
        value_hash: str | None = CODECS.absent_hash(control, str(tag))
    elif label is None:
        value_hash = "missing"
    else:
        value_hash = CODECS.value_hash(kind["result"], control.name, region, tag if control.kind == "tags" else None)
    given = GivenLabel(10, 1, "bob", control.name, region, control.kind, label, str(value_hash))
    best = kind.get("proposed_label") or CODECS.label(
        [proposed], control.name, proposed["id"] if control.has_regions else None
    )
    best = best or proposed["value"]["choices"][0]
    proposal = Proposal(kind.get("action", "replace"), proposed, ((best, 0.9),))
    finding = Finding("f", given, {"d": 0.9}, 0.9, None, "why", proposal, "suspect", "v1")
    source = Snapshot("http://ls/", 7, "T", xml, config.controls, (), ())
    entry = ReviewEntry(finding, Task(10, {"object": "x"}, (), True), "Right?", 0.9, "p")
    made = review_task(source, entry, Columns(), {"object": "x"}, kind["result"])
    return KnownRow(finding, control, is_suspect=True), {"id": 100, "project": 70, **made}


def decisions() -> list[Any]:
    every = [("keep", None), ("take_proposal", None), ("wrong", None), ("unusable", None), ("unclear", None)]
    return [
        pytest.param(name, decision, label, id=f"{name}-{decision}")
        for name, kind in KINDS.items()
        for decision, label in [*every, *([("fix", kind["fix"])] if kind["fix"] else [])]
    ]


@pytest.mark.parametrize(("name", "decision", "label"), decisions())
def test_it_is_errata_s_own_until_it_is_touched_and_says_the_same_then(name: str, decision: Any, label: Any) -> None:
    """Of every kind: the decision, what becomes of the label and of others, and no contradiction."""
    row, task = asked(KINDS[name])
    before = copy.deepcopy(task)
    verdict = to_board_verdict(7, Mark("f", decision, label), row, ANN, datetime.now(timezone.utc), 1.0, CODECS)
    assert verdict is not None
    result = closing_result(task, [verdict], NAMES, Columns(), ANN.id)
    assert task == before
    written = {"id": 5, "result": result, "completed_by": ANN.id, "updated_at": "2026-01-01T00:00:00Z"}
    assert is_echo(written, 100)
    (echo,) = read_answers({**task, "annotations": [written]}, Columns(), "errata_verdict", "errata_note")
    assert echo.is_echo

    touched = {**written, "result": [*result[:-1], {**result[-1], "value": {"text": ["Looked again."]}}]}
    (answer,) = read_answers({**task, "annotations": [touched]}, Columns(), "errata_verdict", "errata_note")
    assert (answer.is_echo, answer.note) == (False, "Looked again.")
    again = to_verdict(7, answer, row.finding, CODECS)
    assert (again.decision, again.contradiction) == (decision, None)
    assert (again.new_label, again.also, again.reason) == (verdict.new_label, verdict.also, verdict.reason)
    assert bool(again.new_value) == (bool(verdict.new_value) or verdict.relabels_region)
    assert again.other_edits == ()


def test_why_it_is_wrong_is_in_the_note() -> None:
    """For people who open the task; without a reason it says where it was decided alone."""
    row, task = asked(KINDS["boxes"])
    notes = []
    for reason in (None, "boundary", "missing"):
        mark = Mark("f", "wrong", reason=reason)
        verdict = to_board_verdict(7, mark, row, ANN, datetime.now(timezone.utc), 1.0, CODECS)
        assert verdict is not None
        notes += closing_result(task, [verdict], NAMES, Columns(), ANN.id)[-1]["value"]["text"]
    assert [note.removeprefix("Decided on errata's scan board.").strip() for note in notes] == [
        "", "The boundary is bad.", "Something is missing.",
    ]  # fmt: skip
