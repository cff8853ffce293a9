"""Tags of tasks: which annotations give some, which give none, and which say nothing."""

from __future__ import annotations

from typing import Any

import pytest

from errata.audit.snapshot import Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.tasks import TaskReader
from errata_model.records import Control

TAGS = Control("tags", "tags", "image", "image", "image", ("cat", "dog", "fox"), takes_none=True)
REQUIRED = Control("tags", "tags", "image", "image", "image", ("cat", "dog", "fox"))
LABEL = Control("label", "choices", "image", "image", "image", ("car", "truck"))


def region(*labels: str, control: str = "tags", **fields: Any) -> dict[str, Any]:
    said = {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": list(labels)}}
    return {"id": "suggested", **said, **fields}


def read(reader: TaskReader, *results: Any, predictions: Any = (), **fields: Any) -> Task:
    annotations = [{"id": 8 + n, "completed_by": 3, "result": result, **fields} for n, result in enumerate(results)]
    task = {"id": 1, "data": {"image": "a.png"}, "annotations": annotations, "predictions": list(predictions)}
    return reader.read(task)


def test_every_given_tag_is_a_label_of_its_own() -> None:
    task = read(TaskReader([TAGS]), [region("dog", "cat", "dog")])
    assert [(given.label, given.kind, given.annotation_id, given.annotator) for given in task.labels] == [
        ("dog", "tags", 8, "3"),
        ("cat", "tags", 8, "3"),
    ]
    hashes = [Codecs().value_hash([region("cat", "dog")], "tags", None, tag) for tag in ("dog", "cat")]
    assert [given.value_hash for given in task.labels] == hashes


def test_every_annotation_that_answered_says_which_tags_are_missing() -> None:
    task = read(TaskReader([TAGS]), [region("dog")], [], [region()])
    assert [(answer.annotation_id, answer.label, answer.value_hash) for answer in task.answers] == [
        (8, None, ""),
        (9, None, ""),
        (10, None, ""),
    ]
    assert [given.label for given in task.labels] == ["dog"]


def test_no_region_is_no_tag_only_where_the_form_could_have_had_one() -> None:
    """Beside another answer, or alone where nothing else had to be answered."""
    note = {"from_name": "note", "type": "textarea", "value": {"text": ["x"]}}
    truck = region("truck", control="label")
    assert len(read(TaskReader([TAGS]), [note]).answers) == 1
    assert len(read(TaskReader([TAGS, LABEL]), [truck]).answers) == 1
    for controls, result in [([REQUIRED], []), ([REQUIRED], [note]), ([TAGS, LABEL], [])]:
        reader = TaskReader(controls)
        task = read(reader, result)
        assert (task.labels, task.answers) == ((), ())
        assert reader.skipped().total() == 1


@pytest.mark.parametrize("fields", [{"was_cancelled": True}, {"result": None}])
def test_a_skipped_annotation_gives_no_tags_and_lacks_none(fields: dict[str, Any]) -> None:
    task = read(TaskReader([TAGS]), [], **fields)
    assert (task.labels, task.answers) == ((), ())


def test_a_tag_that_the_config_lost_is_said_and_the_others_count() -> None:
    reader = TaskReader([TAGS])
    task = read(reader, [region("dog", "owl")])
    assert [given.label for given in task.labels] == ["dog"]
    assert len(task.answers) == 1
    assert dict(reader.skipped()) == {'annotations with a label that the config does not have: "owl" (annotation 8)': 1}


def test_an_answer_that_cannot_be_read_says_nothing() -> None:
    reader = TaskReader([TAGS])
    task = read(reader, [region("dog"), region("cat")])
    assert (task.labels, task.answers) == ((), ())
    assert 'annotations with an answer for "tags" that is not a list of choices (annotation 8)' in reader.skipped()


@pytest.mark.parametrize(
    ("tags", "origin", "expected"),
    [
        (["cat", "dog"], "prediction", {"cat": "v1", "dog": "v1", None: "v1"}),
        (["cat", "fox"], "prediction-changed", {"cat": "v1", "fox": None, None: None}),  # dog taken away, fox added
        (["cat", "dog"], "manual", {"cat": None, "dog": None, None: None}),  # taken away and chosen anew
        (["dog", "cat"], None, {"dog": "v1", "cat": "v1", None: "v1"}),  # "Create Annotations From Predictions"
    ],
)
def test_each_tag_may_have_been_accepted_from_a_prediction(
    tags: list[str], origin: str | None, expected: dict[str | None, str | None]
) -> None:
    """Label Studio notes one origin for all tags; those that the prediction had too were left as they were."""
    prediction = {"id": 5, "model_version": "v1", "score": 0.9, "result": [region("cat", "dog")]}
    given = region(*tags, **({"origin": origin} if origin else {}))
    task = read(TaskReader([TAGS]), [given], predictions=[prediction], parent_prediction=5)
    assert {each.label: each.suggested_by for each in (*task.labels, *task.answers)} == expected
    assert {each.started_from for each in (*task.labels, *task.answers)} == {"v1"}


def test_a_prediction_without_tags_is_nobodys_opinion() -> None:
    prediction = {"id": 5, "model_version": "v1", "score": 0.9, "result": []}
    task = read(TaskReader([TAGS]), [region("cat")], predictions=[prediction], parent_prediction=5)
    assert {each.started_from for each in (*task.labels, *task.answers)} == {None}
