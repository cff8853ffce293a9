"""Answers that are none, beside controls of other kinds: each is named and counted, and the rest is ranked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Make = Callable[..., Any]
CONFIG = """<View><Text name="text" value="$text"/><Video name="video" value="$video"/>
<Image name="image" value="$image"/>
<Rating name="stars" toName="text" maxRating="5"/><Number name="number" toName="text"/>
<VideoRectangle name="track" toName="video"/><Labels name="things" toName="video"><Label value="car"/></Labels>
<TimelineLabels name="line" toName="video"><Label value="run"/></TimelineLabels>
<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels>
<BrushLabels name="brush" toName="image"><Label value="car"/></BrushLabels>
<Choices name="mood" toName="text"><Choice value="good"/><Choice value="bad"/></Choices>
<Choices name="shade" toName="image" perRegion="true"><Choice value="dark"/></Choices></View>"""
N = 12
ENDLESS = 10**400  # JSON has it, and no float does
DATA = {"text": "It is fine.", "video": "a.mp4", "image": "a.png"}


@dataclass
class Answers:
    """An export of annotations and predictions."""

    folder: Path
    config: str = CONFIG
    tasks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / "media").mkdir()

    def add(self, given: list[Any], predicted: list[Any]) -> int:
        """Add a task with an annotation; return its id."""
        task_id = len(self.tasks) + 1
        annotations = [{"id": 100 + task_id, "completed_by": 1, "result": given}]
        predictions = [{"model_version": "m", "score": 0.9, "result": predicted}]
        self.tasks.append({"id": task_id, "data": DATA, "annotations": annotations, "predictions": predictions})
        return task_id


def answer(control: str, to: str, type_: str, **value: Any) -> dict[str, Any]:
    return {"id": control, "from_name": control, "to_name": to, "type": type_, "value": value}


def stars(n: Any) -> dict[str, Any]:
    return answer("stars", "text", "rating", rating=n)


def number(n: Any) -> dict[str, Any]:
    return answer("number", "text", "number", number=n)


def track(frame: Any = 1, x: Any = 10, n_frames: Any = 100) -> dict[str, Any]:
    key = {"frame": frame, "x": x, "y": 10, "width": 10, "height": 10, "enabled": True, "rotation": 0}
    return answer("track", "video", "videorectangle", sequence=[key], framesCount=n_frames, labels=["car"])


def line(start: Any, end: Any) -> dict[str, Any]:
    return answer("line", "video", "timelinelabels", ranges=[{"start": start, "end": end}], timelinelabels=["run"])


def usual(*odd: dict[str, Any]) -> list[Any]:
    """Return an answer to every control, those that are odd in place of others."""
    box = answer("box", "image", "rectanglelabels", x=10, y=10, width=20, height=20, rectanglelabels=["car"])
    mood = answer("mood", "text", "choices", choices=["good"])
    replaced = {each["from_name"] for each in odd}
    answers = [stars(3), number(7), track(), line(1, 30), box, mood]
    return [*(each for each in answers if each["from_name"] not in replaced), *odd]


UNREADABLE = [
    *(stars(n) for n in (ENDLESS, math.nan, math.inf, "4", True)),
    *(number(n) for n in (ENDLESS, -math.inf)),
    *(track(frame) for frame in (ENDLESS, 10**12, 1.5)),
    *(track(x=x) for x in (ENDLESS, math.nan, "x")),
    track(n_frames=10**12),
    *(line(1, end) for end in (ENDLESS, 10**12, math.nan, None)),
]
FAR = [stars(-4), stars(99), number(1e308), number(-1e308), track(x=1e300), line(30, 1), line(-10, 5)]


def test_answers_that_cannot_be_read_are_counted_and_all_others_ranked(audit: Make, tmp_path: Path) -> None:
    """Given or predicted; the task's answers to other controls have their places, and no number leaves its range."""
    made = Answers(tmp_path)
    for _ in range(N):
        made.add(usual(), usual())
    given = {made.add(usual(each), usual()): each["from_name"] for each in UNREADABLE}
    predicted = {made.add(usual(), usual(each)): each["from_name"] for each in UNREADABLE}
    far = {made.add(usual(each), usual()): each["from_name"] for each in FAR}
    heard = audit(made, "--belief", "stored", "--json", "--all")

    controls = {"stars", "number", "track", "line", "box", "mood"}
    for task, missing in (given | predicted).items():
        assert {each["control"] for each in heard.findings if each["task"] == task} == controls - {missing}
    for task, odd in far.items():
        disagreement = {each["control"]: each["disagreement"] for each in heard.findings if each["task"] == task}
        assert set(disagreement) == controls
        assert max(disagreement, key=lambda each: disagreement[each]) == odd
    assert all(0 <= each["disagreement"] <= 1 for each in heard.findings)
    counted = heard.summary["skipped"]
    assert sum(n for what, n in counted.items() if what.startswith("annotations with")) == len(UNREADABLE)
    assert sum(n for what, n in counted.items() if what.startswith("predictions of")) == len(UNREADABLE)
    assert any('<Choices name="shade">' in why for why in heard.summary["refused_controls"])
    assert "Warning" not in heard.told


def test_a_control_of_regions_that_nobody_used_is_named_and_the_others_are_audited(audit: Make, tmp_path: Path) -> None:
    """Nobody says that there is nothing to brush."""
    made = Answers(tmp_path)
    for _ in range(N):
        made.add(usual(), usual())
    heard = audit(made, "--belief", "stored", "--all")
    assert 'nobody has marked a region for "brush"' in heard.told
    assert {each["control"] for each in heard.findings} == {"stars", "number", "track", "line", "box", "mood"}
