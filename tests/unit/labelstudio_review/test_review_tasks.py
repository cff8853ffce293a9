"""Answers read from review tasks."""

from typing import Any

from errata.labelstudio.review_config import Columns
from errata.labelstudio.review_tasks import read_answers


def said(control: str, key: str, *values: str) -> dict[str, Any]:
    kind = "choices" if key == "choices" else "textarea"
    return {"from_name": control, "to_name": "image", "type": kind, "value": {key: list(values)}}


def task(*annotations: dict[str, Any], **data: Any) -> dict[str, Any]:
    told = {"finding": "f1", "control": "label", "region": "", **data}
    return {"id": 7, "project": 3, "data": told, "annotations": list(annotations)}


def annotation(id_: int, *result: dict[str, Any], **changes: Any) -> dict[str, Any]:
    common = {"updated_at": "2026-01-02T03:04:05.678901Z", "created_username": "Ann Lee ann@example.com, 3"}
    return {"id": id_, "result": list(result), "was_cancelled": False, "lead_time": 2.0, **common, **changes}


def read(of: dict[str, Any]):
    return read_answers(of, Columns(), "errata_verdict", "errata_note")


def test_an_answer_is_read_whole():
    """Who, when, how long, what, which label and the note's lines."""
    result = (
        said("errata_verdict", "choices", "fix"),
        said("label", "choices", "car"),
        said("errata_note", "text", "one", "two"),
    )
    (answer,) = read(task(annotation(1, *result)))
    assert (answer.choice, answer.label, answer.note) == ("fix", "car", "one\ntwo")
    assert answer.reviewer == "ann@example.com"
    assert answer.answered_at.isoformat() == "2026-01-02T03:04:05.678901+00:00"
    assert answer.seconds == 2.0


def test_answers_come_by_annotation_and_skipped_ones_do_not():
    """Label Studio lists annotations in any order."""
    both = task(annotation(5), annotation(4), annotation(3, was_cancelled=True))
    assert [answer.review_annotation_id for answer in read(both)] == [4, 5]


def test_an_answer_without_a_decision_says_so():
    """One that came in by the API alone may lack it."""
    (answer,) = read(task(annotation(1, said("label", "choices", "car"))))
    assert (answer.choice, answer.label, answer.note) == ("", "car", None)


def test_a_reviewer_without_a_name_is_an_id():
    """A user that was deleted since has none."""
    (answer,) = read(task(annotation(1, created_username="", completed_by=9)))
    assert answer.reviewer == "user 9"


def test_other_peoples_tasks_are_no_answers():
    """A task that somebody added to the review project by hand has no finding."""
    assert read(task(annotation(1), finding=None)) == []
