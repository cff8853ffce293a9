"""A reviewer looks at regions, and edits them, in Label Studio's own page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from errata.audit.review_order import review_entry
from errata.audit.snapshot import Task
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.review_setup import marker
from errata_model.kinds.masks.rle import encode_mask
from errata_model.records import Finding, GivenLabel, Proposal, finding_key
from errata_model.regions.shapes import Mask

W, H = 641, 479
CONFIG = """<View><Image name="image" value="$image"/>
<RectangleLabels name="box" toName="image"><Label value="car"/><Label value="person"/></RectangleLabels>
<EllipseLabels name="oval" toName="image"><Label value="ball"/></EllipseLabels>
<PolygonLabels name="area" toName="image"><Label value="roof"/></PolygonLabels>
<KeyPointLabels name="point" toName="image"><Label value="nose"/></KeyPointLabels>
<BrushLabels name="brush" toName="image"><Label value="sky"/></BrushLabels>
<Labels name="what" toName="image"><Label value="cat"/></Labels><Rectangle name="drawn" toName="image"/>
<Choices name="seen" toName="image" perRegion="true"><Choice value="whole"/><Choice value="half"/></Choices>
<TextArea name="plate" toName="image" perRegion="true"/><Relations><Relation value="on"/></Relations></View>"""
BOXES = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image"><Label value="car"/>'
    '<Label value="person"/></RectangleLabels></View>'
)


def part(region_id: str, name: str, type_: str, value: dict[str, Any], **more: Any) -> dict[str, Any]:
    size = {"original_width": W, "original_height": H, "image_rotation": 0}
    return {"id": region_id, "from_name": name, "to_name": "image", "type": type_, "value": value, **size, **more}


def box(region_id: str, label: str, x: float, y: float, side: float = 20.0, **more: Any) -> dict[str, Any]:
    place = {"x": x, "y": y, "width": side, "height": side, "rotation": 0}
    return part(region_id, "box", "rectanglelabels", {**place, "rectanglelabels": [label]}, **more)


def drawing() -> list[dict[str, Any]]:
    """Return regions of every shape, as pages and tools write them, with all that can hang on them."""
    here = {"x": 12.480499219968799, "y": 12.526096033402922, "width": 28.1, "height": 29.2275574, "rotation": 0}
    turned = {"x": 55.123456789, "y": 20.2, "width": 20.0, "height": 15.0, "rotation": 33.3}
    there = {"x": 5.0, "y": 60.0, "width": 10.333333333333334, "height": 11.0, "rotation": 0}
    oval = {"x": 66.0, "y": 41.7, "radiusX": 14.8, "radiusY": 20.877, "rotation": 12.5, "ellipselabels": ["ball"]}
    points = [[10.1, 10.2], [30.123456789012, 12.0], [25.0, 33.3333333], [9.0, 30.0]]
    bitmap = np.ones((60, 80), dtype=bool)
    bitmap[20:30, 10:40] = False
    rle = list(encode_mask(Mask(bitmap, 300, 100, H, W)))
    manual = {"origin": "manual"}
    return [
        part("aaaaaaaaaa", "box", "rectanglelabels", {**here, "rectanglelabels": ["car"]}, **manual),
        part("aaaaaaaaaa", "seen", "choices", {**here, "choices": ["half"]}, **manual),
        part("aaaaaaaaaa", "plate", "textarea", {**here, "text": ["AB-1"]}, **manual),
        part("turned-1_x", "box", "rectanglelabels", {**turned, "rectanglelabels": ["person"]}, meta={"text": ["n"]}),
        part("3f0e8a0c-1111-2222-3333-444455556666", "oval", "ellipselabels", oval, **manual),
        part("p", "area", "polygonlabels", {"points": points, "closed": True, "polygonlabels": ["roof"]}, **manual),
        part("k", "point", "keypointlabels", {"x": 50.05, "y": 50.12, "width": 0.7, "keypointlabels": ["nose"]}),
        part("b", "brush", "brushlabels", {"format": "rle", "rle": rle, "brushlabels": ["sky"]}, **manual),
        part("s", "drawn", "rectangle", there, **manual),
        part("s", "what", "labels", {**there, "labels": ["cat"]}, **manual),
        box("tiny", "car", 2.0, 3.0, 0.5, score=0.5),
        {"type": "relation", "from_id": "aaaaaaaaaa", "to_id": "turned-1_x", "direction": "right", "labels": ["on"]},
    ]


def picture() -> str:
    noise = np.random.default_rng(0).integers(90, 180, (H, W, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


@dataclass(frozen=True)
class Source:
    """A project with one annotated task."""

    id: int
    title: str = "Regions"


@pytest.fixture
def ask(label_studio: Any, snapshot: Any, queue: Any) -> Iterator[Callable[..., ReviewProject]]:
    """Return a function that annotates a task and puts a question about each of its findings into a review project."""
    client, made = label_studio.client, []

    def about(
        config: str,
        result: list[dict[str, Any]],
        *asked: tuple[str | None, str, dict[str, Any]],
        control: str = "box",
        kind: str = "boxes",
        data: dict[str, Any] | None = None,
    ) -> ReviewProject:
        source = Source(client.post("api/projects/", {"title": "Regions", "label_config": config})["id"])
        made.append(source.id)
        tasks = [{"data": data or {"image": picture()}, "annotations": [{"result": result}]}]
        client.post(f"api/projects/{source.id}/import", tasks)
        (task,) = client.paged("api/tasks/", {"project": source.id, "fields": "all"})
        of = snapshot(source)
        codecs, entries = Codecs(), []
        for n, (region_id, action, region) in enumerate(asked):
            label, value_hash = None, f"missing {n}"
            if region_id is not None:
                label = codecs.label(result, control, region_id)
                value_hash = codecs.value_hash(result, control, region_id) or ""
            annotation_id = task["annotations"][0]["id"]
            given = GivenLabel(task["id"], annotation_id, "1", control, region_id, kind, label, value_hash)
            proposed = region["value"][region["type"]][0]
            proposal = Proposal(action, region, ((proposed, 0.9),))  # type: ignore[arg-type]
            key, disagreement = finding_key(of.url, of.project_id, given), 0.9 - n / 10
            finding = Finding(key, given, {"d": 0.9}, disagreement, None, "Why.", proposal, "suspect", "errata-1")
            entries.append(review_entry(finding, Task(task["id"], task["data"], (), True), None))
        review = queue(of)
        review.insert(entries)
        return review

    yield about
    for each in list(client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] in made or any(marker(one) in (each["description"] or "") for one in made):
            client.delete(f"api/projects/{each['id']}/")


def submit(page: Page) -> dict[str, Any]:
    with page.expect_response(lambda said: said.request.method == "POST" and "annotations" in said.url) as said:
        page.locator("button", has_text="Submit").click()
    assert said.value.status == 201
    submitted: dict[str, Any] = said.value.json()
    return submitted


def decide(page: Page, key: str, text: str) -> None:
    page.keyboard.press(key)
    chosen = page.locator("label").filter(has_text=f"{text}[{key}]").locator("input[type=checkbox]")
    expect(chosen).to_be_checked()


def regions_of(page: Page, *names: str) -> None:
    """Wait until the page lists these regions."""
    for name in names:
        expect(page.get_by_text(name, exact=True).last).to_be_visible()


class Picture:
    """The picture in the page, its places in per cent."""

    def __init__(self, page: Page) -> None:
        self.page = page
        frame = page.locator("canvas").first.bounding_box()
        assert frame
        self.frame = frame

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self._at(x, y))

    def drag(self, from_x: float, from_y: float, to_x: float, to_y: float) -> None:
        self.page.mouse.move(*self._at(from_x, from_y))
        self.page.mouse.down()
        self.page.mouse.move(*self._at((from_x + to_x) / 2, (from_y + to_y) / 2), steps=5)
        self.page.mouse.move(*self._at(to_x, to_y), steps=5)
        self.page.mouse.up()

    def _at(self, x: float, y: float) -> tuple[float, float]:
        frame = self.frame
        return frame["x"] + frame["width"] * x / 100, frame["y"] + frame["height"] * y / 100


def test_regions_survive_a_submission_with_their_ids(page: Page, label_stream: Any, ask: Any) -> None:
    """Every shape, in one result or two, with answers, notes, scores and relations: bit by bit but for its origin.

    The region in question comes before the others.
    """
    result = drawing()
    proposal = box("turned-1_x", "car", 55.0, 20.0)
    review = ask(CONFIG, result, ("turned-1_x", "replace", proposal))
    label_stream(review.find())
    regions_of(page, "roof")  # the list shows the first few
    decide(page, "q", "Right as it is")
    submitted = [each for each in submit(page)["result"] if not str(each.get("from_name")).startswith("errata_")]
    expected = drawing()
    expected.insert(0, expected.pop(3) | {"meta": {"text": ["n", "errata asks about this region."]}})
    assert [each | {"origin": ""} for each in submitted] == [each | {"origin": ""} for each in expected]
    (answer,) = review.read()
    assert (answer.choice, answer.regions.changes) == ("keep", ())


def test_edits_by_hand_are_read_region_by_region(page: Page, label_stream: Any, ask: Any) -> None:
    """A new class and another place, a region less, a region more: of each what it was, and nothing of all others.

    A click is the region's that is asked about, whatever else lies there.
    """
    moved_box, gone_box = box("moved", "car", 10, 10), box("gone", "person", 60, 10)
    result = [box("over", "person", 5, 5, 35), moved_box, gone_box, box("left", "car", 10, 60)]
    new = box("new", "car", 60, 60)
    asked = (("moved", "replace", box("moved", "person", 10, 10)), ("gone", "remove", gone_box), (None, "add", new))
    review = ask(BOXES, result, *asked)
    label_stream(review.find())

    regions_of(page, "asked about")
    picture_ = Picture(page)
    picture_.click(20, 20)
    page.keyboard.press("3")  # of no label of the source's; errata's own, which are hidden, have no keys
    page.keyboard.press("2")
    picture_.drag(20, 20, 25, 24)
    page.keyboard.press("Escape")
    decide(page, "r", "I corrected it above")
    submit(page)

    regions_of(page, "asked about")
    Picture(page).click(70, 20)
    page.keyboard.press("Backspace")
    decide(page, "r", "I corrected it above")
    submit(page)

    regions_of(page, "suggested")
    page.keyboard.press("1")
    Picture(page).drag(58, 58, 82, 81)
    page.keyboard.press("Escape")
    decide(page, "r", "I corrected it above")
    submit(page)

    moved, gone, drawn = (answer.regions.changes for answer in review.read())
    assert [(c.region_id, c.old_label, c.new_label) for c in moved] == [("moved", "car", "person")]
    assert moved[0].new_value[0]["value"]["x"] == pytest.approx(15, abs=1)
    assert [(c.region_id, c.old_label, c.new_label) for c in gone] == [("gone", "person", None)]
    assert [(c.old_label, c.new_label) for c in drawn] == [(None, "car")]
    assert Codecs().overlap(drawn[0].new_value, [new]) > 0.5


def test_spans_are_relabelled_deleted_and_selected_by_hand(page: Page, label_stream: Any, ask: Any) -> None:
    """In a text, the stretch in question is selected through its mark, and what is done to it is read."""
    text = "Ann Lee, of the Alps, lives in Paris, France, with Bob."

    def span(region_id: str, label: str, words: str) -> dict[str, Any]:
        start = text.index(words)
        value = {"start": start, "end": start + len(words), "text": words, "labels": [label]}
        return {"id": region_id, "from_name": "ner", "to_name": "text", "type": "labels", "value": value}

    config = (
        '<View><Labels name="ner" toName="text"><Label value="PER"/><Label value="LOC"/></Labels>'
        '<Text name="text" value="$text"/></View>'
    )
    result = [span("a", "PER", "Ann Lee"), span("b", "LOC", "Bob")]
    new = span("new", "LOC", "Paris")
    asked = (("a", "replace", span("a", "LOC", "Ann Lee")), ("b", "remove", result[1]), (None, "add", new))
    review = ask(config, result, *asked, control="ner", kind="spans", data={"text": text})
    label_stream(review.find())
    stretches = page.locator(".htx-highlight")

    expect(page.get_by_role("heading", name='Marked "PER" on "Ann Lee" (red).')).to_be_visible()
    stretches.filter(has_text="Ann Lee").first.click()
    page.keyboard.press("2")
    page.keyboard.press("Escape")
    decide(page, "r", "I corrected it above")
    submit(page)

    expect(page.get_by_role("heading", name='Marked "LOC" on "Bob" (red).')).to_be_visible()
    stretches.filter(has_text="Bob").first.click()
    page.keyboard.press("Backspace")
    decide(page, "r", "I corrected it above")
    submit(page)

    expect(page.get_by_role("heading", name='Not marked: "LOC" on "Paris" (turquoise)')).to_be_visible()
    paris = stretches.filter(has_text="Paris")
    expect(paris.first).to_be_visible()
    for _ in range(5):  # a page that is still busy takes no key
        page.keyboard.press("2")
        paris.first.dblclick()
        with suppress(AssertionError):
            expect(paris).to_have_count(2, timeout=10_000)
            break
        page.keyboard.press("Escape")
    expect(paris).to_have_count(2)
    page.keyboard.press("Escape")
    decide(page, "r", "I corrected it above")
    submit(page)

    changes = [answer.regions.changes for answer in review.read()]
    assert [[(c.old_label, c.new_label) for c in made] for made in changes] == [
        [("PER", "LOC")],
        [("LOC", None)],
        [(None, "LOC")],
    ]
    assert [made[0].region_id for made in changes[:2]] == ["a", "b"]
    assert changes[2][0].new_value[0]["value"]["text"].strip() == "Paris"
