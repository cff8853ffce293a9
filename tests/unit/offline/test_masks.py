"""Masks and polygons of an export, held against the predictions that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_studio_sdk.converter.brush import decode_rle, mask2rle
from numpy.typing import NDArray

Make = Callable[..., Any]
SIZE = (60, 40)  # width and height
ROWS, COLUMNS = np.mgrid[: SIZE[1], : SIZE[0]]
LABELS = '<Label value="cell"/><Label value="debris"/>'
BRUSH = (
    f'<View><Image name="image" value="$image"/><BrushLabels name="tag" toName="image">{LABELS}</BrushLabels></View>'
)
POLYGONS = BRUSH.replace("BrushLabels", "PolygonLabels")


@dataclass
class Masks:
    """An export of masks."""

    folder: Path
    config: str
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "media").mkdir()

    def add(self, given: list[dict[str, Any]], believed: list[dict[str, Any]]) -> int:
        """Add a task with an annotation and a prediction."""
        task_id = len(self.tasks) + 1
        annotations = [{"id": 100 + task_id, "completed_by": 1, "result": given}]
        predictions = [{"model_version": "m", "score": 0.9, "result": believed}]
        task = {"id": task_id, "data": {"image": "a.png"}, "annotations": annotations, "predictions": predictions}
        self.tasks.append(task)
        return task_id


def disc(x: float, y: float, radius: float = 7) -> NDArray[np.bool_]:
    return np.asarray(np.hypot(COLUMNS - x, ROWS - y) < radius)


def brushed(pixels: NDArray[np.bool_], region_id: str, label: str = "cell", **fields: Any) -> dict[str, Any]:
    """A region as Label Studio's SDK writes it."""
    about = {"id": region_id, "from_name": "tag", "to_name": "image", "type": "brushlabels", "image_rotation": 0}
    value = {"format": "rle", "rle": mask2rle((255 * pixels).astype(np.uint8)), "brushlabels": [label]}
    return {**about, "original_width": SIZE[0], "original_height": SIZE[1], "value": value, **fields}


def outlined(
    x: float, y: float, region_id: str, label: str = "cell", radius: float = 7, **fields: Any
) -> dict[str, Any]:
    """A disc as a polygon."""
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    points = [[100 * (x + radius * np.cos(a)) / SIZE[0], 100 * (y + radius * np.sin(a)) / SIZE[1]] for a in angles]
    value = {"points": points, "closed": True, "polygonlabels": [label]}
    about = {"id": region_id, "from_name": "tag", "to_name": "image", "type": "polygonlabels", "image_rotation": 0}
    return {**about, "original_width": SIZE[0], "original_height": SIZE[1], "value": value, **fields}


@pytest.fixture
def project(tmp_path: Path) -> Masks:
    """Twenty tasks with two discs each, marked and believed nearly alike."""
    made = Masks(tmp_path, BRUSH)
    for task in range(20):
        x = 14 + task % 4
        believed = [brushed(disc(x, 20), "p", score=0.95), brushed(disc(45, 21), "q", "debris", score=0.9)]
        made.add([brushed(disc(x, 20.5), f"a{task}"), brushed(disc(45, 21), f"b{task}", "debris")], believed)
    return made


def test_each_error_is_found_first_and_what_is_proposed_puts_it_right(project: Masks, audit: Make) -> None:
    """A mask left out, an invented one and one of another class are the worst three, each named, with its remedy."""
    believed = [brushed(disc(14, 20), "p", score=0.95), brushed(disc(45, 21), "q", "debris", score=0.9)]
    right = brushed(disc(14, 20), "r"), brushed(disc(45, 21), "s", "debris")
    missing = project.add([right[0]], believed)
    spurious = project.add([*right, brushed(disc(30, 6, 5), "u")], believed)
    wrong = project.add([right[0], brushed(disc(45, 21), "v")], believed)

    found = audit(project, "--belief", "stored", "--limit", "3").findings

    assert {line["task"] for line in found} == {missing, spurious, wrong}
    of_task = {line["task"]: line for line in found}
    assert list(of_task[missing]["detectors"]) == ["missing_region"]
    assert (of_task[missing]["region"], of_task[missing]["proposal"]["action"]) == (None, "add")
    value = of_task[missing]["proposal"]["value"]
    alpha = decode_rle(value["value"]["rle"]).reshape(SIZE[1], SIZE[0], 4)[:, :, 3]
    assert np.array_equal(alpha > 0, disc(45, 21))
    assert (value["type"], value["value"]["brushlabels"]) == ("brushlabels", ["debris"])
    assert "spurious_region" in of_task[spurious]["detectors"]
    assert (of_task[spurious]["region"], of_task[spurious]["proposal"]["action"]) == ("u", "remove")
    assert "wrong_class" in of_task[wrong]["detectors"]
    assert of_task[wrong]["region"] == "v"
    assert of_task[wrong]["proposal"]["value"]["value"]["brushlabels"] == ["debris"]


def test_each_believed_mask_that_nobody_drew_is_a_finding_of_its_own(project: Masks, audit: Make) -> None:
    """Of predictions too faint to fire, too, each has a key, and is weighed with the rest of the task."""
    faint = [brushed(disc(x, 34, 4), f"f{x}", score=0.1) for x in (10, 30, 50)]
    for _ in range(9):
        task = project.add([brushed(disc(14, 20), "r")], [brushed(disc(14, 20), "p", score=0.95), *faint])

    lines = [line for line in audit(project, "--belief", "stored", "--json", "--all").findings if line["task"] == task]

    missing = [line for line in lines if line["region"] is None]
    assert not any(line["detectors"] for line in missing)
    assert len({line["finding"] for line in missing}) == len(missing) == len(faint)


def test_broken_masks_are_named_and_counted_and_the_rest_is_ranked(project: Masks, audit: Make) -> None:
    """Run lengths cut short, of another size and of nothing: the annotation's other region is scored all the same."""
    believed = [brushed(disc(14, 20), "p", score=0.95)]
    right = brushed(disc(14, 20), "r")
    cut = brushed(disc(45, 21), "x")
    cut["value"]["rle"] = cut["value"]["rle"][:20]
    other = brushed(disc(45, 21), "y", original_width=61)
    nothing = brushed(disc(200, 200), "z")
    for broken in (cut, other, nothing):
        project.add([right, broken], believed)

    heard = audit(project, "--belief", "stored", "--json", "--all")

    assert len([line for line in heard.findings if line["region"] == "r"]) == 3
    assert not [line for line in heard.findings if line["region"] in ("x", "y", "z")]
    said = heard.said + heard.told
    for problem in (
        "the run lengths end before the image does",
        "another size than that of the others",
        "without a pixel",
    ):
        assert problem in said


def test_polygons_are_proposed_as_polygons(tmp_path: Path, audit: Make) -> None:
    """A polygon that nobody drew is proposed with the believed points, and one drawn far too small is doubted."""
    made = Masks(tmp_path, POLYGONS)
    for task in range(20):
        believed = [outlined(14, 20, "p", score=0.95), outlined(45, 21, "q", "debris", score=0.9)]
        made.add([outlined(14, 20.5, f"a{task}"), outlined(45, 21, f"b{task}", "debris")], believed)
    missing = made.add([outlined(14, 20, "r")], believed)
    small = made.add([outlined(14, 20, "t", radius=3), outlined(45, 21, "s", "debris")], believed)

    found = audit(made, "--belief", "stored", "--limit", "2").findings

    assert {line["task"] for line in found} == {missing, small}
    proposal = next(line for line in found if line["task"] == missing)["proposal"]["value"]
    assert proposal["type"] == "polygonlabels"
    assert np.allclose(proposal["value"]["points"], believed[1]["value"]["points"])
    assert next(line for line in found if line["task"] == small)["region"] == "t"


def test_polygons_of_a_control_that_brushes_are_named_and_left_out(project: Masks, audit: Make) -> None:
    """On an image of unknown size no polygon can be proposed as a brush: what is drawn otherwise is not read."""
    polygon = outlined(45, 21, "p", from_name="tag", original_width=None)
    polygon["value"]["brushlabels"] = ["cell"]
    project.add([brushed(disc(14, 20), "a")], [polygon])
    heard = audit(project, "--belief", "stored", "--json", "--all")
    assert any('that are drawn as "polygonlabels"' in what for what in heard.summary["skipped"])
    assert {line["task"] for line in heard.findings} == set(range(1, 21))
