"""Where regions of any shape are on their pictures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from errata.audit.snapshot import Task
from errata.boards.rows import Row, places_of
from errata_model.records import Control, Finding, GivenLabel
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Span

CONTROL = Control("box", "boxes", "image", "image", "image", ("car",))
GIVEN = GivenLabel(1, 2, "ann", "box", "r", "boxes", "car", "h")
FINDING = Finding("k", GIVEN, {}, 0.1, None, "", None, "suspect", "m")
BITMAP = np.ones((20, 10), dtype=np.bool_)


def place(shape, size=(200, 100), control=CONTROL):
    (found,) = places_of([Row(FINDING, Task(1, {}, (), True), control, shape, size)])
    return found.tolist()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (Box(0.1, 0.2, 0.3, 0.4), (0.1, 0.2, 0.3, 0.4)),
        (Box(0.5, 0.2, 0.2, 0.2, 90), (0.4, 0.2, 0.1, 0.4)),  # 40 x 20 pixels stand upright
        (Box(-0.1, 0.9, 0.3, 0.4), (0.0, 0.9, 0.2, 0.1)),
        (Ellipse(0.5, 0.5, 0.1, 0.2), (0.4, 0.3, 0.2, 0.4)),
        (Polygon(((0.1, 0.1), (0.4, 0.2), (0.2, 0.6))), (0.1, 0.1, 0.3, 0.5)),
        (Mask(BITMAP, 10, 40, 100, 200), (0.2, 0.1, 0.05, 0.2)),
    ],
)
def test_shapes_have_the_box_around_them(shape, expected):
    """In shares of the picture, as far as they are inside; a turned one as it lies there in pixels."""
    assert place(shape) == pytest.approx(expected, abs=2e-3)


def test_a_point_has_a_small_square():
    """Around it, as wide as high in pixels, also where the picture's size is not known."""
    left, top, width, height = place(Point(0.5, 0.5))
    assert (left + width / 2, top + height / 2) == pytest.approx((0.5, 0.5))
    assert width * 200 == pytest.approx(height * 100)
    assert 0.02 < width < 0.2
    assert np.isfinite(place(Point(0.5, 0.5), None)).all()


@pytest.mark.parametrize("shape", [None, Span(1, 3), Box(1.2, 0.1, 0.2, 0.2), Box(float("nan"), 0, 1, 1)])
def test_what_is_on_no_picture(shape):
    """NaN: no shape, a stretch of a text, what lies outside, what is no number; and what is no picture."""
    assert np.isnan(place(shape)).all()
    assert np.isnan(place(Box(0.1, 0.1, 0.2, 0.2), control=replace(CONTROL, modality="video"))).all()
