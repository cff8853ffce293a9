"""What Label Studio keeps of the prediction that an annotation began with, as 1.23.2 writes it."""

from __future__ import annotations

from typing import Any

import pytest

from errata.audit.evidence import UNKNOWN_VERSION
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.tasks import TaskReader
from errata_model.records import Control

CONTROL = Control("label", "choices", "image", "image", "image", ("car", "truck"))


def region(label: str, **fields: Any) -> dict[str, Any]:
    said = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
    return {"id": "suggested", **said, **fields}


def prediction(label: str | None, version: str | None = "v1", **fields: Any) -> dict[str, Any]:
    return {"id": 5, "model_version": version, "score": 0.9, "result": [region(label)] if label else [], **fields}


def origin_of(
    label: str, *predictions: Any, parent: int | None = None, copy: Any = None, **fields: Any
) -> tuple[str | None, str | None]:
    """Return (suggested by, started from) of one label."""
    annotation = {"id": 8, "completed_by": 1, "result": [region(label, **fields)], "parent_prediction": parent}
    if copy is not None:
        annotation["prediction"] = copy
    task = {"id": 1, "data": {"image": "a.png"}, "annotations": [annotation], "predictions": list(predictions)}
    (given,) = TaskReader([CONTROL]).read(task).labels
    return given.suggested_by, given.started_from


@pytest.mark.parametrize(
    ("label", "origin", "expected"),
    [
        ("car", "prediction", ("v1", "v1")),  # submitted as it was
        ("truck", "prediction-changed", (None, "v1")),
        ("car", "prediction-changed", (None, "v1")),  # changed and changed back: somebody decided
        ("car", "manual", (None, "v1")),  # taken away and chosen anew
        ("car", None, ("v1", "v1")),  # the action "Create Annotations From Predictions", and scripts
        ("truck", None, (None, "v1")),
        ("truck", "prediction", (None, "v1")),  # rewritten by a script
    ],
)
def test_an_annotation_made_from_a_prediction(
    label: str, origin: str | None, expected: tuple[str | None, str | None]
) -> None:
    """`parent_prediction` names one of the task's predictions: accepted is what was left as it was."""
    fields = {} if origin is None else {"origin": origin}
    assert origin_of(label, prediction("truck", "v0", id=4), prediction("car"), parent=5, **fields) == expected


def test_a_prediction_that_was_only_there_suggests_nothing() -> None:
    """It agrees with the label, but nobody began with it."""
    assert origin_of("car", prediction("car"), origin="manual") == (None, None)
    assert origin_of("car", prediction("car")) == (None, None)


@pytest.mark.parametrize("version", ["errata-abc-withheld", "v1"])
def test_an_empty_form_is_nobodys_opinion(version: str) -> None:
    """A form that was made from an empty prediction: the label is the person's own, and no correction either."""
    empty = prediction(None, version)
    assert origin_of("car", empty, parent=5, origin="manual") == (None, None)
    assert origin_of("car", 5, parent=5, copy=empty, origin="manual") == (None, None)


def test_errata_itself_may_have_suggested_it() -> None:
    assert origin_of("car", prediction("car", "errata-abc"), parent=5, origin="prediction")[0] == "errata-abc"


def test_a_prediction_without_a_version() -> None:
    assert origin_of("car", prediction("car", None), parent=5, origin="prediction")[0] == UNKNOWN_VERSION


def test_after_its_version_was_deleted_the_region_still_says_it() -> None:
    """Label Studio then forgets `parent_prediction`; a list has no copy of the prediction."""
    assert origin_of("car", origin="prediction") == (UNKNOWN_VERSION, UNKNOWN_VERSION)
    assert origin_of("car", origin="prediction-changed") == (None, UNKNOWN_VERSION)
    assert origin_of("car", origin="manual") == origin_of("car") == (None, None)
    assert origin_of("car", parent=5, origin="prediction") == (UNKNOWN_VERSION, UNKNOWN_VERSION)


def test_an_export_keeps_a_copy_of_the_prediction() -> None:
    """The copy outlives the prediction, but is made for everybody: only a copied region came from it."""
    assert origin_of("car", 5, parent=5, copy=prediction("car"), origin="prediction") == ("v1", "v1")
    assert origin_of("car", copy=prediction("car"), origin="prediction") == ("v1", "v1")
    assert origin_of("car", copy=prediction("car")) == ("v1", "v1")
    assert origin_of("car", copy=prediction("car"), id="drawn")[0] is None
    assert origin_of("car", copy=prediction("car"), origin="manual")[0] is None
    assert origin_of("car", copy={}, origin="manual") == (None, None)


def test_a_copy_of_another_prediction_than_the_parent_is_not_asked() -> None:
    """The chosen version was v2, the annotator began with one of v1, which an export names by its id alone."""
    other = prediction("truck", "v2", id=6)
    assert origin_of("car", 5, 6, parent=5, copy=other, origin="prediction") == (UNKNOWN_VERSION, UNKNOWN_VERSION)


@pytest.mark.parametrize("broken", [7, "x", {"id": 5}, {"id": 5, "result": "no list"}])
def test_nonsense_is_no_suggestion(broken: Any) -> None:
    assert origin_of("car", broken, parent=5, origin="manual") == (None, None)
    assert origin_of("car", copy=broken, origin="manual") == (None, None)


BOXES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/><Label value="bus"/></RectangleLabels></View>'
)


def box(region_id: str, x: float, origin: str | None = None) -> dict[str, Any]:
    value = {"x": x, "y": 10, "width": 10, "height": 10, "rotation": 0, "rectanglelabels": ["car"]}
    made = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels", "value": value}
    return made if origin is None else {**made, "origin": origin}


def test_regions_that_were_accepted_unchanged_are_the_models_opinion() -> None:
    """Of a prediction's regions those that stand as they were; one that was moved began there; one drawn anew did not.

    Where the prediction is gone, what the page noted of each region says the same.
    """
    config = read_label_config(BOXES)
    result = [box("a", 10, "prediction"), box("b", 35, "prediction-changed"), box("c", 70, "manual")]
    said = {"id": 5, "model_version": "v1", "result": [box("a", 10), box("b", 30)]}
    annotation = {"id": 1, "result": result, "parent_prediction": 5}
    for predictions, version in (([said], "v1"), ([], UNKNOWN_VERSION)):
        raw = {"id": 1, "data": {"image": "x.png"}, "annotations": [annotation], "predictions": predictions}
        (drawn,) = TaskReader(config.controls).read(raw).drawn
        found = {label.region_id: (label.suggested_by, label.started_from) for label in drawn.labels}
        assert found == {"a": (version, version), "b": (None, version), "c": (None, None)}
