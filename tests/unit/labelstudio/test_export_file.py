"""Label Studio's JSON exports as a source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from errata.audit.snapshot import Snapshot
from errata.errors import ConfigNotServed, ExportError
from errata.labelstudio.export_file import ExportSource

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="label" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices></View>"""


class Silent:
    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, n: int = 1) -> None: ...
    def say(self, text: str) -> None: ...


def region(label: str) -> dict[str, Any]:
    return {
        "id": "r",
        "from_name": "label",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [label]},
    }


def annotation(annotation_id: int, *labels: str, **fields: Any) -> dict[str, Any]:
    return {"id": annotation_id, "completed_by": 1, "result": [region(label) for label in labels], **fields}


def task(task_id: int, *annotations: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": task_id, "data": {"image": "a.png"}, "annotations": list(annotations), **fields}


def read(folder: Path, export: object, config: str = CONFIG) -> Snapshot:
    text = export if isinstance(export, str) else json.dumps(export)
    (folder / "export.json").write_text(text, encoding="utf-8")
    (folder / "config.xml").write_text(config, encoding="utf-8")
    return ExportSource(folder / "export.json", folder / "config.xml").read(Silent())


def test_tasks_and_labels_are_read(tmp_path: Path) -> None:
    snapshot = read(tmp_path, [task(7, annotation(70, "cat"), project=3), task(8, project=3)])
    assert (snapshot.url, snapshot.project_id, snapshot.title) == ("", 3, "export")
    assert [each.id for each in snapshot.tasks] == [7, 8]
    (label,) = snapshot.tasks[0].labels
    assert (label.task_id, label.annotation_id, label.annotator, label.label) == (7, 70, "1", "cat")
    assert [each.is_labeled for each in snapshot.tasks] == [True, False]
    assert not snapshot.skipped


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    assert len(read(tmp_path, "\ufeff" + json.dumps([task(1)])).tasks) == 1


def test_an_annotator_is_named_by_the_same_id_in_every_form(tmp_path: Path) -> None:
    annotations = [
        annotation(1, "cat", completed_by={"id": 5, "email": "a@example.com"}),
        annotation(2, "cat", completed_by=5),
        annotation(3, "cat", completed_by={"email": "a@example.com"}),
        annotation(4, "cat", completed_by=None),
    ]
    labels = read(tmp_path, [task(1, *annotations)]).tasks[0].labels
    assert [label.annotator for label in labels] == ["5", "5", "a@example.com", ""]


def test_what_cannot_be_used_is_counted_in_words_and_named(tmp_path: Path) -> None:
    annotations = [
        annotation(1, "cat", was_cancelled=True),
        annotation(2),
        annotation(3, "fox"),
        annotation(4, "fox"),
        annotation(5, "cat", "dog"),
        annotation(6, result=None),
        annotation(7, "dog"),
        annotation(8, result=[{**region("x"), "from_name": "other"}]),
    ]
    snapshot = read(tmp_path, [task(1, *annotations), task(2, data={"text": "no image"})])
    assert [label.annotation_id for label in snapshot.tasks[0].labels] == [7]
    assert snapshot.skipped == {
        "annotations that their annotator skipped": 1,
        "annotations that are empty (annotation 2)": 1,
        'annotations with a label that the config does not have: "fox" (annotation 3, 4)': 2,
        'annotations with an answer for "label" that is not one choice (annotation 5)': 1,
        "annotations whose result is not a list (annotation 6)": 1,
        'annotations without an answer for "label" (annotation 8)': 1,
        'annotations with results of "other", which the config does not have (annotation 8)': 1,
        'tasks without anything under "image" (task 2)': 1,
    }


def test_predictions_become_probabilities_and_bare_ids_are_passed_over(tmp_path: Path) -> None:
    predictions = [
        {"model_version": "v1", "score": 0.75, "result": [region("dog")]},
        {"model_version": "v2", "score": float("nan"), "result": [region("dog")]},
    ]
    first, second = read(tmp_path, [task(1, predictions=predictions), task(2, predictions=[11, 12])]).tasks
    (stored,) = first.predictions
    assert (stored.model_version, stored.control, stored.probabilities) == ("v1", "label", {"cat": 0.25, "dog": 0.75})
    assert first.prediction_versions == ("v1", "v2")
    assert second.predictions == ()


def test_media_imported_before_the_config_is_found(tmp_path: Path) -> None:
    (only,) = read(tmp_path, [task(1, data={"$undefined$": "b.png"})]).tasks
    assert only.data["image"] == "b.png"


@pytest.mark.parametrize(
    ("export", "said"),
    [
        ('[{"id": 1,', "not JSON (line 1, column"),
        ("id,label\n1,cat", "not JSON"),
        ({"images": [], "annotations": []}, "not as COCO"),
        ([task(1), 3], "task 2 of 2: it is not an object"),
        ([{"id": 1, "image": "a.png", "label": "cat", "annotation_id": 3}], "JSON-MIN"),
        ([{"data": {"image": "a.png"}, "annotations": []}], 'no whole number as "id"'),
        ([task(1), task(1)], "task 2 of 2: the id 1 occurs twice"),
        ([{"id": 1, "data": {}}], 'no list of "annotations"'),
        ([task(1, {"result": []})], 'an annotation has no whole number as "id"'),
        ("[" * 200_000, ""),
        (f'[{{"id": {"1" * 5000}}}]', "a number of too many digits"),
    ],
)
def test_an_export_that_cannot_be_read_is_named_with_position_and_remedy(
    tmp_path: Path, export: object, said: str
) -> None:
    with pytest.raises(ExportError) as raised:
        read(tmp_path, export)
    assert said in str(raised.value)
    assert "export.json" in str(raised.value)


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no such file"):
        ExportSource(tmp_path / "export.json", tmp_path / "config.xml").read(Silent())
    (tmp_path / "config.xml").write_text(CONFIG)
    (tmp_path / "export.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ExportError, match="not UTF-8"):
        ExportSource(tmp_path / "export.json", tmp_path / "config.xml").read(Silent())


def test_a_broken_config_is_an_export_error_and_one_without_choices_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"config\.xml.*well-formed"):
        read(tmp_path, [task(1)], config="<View>")
    with pytest.raises(ConfigNotServed):
        read(tmp_path, [task(1)], config="<View/>")
