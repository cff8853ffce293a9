"""A reviewer decides about several regions of one image, in Label Studio's own page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from errata.audit.review_order import item_entry
from errata.audit.snapshot import Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.review_project import ReviewProject
from errata_model.records import Finding, GivenLabel, Proposal

W, H = 640, 480
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="car"/>'
    '<Label value="person"/></RectangleLabels></View>'
)


def box(region_id: str, label: str, x: float, y: float) -> dict[str, Any]:
    place = {"x": x, "y": y, "width": 20, "height": 20, "rotation": 0}
    about = {"id": region_id, "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    size = {"original_width": W, "original_height": H, "image_rotation": 0}
    return {**about, "value": {**place, "rectanglelabels": [label]}, **size}


def picture() -> str:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(90, 180, (H, W, 3)).astype(np.uint8)).save(buffer, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@dataclass(frozen=True)
class Source:
    """A project with one annotated task."""

    id: int
    title: str = "Items"


@pytest.fixture
def review(label_studio: Any, snapshot: Any, footprint: Any, make_project: Callable[..., int]) -> ReviewProject:
    """Ask about two of four boxes, and one that is missing, in one review task."""
    client = label_studio.client
    result = [box("a", "car", 10, 10), box("b", "person", 60, 10), box("c", "car", 10, 60), box("d", "car", 40, 35)]
    tasks = [{"data": {"image": picture()}, "annotations": [{"result": result}]}]
    source = Source(make_project("Items", CONFIG, tasks))
    (task,) = client.paged("api/tasks/", {"project": source.id, "fields": "all"})
    findings = []
    for region_id, proposal in (
        ("a", Proposal("replace", box("a", "person", 10, 10), (("person", 0.9),))),
        ("b", Proposal("remove", box("b", "person", 60, 10), (("person", 0.9),))),
        ("d", Proposal("remove", box("d", "car", 40, 35), (("car", 0.9),))),
        (None, Proposal("add", box("new", "car", 60, 60), (("car", 0.9),))),
    ):
        label = Codecs().label(result, "box", region_id) if region_id else None
        value_hash = (Codecs().value_hash(result, "box", region_id) or "") if region_id else "missing"
        about = GivenLabel(task["id"], task["annotations"][0]["id"], "1", "box", region_id, "boxes", label, value_hash)
        key, disagreement = region_id or "new", 0.9 - len(findings) / 10
        findings.append(Finding(key, about, {"d": 0.9}, disagreement, None, "Why.", proposal, "suspect", "errata-1"))
    project = ReviewProject(client, snapshot(source), footprint, by_item=True)
    project.insert([item_entry(findings, Task(task["id"], task["data"], (), True), {})])
    return project


def test_a_decision_is_made_at_each_region(page: Page, label_studio: Any, review: ReviewProject) -> None:
    """By key at the region or the suggested place; a deleted one is corrected; one left open blocks nothing."""
    page.goto(f"{label_studio.url}projects/{review.find()}/data")
    page.get_by_role("button", name="Label All Tasks").click()
    page.get_by_text("Select a region in question").first.wait_for()
    page.keyboard.press("Escape")
    expect(page.get_by_text('4. Not marked: "car" at the bottom right (turquoise)')).to_be_visible()
    expect(page.get_by_role("treeitem").filter(has_text="asked about")).to_have_count(3)
    canvas = page.locator("canvas").first
    place = canvas.bounding_box()
    assert place is not None

    asked = page.get_by_text("Your decision about the selected region")

    def select(x: float, y: float) -> None:
        page.mouse.click(place["x"] + place["width"] * x / 100, place["y"] + place["height"] * y / 100)
        expect(asked).to_be_visible()

    def decide(key: str) -> None:
        chosen = page.locator("label").filter(has_text=f"[{key}]").locator("input")
        for _ in range(5):  # a page that is still busy takes no key
            page.keyboard.press(key)
            with suppress(AssertionError):
                expect(chosen).to_be_checked(timeout=10_000)
                break
        expect(chosen).to_be_checked()
        page.keyboard.press("Escape")
        expect(asked).to_be_hidden()

    select(20, 20)
    decide("q")
    select(70, 70)
    decide("w")
    select(50, 45)
    page.keyboard.press("Backspace")
    expect(page.get_by_role("treeitem").filter(has_text="car")).to_have_count(2)
    with page.expect_response(lambda response: response.request.method == "POST" and "/annotations" in response.url):
        page.keyboard.press("Control+Enter")

    answers = {answer.finding_key: answer for answer in review.read()}
    assert {key: answer.choice for key, answer in answers.items()} == {
        "a": "keep",
        "b": "",
        "d": "fix",
        "new": "take_proposal",
    }
    assert all(answer.is_one_of_several for answer in answers.values())
    made = answers["a"].regions
    assert made is not None
    assert [(change.region_id, change.new_label) for change in made.changes] == [("d", None)]
