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
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Span

SIZE = (160, 120)
LABELS = '<Label value="A"/><Label value="B"/>'
IMAGE = '<Image name="object" value="$it"/>'
SENTENCE = "An 🙂 owl saw the mouse near the קיר and then it flew away"
N_TASKS, SWAPPED, MISSING = 16, 3, 7


@dataclass(frozen=True)
class Case:
    """A control, what it labels, and the two regions of every task."""

    config: str
    shapes: tuple[Shape, Shape]
    it: Callable[[int], Any]  # what task n holds; bytes are uploaded


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


def labelled(tag: str) -> str:
    return f'{IMAGE}<{tag}Labels name="mark" toName="object">{LABELS}</{tag}Labels>'


BOXES = (Box(0.1, 0.1, 0.3, 0.3), Box(0.55, 0.5, 0.3, 0.4))
POLYGONS = (
    Polygon(((0.1, 0.1), (0.4, 0.15), (0.35, 0.4), (0.12, 0.35))),
    Polygon(((0.5, 0.5), (0.9, 0.55), (0.8, 0.9))),
)
SPANS = (Span(3, 8), Span(34, 37))  # beyond and within what takes two code units
CASES = {
    "RectangleLabels": Case(labelled("Rectangle"), BOXES, picture),
    "RectangleLabels, rotated": Case(
        labelled("Rectangle"), (Box(0.2, 0.1, 0.3, 0.2, 20.0), Box(0.6, 0.4, 0.2, 0.3, 350.0)), picture
    ),
    "Labels and Rectangle": Case(
        f'{IMAGE}<Labels name="mark" toName="object">{LABELS}</Labels><Rectangle name="draw" toName="object"/>',
        BOXES,
        picture,
    ),
    "EllipseLabels": Case(
        labelled("Ellipse"), (Ellipse(0.3, 0.3, 0.15, 0.2, 15.0), Ellipse(0.7, 0.7, 0.2, 0.1)), picture
    ),
    "KeyPointLabels": Case(labelled("KeyPoint"), (Point(0.25, 0.3), Point(0.7, 0.6)), picture),
    "PolygonLabels": Case(labelled("Polygon"), POLYGONS, picture),
    "BrushLabels": Case(labelled("Brush"), (mask(10, 15), mask(70, 90)), picture),
    "Labels on Text": Case(
        f'<Labels name="mark" toName="object">{LABELS}</Labels><Text name="object" value="$it"/>',
        SPANS,
        lambda n: f"{SENTENCE} {n}",
    ),
    "HyperTextLabels": Case(
        f'<HyperTextLabels name="mark" toName="object">{LABELS}</HyperTextLabels>'
        '<HyperText name="object" value="$it"/>',
        SPANS,
        lambda n: f"<p>{SENTENCE} <b>{n}</b></p>",
    ),
    "ParagraphLabels": Case(
        f'<ParagraphLabels name="mark" toName="object">{LABELS}</ParagraphLabels>'
        '<Paragraphs name="object" value="$it" layout="dialogue"/>',
        SPANS,
        paragraphs,
    ),
    "Labels on Audio": Case(
        f'<Labels name="mark" toName="object">{LABELS}</Labels><Audio name="object" value="$it"/>',
        (Span(0.5, 1.25), Span(2.0, 3.5)),
        sound,
    ),
    "TimeSeriesLabels": Case(
        f'<TimeSeriesLabels name="mark" toName="object">{LABELS}</TimeSeriesLabels>'
        '<TimeSeries name="object" valueType="json" value="$it" timeColumn="time"><Channel column="value"/>'
        "</TimeSeries>",
        (Span(10, 30), Span(50, 80)),
        series,
    ),
}


@pytest.fixture
def make(label_studio: Any, make_project: Callable[..., int], upload: Any) -> Callable[[Case], int]:
    """Make projects in which one region has the wrong label and one is missing."""
    client = label_studio.client

    def project(case: Case) -> int:
        config = f"<View>{case.config}</View>"
        project_id = make_project("Every kind", config)
        held = [case.it(n) for n in range(N_TASKS)]
        if isinstance(held[0], bytes):
            media_type = "image/png" if held[0].startswith(b"\x89PNG") else "audio/wav"
            held = upload(project_id, held, media_type)
        (control,) = read_label_config(config).controls

        def regions(n: int, labels: str, shift: int = 0) -> list[dict[str, Any]]:
            size = SIZE if control.modality == "image" else None
            said = []
            for k, (label, shape) in enumerate(zip(labels, case.shapes, strict=True)):
                score = None if shift == 0 else 0.9
                region = Region(f"{'p' if shift else 'g'}{n}x{k}", label, shape, score)
                said += Codecs().written(control, region, size, held[n])
            return said

        tasks = []
        for n in range(N_TASKS):
            given = regions(n, "BB" if n == SWAPPED else "AB")
            if n == MISSING:
                given = [result for result in given if result["id"] != f"g{n}x0"]
            prediction = {"model_version": "model-1", "score": 0.9, "result": regions(n, "AB", 1)}
            tasks.append({"data": {"it": held[n]}, "annotations": [{"result": given}], "predictions": [prediction]})
        client.post(f"api/projects/{project_id}/import", tasks)
        return project_id

    return project


@pytest.mark.parametrize("name", CASES)
def test_wrong_and_missing_regions_are_found_decided_fixed_and_given_back(
    page: Page, label_studio: Any, errata: Wiring, results: Any, decide: Any, make: Callable[[Case], int], name: str
) -> None:
    """A click on the suggestion, and the region has its label, or is there; all else is as it was, byte for byte."""
    client, case = label_studio.client, CASES[name]
    project_id = make(case)

    before = results(project_id)
    ids = sorted(task["id"] for task in client.paged("api/tasks/", {"project": project_id, "include": "id"}))
    errata.connect(project_id, ProjectSettings(belief="stored"))
    errata.audit(project_id, BeliefOptions(), LineProgress(lambda _: None))
    listed = client.paged("api/projects/", {"include": "id,description"})
    (review_id,) = [each["id"] for each in listed if marker(project_id) in (each["description"] or "")]
    queue = list(client.paged("api/tasks/", {"project": review_id, "fields": "all"}))
    about = {task["data"]["source_task"]: task for task in queue}
    assert {ids[SWAPPED], ids[MISSING]} <= about.keys(), sorted(about)
    assert (about[ids[SWAPPED]]["data"]["given_label"], about[ids[SWAPPED]]["data"]["proposed_label"]) == ("B", "A")
    assert about[ids[MISSING]]["data"]["proposed_label"] == "A"

    for n in (SWAPPED, MISSING):
        task = about[ids[n]]
        page.goto(f"{label_studio.url}projects/{task['project']}/data?task={task['id']}")
        expect(page.get_by_role("heading", name=task["data"]["question"])).to_be_visible()
        decide("Use the suggestion")
    taken = errata.take_verdicts(project_id)
    assert taken.contradictory == 0, [each.contradiction for each in errata.verdicts.of_project(project_id)]
    applied = errata.apply(project_id)
    assert (len(applied.written), applied.conflicts, applied.stopped) == (2, (), None)

    after = results(project_id)
    (control,) = read_label_config(f"<View>{case.config}</View>").controls
    tasks = sorted(client.paged("api/tasks/", {"project": project_id, "fields": "all"}), key=lambda task: task["id"])
    for n in (SWAPPED, MISSING):
        regions, problems, _ = Codecs().regions_in(after[n], control, tasks[n]["data"]["it"])
        assert (problems, sorted(region.label for region in regions)) == ([], ["A", "B"])
    untouched = [result for result in before[MISSING] if result["id"] == f"g{MISSING}x1"]
    assert [result for result in after[MISSING] if result["id"] == f"g{MISSING}x1"] == untouched
    others = [n for n in range(N_TASKS) if n not in (SWAPPED, MISSING)]
    assert [after[n] for n in others] == [before[n] for n in others]

    errata.undo(project_id, applied.changeset_id)
    assert results(project_id) == before
