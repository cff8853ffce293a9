"""Every control that marks regions, from stored predictions to fix and undo, decided in Label Studio's own page."""

from __future__ import annotations

import io
import math
import wave
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from errata.audit.progress import LineProgress
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_setup import marker
from errata.settings import ProjectSettings
from errata.wiring import BeliefOptions, Wiring
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Span

SIZE = (160, 120)
SENTENCE = "An 🙂 owl saw the mouse near the קיר and then it flew away"
N_TASKS = 16
QUIET = LineProgress(lambda _: None)


def picture(n: int) -> bytes:
    noise = np.random.default_rng(n).integers(0, 80, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return buffer.getvalue()


def sound(n: int) -> bytes:
    buffer = io.BytesIO()
    tone = (8000 * np.sin(np.arange(8000 * 4) * (0.1 + n / 100))).astype("<i2")
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone.tobytes())
    return buffer.getvalue()


def series(n: int) -> dict[str, list[float]]:
    return {"time": list(range(100)), "value": [math.sin(t / 5 + n) for t in range(100)]}


def paragraphs(n: int) -> list[dict[str, str]]:
    return [{"author": "Ann", "text": f"{SENTENCE} {n}"}, {"author": "Bob", "text": "What a day that was"}]


def mask(top: int, left: int) -> Mask:
    rows, columns = np.mgrid[:30, :40]
    disc = ((rows - 15) / 15) ** 2 + ((columns - 20) / 20) ** 2 <= 1
    return Mask(disc, top, left, SIZE[1], SIZE[0])


@dataclass(frozen=True)
class Case:
    """A control, what it labels, and the two regions of every task."""

    config: str  # of the control
    shapes: tuple[Shape, Shape]
    labels: str  # the name of the object


@dataclass(frozen=True)
class Planted:
    """A project's tasks: of each control's, one has a region with the wrong label, and one lacks a region."""

    id: int
    cases: dict[str, Case]  # by the names of controls
    held: list[dict[str, Any]]  # each task's data
    controls: dict[str, Control]

    @property
    def mistakes(self) -> dict[tuple[int, str], bool]:
        """Task and control of each mistake, and whether a region is missing there."""
        return {(2 * k + int(lacks), name): lacks for k, name in enumerate(self.cases) for lacks in (False, True)}


BOXES = (Box(0.1, 0.1, 0.3, 0.3), Box(0.55, 0.5, 0.3, 0.4))
TURNED = (Box(0.2, 0.1, 0.3, 0.2, 20.0), Box(0.6, 0.4, 0.2, 0.3, 350.0))
ELLIPSES = (Ellipse(0.3, 0.3, 0.15, 0.2, 15.0), Ellipse(0.7, 0.7, 0.2, 0.1))
POLYGONS = (
    Polygon(((0.1, 0.1), (0.4, 0.15), (0.35, 0.4), (0.12, 0.35))),
    Polygon(((0.5, 0.5), (0.9, 0.55), (0.8, 0.9))),
)
SPANS = (Span(3, 8), Span(34, 37))  # beyond and within what takes two code units
SERIES = (
    '<TimeSeries name="series" valueType="json" value="$series" timeColumn="time"><Channel column="value"/>'
    "</TimeSeries>"
)
OBJECTS: dict[str, tuple[str, Callable[[int], Any]]] = {  # what task n holds; bytes are uploaded
    "picture": ('<Image name="picture" value="$picture"/>', picture),
    "text": ('<Text name="text" value="$text"/>', lambda n: f"{SENTENCE} {n}"),
    "page": ('<HyperText name="page" value="$page"/>', lambda n: f"<p>{SENTENCE} <b>{n}</b></p>"),
    "talk": ('<Paragraphs name="talk" value="$talk" layout="dialogue"/>', paragraphs),
    "sound": ('<Audio name="sound" value="$sound"/>', sound),
    "series": (SERIES, series),
}


def marking(tag: str, name: str, labels: str, *shapes: Shape, more: str = "") -> tuple[str, Case]:
    values = '<Label value="A"/><Label value="B"/>'
    config = f'<{tag} name="{name}" toName="{labels}">{values}</{tag}>{more}'
    return name, Case(config, (shapes[0], shapes[1]), labels)


PROJECTS: dict[str, dict[str, Case]] = {
    "pictures": dict(
        (
            marking("RectangleLabels", "box", "picture", *BOXES),
            marking("RectangleLabels", "turned", "picture", *TURNED),
            marking("Labels", "what", "picture", *BOXES, more='<Rectangle name="draw" toName="picture"/>'),
            marking("EllipseLabels", "oval", "picture", *ELLIPSES),
            marking("KeyPointLabels", "point", "picture", Point(0.25, 0.3), Point(0.7, 0.6)),
            marking("PolygonLabels", "area", "picture", *POLYGONS),
            marking("BrushLabels", "brush", "picture", mask(10, 15), mask(70, 90)),
        )
    ),
    "texts and series": dict(
        (
            marking("Labels", "span", "text", *SPANS),
            marking("HyperTextLabels", "stretch", "page", *SPANS),
            marking("ParagraphLabels", "words", "talk", *SPANS),
            marking("TimeSeriesLabels", "seen", "series", Span(10, 30), Span(50, 80)),
        )
    ),
    # Label Studio takes files only where there is one object.
    "sounds": dict([marking("Labels", "heard", "sound", Span(0.5, 1.25), Span(2.0, 3.5))]),
}


@pytest.fixture
def make(label_studio: Any, make_project: Callable[..., int], upload: Any) -> Callable[[dict[str, Case]], Planted]:
    """Make projects in which each control has one region with the wrong label, and one is missing."""
    client = label_studio.client

    def project(cases: dict[str, Case]) -> Planted:
        objects = dict.fromkeys(case.labels for case in cases.values())
        config = "".join([*(OBJECTS[name][0] for name in objects), *(case.config for case in cases.values())])
        project_id = make_project("Every kind", f"<View>{config}</View>")
        columns = {}
        for name in objects:
            column = [OBJECTS[name][1](n) for n in range(N_TASKS)]
            if isinstance(column[0], bytes):
                media_type = "image/png" if column[0].startswith(b"\x89PNG") else "audio/wav"
                column = upload(project_id, column, media_type)
            columns[name] = column
        held = [{name: column[n] for name, column in columns.items()} for n in range(N_TASKS)]
        controls = {control.name: control for control in read_label_config(f"<View>{config}</View>").controls}
        planted = Planted(project_id, cases, held, controls)
        client.post(f"api/projects/{project_id}/import", [task(planted, n) for n in range(N_TASKS)])
        return planted

    return project


def task(planted: Planted, n: int) -> dict[str, Any]:
    """Return a task with what a person marked, and what a prediction has."""
    given, said = [], []
    for name in planted.cases:
        lacks = planted.mistakes.get((n, name))
        marked = regions(planted, n, name, "BB" if lacks is False else "AB")
        given += [each for each in marked if not (lacks and each["id"] == f"{name}{n}x0")]
        said += regions(planted, n, name, "AB", 0.9)
    prediction = {"model_version": "model-1", "score": 0.9, "result": said}
    return {"data": planted.held[n], "annotations": [{"result": given}], "predictions": [prediction]}


def regions(planted: Planted, n: int, name: str, labels: str, score: float | None = None) -> list[dict[str, Any]]:
    """Return a control's two regions of a task, as Label Studio stores them."""
    control, case = planted.controls[name], planted.cases[name]
    size = SIZE if control.modality == "image" else None
    made: list[dict[str, Any]] = []
    for k, (label, shape) in enumerate(zip(labels, case.shapes, strict=True)):
        region = Region(f"{name}{n}x{k}{'p' if score else ''}", label, shape, score)
        made += Codecs().written(control, region, size, planted.held[n][case.labels])
    return made


@pytest.mark.parametrize("name", PROJECTS)
def test_wrong_and_missing_regions_are_found_decided_fixed_and_given_back(
    page: Page,
    label_studio: Any,
    errata: Wiring,
    results: Any,
    label_stream: Callable[[int], Callable[[], int]],
    decide: Any,
    make: Callable[..., Planted],
    name: str,
) -> None:
    """A click on the suggestion, and the region has its label, or is there; all else is as it was, byte for byte."""
    client, planted = label_studio.client, make(PROJECTS[name])
    project_id, mistakes = planted.id, planted.mistakes

    before = results(project_id)
    ids = sorted(task["id"] for task in client.paged("api/tasks/", {"project": project_id, "include": "id"}))
    errata.connect(project_id, ProjectSettings(belief="stored"))
    errata.audit(project_id, BeliefOptions(), QUIET)
    listed = client.paged("api/projects/", {"include": "id,description"})
    (review_id,) = [each["id"] for each in listed if marker(project_id) in (each["description"] or "")]
    queue = {task["id"]: task for task in client.paged("api/tasks/", {"project": review_id, "fields": "all"})}
    data = [task["data"] for task in queue.values()]
    about = {(ids.index(each["source_task"]), each["control"]): each for each in data}
    assert about.keys() == mistakes.keys()
    for place, lacks in mistakes.items():
        assert about[place]["proposed_label"] == "A"
        assert lacks or about[place]["given_label"] == "B"

    next_task = label_stream(review_id)
    for _ in queue:
        expect(page.get_by_role("heading", name=queue[next_task()]["data"]["question"])).to_be_visible()
        decide("Use the suggestion")
    taken = errata.take_verdicts(project_id)
    assert (taken.total, taken.contradictory) == (len(mistakes), 0), [
        each.contradiction for each in errata.verdicts.of_project(project_id)
    ]
    applied = errata.apply(project_id)
    assert (len(applied.written), applied.conflicts, applied.stopped) == (len(mistakes), (), None)

    after = results(project_id)
    tasks = sorted(client.paged("api/tasks/", {"project": project_id, "fields": "all"}), key=lambda task: task["id"])
    for n, control in mistakes:
        held = tasks[n]["data"][planted.cases[control].labels]
        found, problems, _ = Codecs().regions_in(after[n], planted.controls[control], held)
        assert (problems, sorted(region.label for region in found)) == ([], ["A", "B"])
    for n in range(N_TASKS):
        touched = {f"{control}{n}x0" for control in planted.cases if (n, control) in mistakes}
        kept = [result for result in before[n] if result["id"] not in touched]
        assert [result for result in after[n] if result in kept] == kept
        assert len(after[n]) == sum(len(regions(planted, n, control, "AB")) for control in planted.cases)

    errata.undo(project_id, applied.changeset_id)
    assert results(project_id) == before
