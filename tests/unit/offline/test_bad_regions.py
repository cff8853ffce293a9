"""Boxes, masks and spans that are no such thing: each is named and counted, and the rest is ranked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]
BOXES = """<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">
<Label value="car"/><Label value="bus"/></RectangleLabels></View>"""
N = 20
ENDLESS = 10**400  # JSON has it, and no float does


@dataclass
class Regions:
    """An export of annotations and predictions."""

    folder: Path
    config: str = BOXES
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "media").mkdir()

    def add(self, given: Any, *predictions: Mapping[str, Any]) -> int:
        """Add a task with an annotation; return its id."""
        task_id = len(self.tasks) + 1
        annotations = [{"id": 100 + task_id, "completed_by": 1, "result": given}]
        task = {"id": task_id, "data": {"image": "a.png"}, "annotations": annotations, "predictions": predictions}
        self.tasks.append(task)
        return task_id


def box(label: Any, x: Any, region_id: Any, **fields: Any) -> dict[str, Any]:
    """Return a result; fields of its value replace others, and of None take them away."""
    value = {"x": x, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": [label]}
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    sizes = {"original_width": 100, "original_height": 80, "image_rotation": 0}
    made = {**about, **sizes, "value": value}
    for key, said in fields.items():
        (value if key in value else made)[key] = said
    return made


def usual() -> list[Any]:
    return [box("car", 10, "a"), box("bus", 60, "b")]


def predicted(*results: Any, version: str = "m", **fields: Any) -> dict[str, Any]:
    said = results or (box("car", 10.5, "p", score=0.9), box("bus", 60.5, "q", score=0.9))
    return {"model_version": version, "score": 0.9, "result": list(said), **fields}


@pytest.fixture
def made(tmp_path: Path) -> Regions:
    """Twenty tasks on which people and a model agree, and one on which a bus was marked as a car: the last one."""
    regions = Regions(tmp_path)
    for _ in range(N):
        regions.add(usual(), predicted())
    regions.add([box("car", 10, "a"), box("car", 60, "b")], predicted())
    return regions


def assert_the_rest_is_ranked(heard: Any) -> None:
    """Every usual region has its place, the wrong one before the others, and every number is one."""
    places = [(each["task"], each["region"]) for each in heard.findings if each["task"] <= N + 1 and each["region"]]
    assert sorted(places) == [(task, region) for task in range(1, N + 2) for region in "ab"]
    assert places[0] == (N + 1, "b")
    found = [each["disagreement"] for each in heard.findings]
    assert found == sorted(found, reverse=True)
    assert all(0 <= each <= 1 for each in found)
    assert len({each["finding"] for each in heard.findings}) == len(found)


ODD_BOXES = {
    "of no size": [box("car", 30, "o", width=0), box("car", 30, "o", height=-5)],
    "that lie outside the image": [box("car", 150, "o"), box("car", -40, "o")],
    'without a number for "x"': [box("car", said, "o") for said in (None, "10", math.nan, ENDLESS, True, [1])],
    'without a number for "width" that can be': [box("car", 30, "o", width=1e300)],
    'without a number for "rotation" that can be': [box("car", 30, "o", rotation=1e308)],
    "without a place": [box("car", 30, "o") | {"value": said} for said in (None, {}, [1], "x")][:1],
    "with an id that another one has": [box("bus", 30, "a"), box("car", 10, "a")],
    'that are drawn as "polygonlabels", which errata does not read here': [box("car", 30, "o", type="polygonlabels")],
    "without an id": [box("car", 30, said) for said in (None, "", 7, ["a"], {"a": 1})],
    "annotations with something in them that is no result": [None, "x", 3, [1], True],
    'annotations with results of "cube", which the config does not have': [box("car", 30, "o", from_name="cube")],
    "annotations with results of \"['box']\"": [box("car", 30, "o", from_name=["box"])],
}


@pytest.mark.parametrize("what", ODD_BOXES)
def test_what_is_no_box_is_named_and_the_others_of_its_annotation_are_ranked(
    made: Regions, audit: Make, what: str
) -> None:
    """Nothing is found about it; it does not stand in the way of two boxes beside it."""
    odd = [made.add([*usual(), each], predicted()) for each in ODD_BOXES[what]]
    heard = audit(made, "--belief", "stored", "--json", "--all")
    told = {line: n for line, n in heard.summary["skipped"].items() if what in line}
    assert sum(told.values()) == len(odd)
    assert f"(annotation {100 + odd[0]}" in next(iter(told))
    for task in odd:
        assert {each["region"] for each in heard.findings if each["task"] == task} == {"a", "b"}
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize("said", [[], None, [None], "car", ["car", "bus"], [["car"]], ["plane"], ["\ud800"], [{}]])
def test_a_box_whose_label_is_none_of_the_config(made: Regions, audit: Make, said: Any) -> None:
    """Without a label, with several, or with one that the config does not have, it is named and of a wrong class."""
    odd = made.add([box("car", 10, "a"), box("bus", 60, "b", rectanglelabels=said)], predicted())
    heard = audit(made, "--belief", "stored", "--json", "--all")
    (found,) = (each for each in heard.findings if (each["task"], each["region"]) == (odd, "b"))
    assert "wrong_class" in found["detectors"]
    assert found["disagreement"] > 0.5
    assert found["proposal"]["top"][0][0] == "bus"
    (told,) = heard.summary["skipped"]
    assert told.startswith("labels of regions that")
    assert told.endswith(f"(annotation {100 + odd})")
    assert len(heard.findings) == 2 * (N + 2)


@pytest.mark.parametrize("side", [None, math.inf, math.nan, ENDLESS, 0, "100", 1e9])
def test_boxes_that_do_not_say_how_large_their_image_is(made: Regions, audit: Make, side: Any) -> None:
    """They are compared as if it were square."""
    sizes = {"original_width": side, "original_height": side}
    odd = made.add([{**each, **sizes} for each in usual()], predicted())
    heard = audit(made, "--belief", "stored", "--json", "--all")
    doubted = [each["disagreement"] for each in heard.findings if each["task"] == odd]
    assert len(doubted) == 2
    assert max(doubted) < 0.5
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize("given", [[None, 3], [box("car", 10, "o", width=0)], [box("car", 10, "o", from_name="cube")]])
def test_an_annotation_of_nothing_that_can_be_read_does_not_say_that_nothing_is_there(
    made: Regions, audit: Make, given: list[Any]
) -> None:
    """Nothing is missed in it; in an empty one all is."""
    odd = made.add(given, predicted())
    empty = made.add([], predicted())
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert [each for each in heard.findings if each["task"] == odd] == []
    assert [list(each["detectors"]) for each in heard.findings if each["task"] == empty] == [["missing_region"]] * 2
    assert_the_rest_is_ranked(heard)


def odd_score(score: Any) -> dict[str, Any]:
    return predicted(box("car", 10.5, "p", score=score), box("bus", 60.5, "q", score=score), score=score)


ODD_PREDICTIONS = {
    'predictions of "m" whose result is not a list': [predicted(result=said) for said in (None, "x", {"a": 1})],
    'predictions of "m" with something in them that is no result': [predicted(None), predicted("x", 3)],
    'predictions of "m" with results of "cube"': [predicted(box("car", 10, "p", from_name="cube"))],
    'predicted regions of "m" with a label that the config does not have: "van"': [predicted(box("van", 10, "p"))],
    'predicted regions of "m" of no size': [predicted(box("car", 10, "p", width=0))],
}


@pytest.mark.parametrize("what", ODD_PREDICTIONS)
def test_a_prediction_of_nothing_that_can_be_read_does_not_say_that_nothing_is_there(
    made: Regions, audit: Make, what: str
) -> None:
    """It is named and counted, and its task's regions are doubted by nothing."""
    odd = [made.add(usual(), each) for each in ODD_PREDICTIONS[what]]
    heard = audit(made, "--belief", "stored", "--json", "--all")
    skipped = heard.summary["skipped"]
    assert sum(n for line, n in skipped.items() if what in line) == len(odd)
    assert skipped['labelled tasks without a usable prediction of "m" for "box"'] == len(odd)
    assert {each["task"] for each in heard.findings} == set(range(1, N + 2))
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize("score", [7.5, -1, math.nan, math.inf, ENDLESS, "0.9", True])
def test_scores_that_are_none_are_counted_and_count_as_sure(made: Regions, audit: Make, score: Any) -> None:
    """So do predictions without one."""
    made.add([box("car", 10, "a")], odd_score(score))
    made.add([box("car", 10, "a")], odd_score(None))
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert heard.summary["skipped"] == {'scores of "m" that are no numbers from 0 to 1': 3}
    odd = {each["task"]: each["disagreement"] for each in heard.findings if not each["region"] and each["task"] > N + 1}
    assert list(odd) == [N + 2, N + 3]
    assert odd[N + 2] == pytest.approx(odd[N + 3], rel=0.1)
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize("said", [5, {"a": 1}, "x", [1, None, "x"]])
def test_predictions_that_are_none(made: Regions, audit: Make, said: Any) -> None:
    """Exports may hold no more than their ids."""
    made.add(usual())
    made.tasks[-1]["predictions"] = said
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert any("whose predictions are not a list" in what for what in heard.summary["skipped"]) != isinstance(
        said, list
    )
    assert_the_rest_is_ranked(heard)


@pytest.mark.parametrize("results", [[], [box("van", 10, "p")]])
def test_a_version_that_never_marks_what_the_config_asks_for(made: Regions, audit: Make, results: Any) -> None:
    """It says nothing, and is not taken for one that finds nothing; of another version beside it all is ranked."""
    for task in made.tasks:
        task["predictions"] = [*task["predictions"], {**predicted(version="z"), "result": results}]
    made.add(usual(), {**predicted(version="z"), "result": results})
    heard = audit(made, "--belief", "stored", "--json", "--all")
    assert heard.summary["remarks"][0].startswith(f'Held against what "m" predicts for {N + 1} tasks')
    assert_the_rest_is_ranked(heard)

    assert "no predictions of" in audit(made, "--belief", "stored:z", code=2).told
