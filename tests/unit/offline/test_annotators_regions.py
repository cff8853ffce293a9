"""Boxes and spans of sounds, held against what the other annotators of the same task marked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

Make = Callable[..., Any]
BOXES = """<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">
<Label value="car"/><Label value="bus"/></RectangleLabels></View>"""
SOUNDS = """<View><Audio name="audio" value="$audio"/><Labels name="voice" toName="audio">
<Label value="bird"/><Label value="frog"/></Labels></View>"""


@dataclass
class Shared:
    """An export whose tasks several people annotated."""

    folder: Path
    config: str
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "media").mkdir()

    def add(self, **results: list[dict[str, Any]]) -> None:
        """Add a task: annotator (`a1`) -> result."""
        task_id = len(self.tasks) + 1
        annotations = [
            {"id": 100 * task_id + int(who[1:]), "completed_by": int(who[1:]), "result": result}
            for who, result in results.items()
        ]
        self.tasks.append({"id": task_id, "data": {"image": "a.png", "audio": "a.wav"}, "annotations": annotations})


def box(label: str, x: float, region_id: str = "") -> dict[str, Any]:
    value = {"x": x, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": [label]}
    about = {"id": region_id or f"{label}{x}", "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    return {**about, "value": value, "original_width": 100, "original_height": 100, "image_rotation": 0}


def voice(label: str, start: float, end: float) -> dict[str, Any]:
    value = {"start": start, "end": end, "channel": 0, "labels": [label]}
    about = {"id": f"{label}{start}", "from_name": "voice", "to_name": "audio", "type": "labels"}
    return {**about, "value": value, "original_length": 60}


def test_a_box_that_two_others_marked_is_missing_and_one_that_nobody_else_did_is_doubted(
    audit: Make, tmp_path: Path
) -> None:
    """Who agrees with the others is hardly doubted; nobody is held against what they marked themselves."""
    made = Shared(tmp_path, BOXES)
    for _ in range(20):
        made.add(a1=[box("car", 10), box("bus", 60)], a2=[box("car", 11), box("bus", 61)])
    made.add(a1=[box("car", 10)], a2=[box("car", 10), box("bus", 60)], a3=[box("car", 11), box("bus", 60)])
    made.add(a1=[box("car", 10)], a2=[box("car", 10), box("car", 70)], a3=[box("car", 10)])
    made.add(a1=[box("car", 10)])
    heard = audit(made, "--belief", "annotators", "--json", "--all")
    assert heard.summary["remarks"] == ['"box" is held against what other annotators of 22 tasks marked.']
    assert {each["task"] for each in heard.findings} <= set(range(1, 23))
    (missing,) = (each for each in heard.findings if each["task"] == 21 and each["label"] is None)
    assert (missing["annotation"], missing["proposal"]["value"]["value"]["rectanglelabels"]) == (2101, ["bus"])
    assert missing["reason"].startswith('This annotator did not mark the "bus" that others marked here')
    assert "annotator_conflict" in missing["detectors"]
    (spurious,) = (each for each in heard.findings if each["annotation"] == 2202 and each["region"] == "car70")
    agreed = [each for each in heard.findings if each["task"] <= 20 and each["label"] is not None]
    assert min(missing["disagreement"], spurious["disagreement"]) > max(each["disagreement"] for each in agreed)


def test_stretches_of_a_sound_are_held_against_each_other(audit: Make, tmp_path: Path) -> None:
    """What one of two marked and the other did not is asked about on both sides; without two people nothing can be."""
    made = Shared(tmp_path, SOUNDS)
    for _ in range(10):
        made.add(a1=[voice("bird", 1, 5)], a2=[voice("bird", 1, 5)])
    made.add(a1=[voice("bird", 1, 5), voice("frog", 20, 24)], a2=[voice("bird", 1, 5)])
    heard = audit(made, "--belief", "annotators", "--json", "--all")
    first, second, *rest = heard.findings
    assert {(each["annotation"], each["label"]) for each in (first, second)} == {(1101, "frog"), (1102, None)}
    assert max(each["disagreement"] for each in rest) < second["disagreement"]

    made.tasks = [{**task, "annotations": task["annotations"][:1]} for task in made.tasks]
    assert "has an answer by two people" in audit(made, "--belief", "annotators", code=2).told


@pytest.mark.parametrize("n_others", [1, 2])
def test_people_who_marked_nothing_are_others_too(audit: Make, tmp_path: Path, n_others: int) -> None:
    """An empty annotation says that there is nothing."""
    made = Shared(tmp_path, BOXES)
    for _ in range(10):
        made.add(a1=[box("car", 10)], a2=[box("car", 10)])
    made.add(a1=[box("car", 10)], **{f"a{n + 2}": [] for n in range(n_others)})
    found = [each for each in audit(made, "--belief", "annotators", "--all").findings if each["annotation"] == 1101]
    (doubted,) = found
    assert "spurious_region" in doubted["detectors"]
