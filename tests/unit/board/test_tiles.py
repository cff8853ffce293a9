from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errata.boards.detail import describe, others_of, outline
from errata.boards.table import BoardTable, RowDetail
from errata.boards.tiles import Tile, make_tile
from errata_model.records import Control, TextForm, ValueForm
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Span

Make = Callable[..., BoardTable]
SPANS = Control("ner", "spans", "text", "text", "text", ("cat",), text=TextForm("Text"), type="labels")
TEXT = "The <b>cat</b> sat on the mat \U0001f431 and purred."


@pytest.fixture
def tile_of(make_board: Make, board_details: Callable[..., list[RowDetail]]) -> Callable[..., tuple[Tile, Any]]:
    """Return what makes the tile and the Detail of one row, given its control and what is shown of it."""

    def make(control: Control, **more: Any) -> tuple[Tile, Any]:
        table = make_board([("cat", "dog", 0.9)], controls=(control,), labels=("cat", "dog", "emu"))
        (detail,) = board_details(table, {0: more})
        tile = make_tile(table, 0, detail)
        return tile, describe(table, 0, tile, detail, [], [])

    return make


def test_a_snippet_is_cut_around_its_span(tile_of) -> None:
    """By code points, whatever stands in it; what is cut off is said by dots; markup stays text."""
    tile, detail = tile_of(SPANS, shown=TEXT, given=Span(4, 14))
    assert tile["content"] == {
        "type": "text",
        "before": "The ",
        "span": "<b>cat</b>",
        "after": " sat on the mat \U0001f431 and purred.",
    }
    assert detail["text"]["proposed"] is None
    whole = "x" * 300 + TEXT + "y" * 300
    tile, detail = tile_of(SPANS, shown=whole, starts_at=1000, given=Span(1300 + 30, 1300 + 31))
    content = tile["content"]
    assert content["span"] == "\U0001f431"
    assert content["before"].startswith("…")
    assert content["before"].endswith("on the mat ")
    assert content["after"].startswith(" and purred.")
    assert content["after"].endswith("…")
    assert max(len(content["before"]), len(content["after"])) < 200
    assert detail["text"]["before"] + detail["text"]["span"] + detail["text"]["after"] == whole


def test_a_proposed_stretch_is_counted_in_what_is_shown(tile_of) -> None:
    """In code points of all that is returned, wherever in the text that begins."""
    _, detail = tile_of(SPANS, shown=TEXT, starts_at=50, given=Span(54, 64), proposed=Span(57, 60))
    whole = detail["text"]["before"] + detail["text"]["span"] + detail["text"]["after"]
    start, end = detail["text"]["proposed"]
    assert whole[start:end] == "cat"
    _, detail = tile_of(SPANS, shown=TEXT, given=Span(4, 14), proposed=Span(900, 905))
    assert detail["text"]["proposed"] is None
    tile, _ = tile_of(SPANS, shown=TEXT, given=None, proposed=Span(7, 10))  # a span that is missing
    assert tile["content"]["span"] == "cat"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(max_size=700), starts_at=st.integers(0, 50), at=st.tuples(st.integers(-5, 800), st.integers(-5, 800))
)
def test_no_text_is_lost_or_made_up(tile_of, text: str, starts_at: int, at: tuple[int, int]) -> None:
    """Whatever a span's ends are, before, span and after are the text."""
    tile, detail = tile_of(SPANS, shown=text, starts_at=starts_at, given=Span(*at))
    parts = [detail["text"][name] for name in ("before", "span", "after")]
    assert "".join(parts) == text
    shown = [tile["content"][name] for name in ("before", "span", "after")]
    for cut, whole in zip(shown, parts, strict=True):
        assert cut == whole or cut.strip("…") in whole


def test_each_sort_of_task_is_shown_as_what_it_is(tile_of) -> None:
    """A sound by its seconds, a series as its time column counts; an answer that is no label in words."""

    def of(modality: str, kind: str = "spans", value: ValueForm | None = None, **more: Any) -> Any:
        return tile_of(Control("c", kind, modality, "x", "x", ("cat",), value=value), **more)[0]["content"]

    media = {"src": "media/v1/0", "start": 1.5, "end": 2.0}
    assert of("audio", given=Span(1.5, 2.0)) == {"type": "audio", **media}
    assert of("video", "choices") == {"type": "video", "src": "media/v1/0", "start": None, "end": None}
    assert of("timeseries", given=Span(3, 9.5)) == {"type": "series", "part": "3 – 9.5"}
    assert of("timeseries", value=ValueForm(date_format="%d.%m.%Y"), given=Span(0, 86400)) == {
        "type": "series",
        "part": "01.01.1970 – 02.01.1970",
    }
    assert of("other", "choices", shown="x" * 999)["text"] == "x" * 319 + "…"
    stars = of("image", "values", answer="3 of 5")
    assert (stars["type"], stars["answer"], stars["proposed"]) == ("image", "3 of 5", "dog")


def test_a_tile_says_what_is_given_and_what_would_be(tile_of) -> None:
    """Given, predicted, the likeliest labels, and what fired; where the task is."""
    tile, detail = tile_of(Control("kind", "choices", "image", "image", "image", ("cat", "dog")), size=(40, 30))
    assert (tile["given"], tile["predicted"], tile["action"], tile["suspect"]) == ("cat", "dog", "replace", True)
    assert tile["top"] == [["dog", 0.9], ["emu", 0.1]]
    assert (tile["detectors"], tile["annotator"], tile["disagreement"]) == (["low_self_confidence"], "ann", 0.9)
    assert (tile["task"], tile["annotation"], tile["region"], tile["standing"]) == (100, 1000, None, None)
    assert detail["scene"] == {"src": "pictures/v1/0.jpg", "width": 40, "height": 30}
    assert detail["shapes"] == {"given": None, "proposed": None}
    assert detail["text"] is None


def test_outlines_are_shares_of_the_scene() -> None:
    """A turned box by its four corners, an ellipse by points on it; a mask by where its pixels are."""
    size = (200, 100)
    turned = outline(Box(0.5, 0.5, 0.2, 0.2, 90), size, "")
    assert turned is not None
    assert turned["type"] == "box"
    expected = [[0.5, 0.5], [0.5, 0.9], [0.4, 0.9], [0.4, 0.5]]  # 40 by 20 pixels, clockwise about its top-left corner
    np.testing.assert_allclose(turned["points"], expected, atol=1e-5)
    ring = outline(Ellipse(0.5, 0.5, 0.25, 0.25), size, "")
    assert ring is not None
    away = (np.array(ring["points"]) - 0.5) / 0.25
    np.testing.assert_allclose(np.hypot(*away.T), 1, atol=0.01)
    corners = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.1))
    assert outline(Polygon(corners), None, "") == {"type": "polygon", "points": [list(each) for each in corners]}
    assert outline(Point(0.25, 1), size, "") == {"type": "point", "points": [[0.25, 1]]}
    mask = Mask(np.ones((2, 2), np.bool_), 0, 0, 9, 9)
    assert outline(mask, size, "masks/v1/3.png?which=given") == {"type": "mask", "src": "masks/v1/3.png?which=given"}
    assert outline(Span(0, 1), None, "") is None
    assert outline(None, None, "") is None


def test_the_task_s_other_labels_are_shown_those_of_the_control_first(make_board: Make) -> None:
    """By annotation; at most sixty of them; never the label itself."""
    tasks = np.array([7, 8, 7, 7, 7])
    control = np.array([0, 0, 1, 0, 0], np.int16)
    annotations = np.array([5, 5, 1, 9, 2])
    table = make_board([("cat", "cat", 0.1)] * 5, tasks=tasks, control=control, annotations=annotations)
    assert others_of(table, 0).tolist() == [4, 3, 2]
    crowd = make_board([("cat", "cat", 0.1)] * 99, tasks=np.zeros(99, np.int64))
    assert len(others_of(crowd, 5)) == 60
