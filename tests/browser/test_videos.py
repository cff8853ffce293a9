"""A reviewer decides about what is marked on a video in Label Studio's own page."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from errata.audit.progress import LineProgress
from errata.labelstudio.review_setup import marker
from errata.settings import ProjectSettings
from errata.wiring import BeliefOptions, Wiring

CONFIG = """<View><Video name="video" value="$video" frameRate="10"/><VideoRectangle name="box" toName="video"/>
<Labels name="what" toName="video"><Label value="car"/><Label value="bus"/></Labels>
<TimelineLabels name="act" toName="video"><Label value="run"/></TimelineLabels></View>"""
# Twenty blue frames, 64 by 48, in two seconds: WebM, deflated.
VIDEO = (
    "eNqTcr2/eL5TWyOj03cg/tTI4vS5kcOpqaU8NSnXqb2Ryam1kUkiuCGdkQEEmG8K+s4u2eW7uzt4dYuo58q04DWNCyE8sZB12UDeNd/dPUCeUM"
    "jh9OA1TYxGEK5M8G6gZBPz4TcQcxgiGWgFQK7aoHV9YzO/k4NvQ49PYlmambGeoZ6hgVG4IwrXpbPDYb4DWBPI8dfXQd3md72Rsfhox73zNV17"
    "9t7SmtPIoLR1TnNpXkpHI0Nba1h8WIBFcyOj8uPmFtavDxkeTNjQ6LCr0WBWI1PohpbQnY2Moe8aGWD+ZGJgAAXFr+Li+ckHGtJPzHRd3O7q5+"
    "zv4hrk0o7imuLiq8kHupMR9qafWICseDJQcTJMsUJOZlJZQUX6iYWuiztcQoMcQzz9/YBqDAysQMhIzwAGGOSdt5U68TxvZFh8sJGBoSGAmWEu"
    "o5YDgwEDgztHa2tHa0sHExNT6SrmH0zsHFfTZ/abX2L4999X6P+fiPCPifFHW+uB5J8/594e/fOMYfG0RoYUhouMDIwCAgwSDBIR+l8YOHoYwO"
    "InsIsz6uAQn4BD/At2caYIbOJTG5n2MGwEi4skMCQm7L/AoGQAUs6sgN0Y5hYc4i+wi7P44BDfgF2cVQSHeAUO8TvYxdkcsHuXbQlW77JzYDeG"
    "PQeLOCgzTtzdv7mRYXsXMNN/bGLc+KGRGQDkDydq"
)
QUIET = LineProgress(lambda _: None)


def track(region_id: str, label: str, x: float = 10) -> dict[str, Any]:
    """Return an object that moves to the right until frame 8, as the page stores it."""
    key = {"frame": 1, "enabled": True, "rotation": 0, "x": x, "y": 10, "width": 30, "height": 30.5, "time": 0.1}
    last = {**key, "frame": 8, "x": x + 30, "enabled": False, "time": 0.8}
    value = {"framesCount": 20, "duration": 2, "sequence": [key, last], "labels": [label]}
    return {"id": region_id, "from_name": "box", "to_name": "video", "type": "videorectangle", "value": value}


def stretch(start: int, end: int) -> dict[str, Any]:
    value = {"ranges": [{"start": start, "end": end}], "timelinelabels": ["run"]}
    return {"id": "run", "from_name": "act", "to_name": "video", "type": "timelinelabels", "value": value}


# What a person marked, and what the prediction has; a task each.
MARKED = [
    ([track("a", "bus"), stretch(2, 6)], [track("p", "car"), track("q", "bus", 40), stretch(2, 6)]),
    ([track("a", "car"), stretch(2, 4)], [track("p", "car"), stretch(12, 18)]),
    ([track("a", "car"), track("b", "bus", 40)], [track("p", "car"), track("q", "car", 40)]),
]


@pytest.fixture
def project(label_studio: Any, make_project: Callable[..., int], upload: Any) -> int:
    """Make a project of videos that are marked and predicted."""
    project_id = make_project("Videos", CONFIG)
    (address,) = upload(project_id, [zlib.decompress(base64.b64decode(VIDEO))], "video/webm")
    tasks = [
        {
            "data": {"video": address},
            "annotations": [{"result": given}],
            "predictions": [{"model_version": "theirs", "score": 0.9, "result": predicted}],
        }
        for given, predicted in MARKED
    ]
    label_studio.client.post(f"api/projects/{project_id}/import", tasks)
    return project_id


def test_what_is_marked_on_a_video_is_decided_fixed_and_given_back(
    page: Page, label_studio: Any, errata: Wiring, results: Any, open_filled: Any, decide: Any, project: int
) -> None:
    """Objects and stretches stand in the form; saved untouched they are kept, and a suggestion brings every object."""
    client = label_studio.client
    before = results(project)
    errata.project_settings.put(project, ProjectSettings(belief="stored"))
    errata.audit(project, BeliefOptions(), QUIET)
    (review,) = (
        each["id"]
        for each in client.paged("api/projects/", {"include": "id,description"})
        if marker(project) in (each["description"] or "")
    )
    listed = client.paged("api/tasks/", {"project": review, "fields": "all"})
    queue = sorted(listed, key=lambda task: task["data"]["source_task"])
    assert [task["data"]["control"] for task in queue] == ["box", "act", "box"]

    for task, words in zip(queue, ("Use the suggestion", "Use the suggestion", "The label is right"), strict=True):
        open_filled(task, page.locator(".lsf-outliner-item"))
        expect(page.get_by_text("1 of 20")).to_be_visible()  # the video is there
        decide(words)

    taken = errata.take_verdicts(project)
    assert (taken.total, taken.contradictory) == (3, 0)
    applied = errata.apply(project)
    assert len(applied.written) == 2
    first, second, third = results(project)
    boxes = [each["value"]["labels"] for each in first if each["from_name"] == "box"]
    assert boxes == [["car"], ["bus"]]
    assert [each for each in first if each["from_name"] == "act"] == [stretch(2, 6)]
    assert second == [track("a", "car"), stretch(12, 18)]
    assert third == before[2]
    errata.undo(project, applied.changeset_id)
    assert results(project) == before
