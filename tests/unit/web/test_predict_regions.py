"""What /predict answers about controls that mark regions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, RegionBelief
from errata.audit.embed_text import text_key
from errata_model.kinds.spans.learner import fit_spans
from errata_model.records import Control, TextForm
from errata_model.regions.records import Believed, Region
from errata_model.regions.shapes import Box, Span

CONTROL = Control("box", "boxes", "image", "image", "image", ("car", "bus"), type="rectanglelabels", takes_none=True)
CONFIG = (
    '<View><Image name="image" value="$image"/><RectangleLabels name="box" toName="image">'
    '<Label value="car"/><Label value="bus"/></RectangleLabels></View>'
)
SURE = Region("", "car", Box(0.1, 0.1, 0.2, 0.2), 0.9)
SAME_PLACE = Region("", "bus", Box(0.1, 0.1, 0.2, 0.21), 0.6)
FAINT = Region("", "bus", Box(0.6, 0.6, 0.2, 0.2), 0.3)


@pytest.fixture
def drawn(world: Callable[..., Any]) -> Any:
    """Return an app that has a belief about the boxes of task 1 and of task 2, where it has none."""
    w = world(is_audited=False)
    believed = (Believed((FAINT, SAME_PLACE, SURE)), Believed(()))
    sizes = ((640, 480), (640, 480))
    belief = RegionBelief(CONTROL, np.array([1, 2], np.int64), ("", ""), believed, {}, sizes)
    w.artefacts.save(1, Artefact("errata-boxes", (), (belief,)))
    return w


def test_likely_regions_are_marked_once_a_place_and_nothing_where_nothing_is(
    drawn: Any, task: Callable[..., Any]
) -> None:
    """The score is that of the least sure region, marked or not."""
    some, none, unknown = drawn.predict(task(1), task(2), task(3), label_config=CONFIG)
    (region,) = some["result"]
    assert (region["type"], region["value"]["rectanglelabels"], region["score"]) == ("rectanglelabels", ["car"], 0.9)
    assert (region["value"]["x"], region["original_width"]) == (pytest.approx(10), 640)
    assert (some["score"], some["model_version"]) == (0.7, "errata-boxes")
    assert (none["result"], none["score"], none["model_version"]) == ([], 1.0, "errata-boxes")
    assert unknown["result"] == []
    assert unknown["model_version"] != "errata-boxes"


def test_a_label_that_the_config_lost_is_not_predicted(drawn: Any, task: Callable[..., Any]) -> None:
    (said,) = drawn.predict(task(1), label_config=CONFIG.replace('<Label value="car"/>', ""))
    assert [region["value"]["rectanglelabels"] for region in said["result"]] == [["bus"]]


def test_of_a_control_that_the_config_lost_nothing_is_said(drawn: Any, task: Callable[..., Any]) -> None:
    """That there is nothing to mark would be an opinion."""
    (said,) = drawn.predict(task(1), label_config=CONFIG.replace('name="box"', 'name="other"'))
    assert (said["result"], said["model_version"]) == ([], "errata-boxes-unusable")


def test_what_an_annotator_has_just_drawn_becomes_what_the_belief_has_there(
    drawn: Any, task: Callable[..., Any]
) -> None:
    """Also where it is not likely; the annotator's label stays."""
    rough = {"x": 58, "y": 58, "width": 25, "height": 25, "rotation": 0, "rectanglelabels": ["car"]}
    context = {
        "result": [{"id": "a", "from_name": "box", "to_name": "image", "type": "rectanglelabels", "value": rough}]
    }
    (said,) = drawn.predict(task(1), label_config=CONFIG, params={"context": context})
    (region,) = said["result"]
    assert [region["value"][side] for side in ("x", "y", "width", "height")] == pytest.approx([60, 60, 20, 20])
    assert region["value"]["rectanglelabels"] == ["car"]
    far = {**context["result"][0], "value": {**rough, "x": 1, "y": 90, "width": 5, "height": 5}}
    elsewhere = {**context["result"][0], "from_name": "lane"}
    for said in (far, elsewhere):
        (nothing,) = drawn.predict(task(1), label_config=CONFIG, params={"context": {"result": [said]}})
        assert nothing["result"] == []


def test_items_that_came_after_the_audit_are_marked_by_the_model_itself(world: Callable[..., Any]) -> None:
    """Each is looked at once; what cannot be used is no prediction; what was audited keeps its out-of-sample belief."""
    towns = ("Rome", "Oslo", "Lima", "Bonn", "Kyiv")
    texts = [f"We went to {towns[n % 5]} by {'train' if n % 2 else 'bus'} in {1900 + n}" for n in range(60)]
    given = [[Region("", "town", Span(11, 15))] for _ in texts]
    fitted = fit_spans(texts, given, ("town",), np.arange(60))
    form = TextForm("Text")
    control = Control("span", "spans", "text", "text", "text", ("town",), form, "labels", takes_none=True)
    keys = tuple(f"content-{text}" for text in texts)
    ids, sizes = np.arange(1, 61, dtype=np.int64), (None,) * 60
    belief = RegionBelief(control, ids, keys, fitted.believed, {}, sizes, fitted.model)
    w = world(is_audited=False)
    w.artefacts.save(1, Artefact("errata-spans", (), (belief,)))
    config = (
        '<View><Labels name="span" toName="text"><Label value="town"/></Labels><Text name="text" value="$text"/></View>'
    )
    held = ["We went to Lima by train in 1850", "broken", texts[3]]
    asked = [{"id": 900 + n, "data": {"text": text}, "is_labeled": False} for n, text in enumerate(held)]
    for _ in range(2):
        new, broken, again = w.predict(*asked, label_config=config)
        (town,) = new["result"]
        assert (town["value"]["start"], town["value"]["end"], town["value"]["labels"]) == (11, 15, ["town"])
        assert (new["model_version"], again["model_version"]) == ("errata-spans", "errata-spans")
        assert (broken["result"], broken["model_version"]) == ([], "errata-spans-unusable")
    assert w.items.seen == held
    audited = next(r for r in fitted.believed[3].regions if (r.score or 0) >= 0.5)
    assert again["result"][0]["score"] == pytest.approx(audited.score, abs=1e-3)
    assert w.queue.jobs == []


def test_a_task_that_shows_something_else_now_is_looked_at_anew(world: Callable[..., Any]) -> None:
    """Its id says nothing: the offsets of another text would be nonsense. What it shows as audited is not looked at."""
    towns = ("Rome", "Oslo", "Lima", "Bonn", "Kyiv")
    texts = [f"We went to {towns[n % 5]} by {'train' if n % 2 else 'bus'} in {1900 + n}" for n in range(60)]
    fitted = fit_spans(texts, [[Region("", "town", Span(11, 15))] for _ in texts], ("town",), np.arange(60))
    control = Control("span", "spans", "text", "text", "text", ("town",), TextForm("Text"), "labels", takes_none=True)
    keys = tuple(map(text_key, texts))
    belief = RegionBelief(control, np.arange(1, 61), keys, fitted.believed, {}, (None,) * 60, fitted.model)
    w = world(is_audited=False)
    w.artefacts.save(1, Artefact("errata-spans", (), (belief,)))
    config = (
        '<View><Labels name="span" toName="text"><Label value="town"/></Labels><Text name="text" value="$text"/></View>'
    )
    edited = "In 1850 they went to Lima by train"
    asked = [{"id": n, "data": {"text": text}, "is_labeled": False} for n, text in ((1, edited), (2, texts[1]))]
    changed, audited = w.predict(*asked, label_config=config)
    assert w.items.seen == [edited]
    assert [edited[r["value"]["start"] : r["value"]["end"]] for r in changed["result"]] == ["Lima"]
    assert audited["result"][0]["score"] == pytest.approx(fitted.believed[1].regions[0].score, abs=1e-3)


def test_a_picture_is_known_by_what_lies_behind_its_address(
    world: Callable[..., Any], task: Callable[..., Any]
) -> None:
    """The index is asked; what it does not know is looked at, and without a picture nothing is said."""
    belief = RegionBelief(
        CONTROL, np.array([1], np.int64), ("content-1",), (Believed((SURE,)),), {}, ((640, 480),), {"any": np.ones(1)}
    )
    w = world(is_audited=False)
    w.artefacts.save(1, Artefact("errata-boxes", (), (belief,)))
    w.index.keys = {"/data/1.png": "content-1", "/data/copy.png": "content-1"}
    said = w.predict(task(1), task(9, "/data/copy.png"), task(1, "broken"), label_config=CONFIG)
    assert [len(each["result"]) for each in said] == [1, 1, 0]
    assert w.items.seen == ["broken"]
