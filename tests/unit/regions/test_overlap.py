"""How much two regions overlap, whatever their shapes."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from errata_model.regions.overlap import box_pairs, overlapping_pairs, overlaps
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Span

SIZE = (200, 100)


def regions(*shapes: Shape) -> list[Region]:
    return [Region(str(number), "a", shape) for number, shape in enumerate(shapes)]


def overlap(first: Shape, second: Shape, size: tuple[int, int] | None = SIZE) -> float:
    return float(overlaps(regions(first), regions(second), size)[0, 0])


def mask_of(rows: slice, columns: slice, height: int = 100, width: int = 200) -> Mask:
    bitmap = np.ones((rows.stop - rows.start, columns.stop - columns.start), dtype=bool)
    return Mask(bitmap, rows.start, columns.start, height, width)


HALF = Box(0.1, 0.2, 0.4, 0.4)
AS_POLYGON = Polygon(((0.1, 0.2), (0.5, 0.2), (0.5, 0.6), (0.1, 0.6)))
AS_MASK = mask_of(slice(20, 60), slice(20, 100))


@pytest.mark.parametrize("first", [HALF, AS_POLYGON, AS_MASK])
@pytest.mark.parametrize("second", [HALF, AS_POLYGON, AS_MASK])
def test_the_same_area_overlaps_by_all_however_it_is_drawn(first, second):
    assert overlap(first, second) == pytest.approx(1)


@pytest.mark.parametrize("first", [HALF, AS_POLYGON, AS_MASK])
@pytest.mark.parametrize("second", [Box(0.3, 0.2, 0.4, 0.4), mask_of(slice(20, 60), slice(60, 140))])
def test_areas_that_share_half_of_each_overlap_by_a_third(first, second):
    assert overlap(first, second) == pytest.approx(1 / 3)
    assert overlap(second, first) == pytest.approx(1 / 3)


def test_a_turned_box_is_turned_in_pixels_about_its_top_left_corner_and_clockwise():
    """On an image twice as wide as high, a box of 0.2 x 0.2 turned by a right angle reaches 20 pixels to the left."""
    turned = Box(0.5, 0.2, 0.2, 0.2, rotation=90)
    upright = Box(0.5 - 20 / 200, 0.2, 20 / 200, 40 / 100)
    assert overlap(turned, upright) == pytest.approx(1)


def test_an_ellipse_covers_what_is_round_of_its_box():
    assert overlap(Ellipse(0.5, 0.5, 0.2, 0.3), Box(0.3, 0.2, 0.4, 0.6)) == pytest.approx(math.pi / 4, abs=1e-4)


def test_a_polygon_that_crosses_itself_covers_what_it_encloses():
    bow = Polygon(((0.1, 0.1), (0.5, 0.5), (0.5, 0.1), (0.1, 0.5)))
    assert overlap(bow, Box(0.1, 0.1, 0.4, 0.4)) == pytest.approx(0.5)


def test_points_are_near_on_the_scale_of_the_image():
    """The scale is 0.025 times the square root of the area: a distance of one scale overlaps by exp(-1/2)."""
    scale = 0.025 * math.sqrt(200 * 100)
    here, there = Point(0.5, 0.5), Point(0.5 + scale / 200, 0.5)
    assert overlap(here, here) == 1
    assert overlap(here, there) == pytest.approx(math.exp(-0.5))
    assert overlap(here, Point(0.9, 0.5)) == 0


def test_a_point_beside_an_area_is_compared_with_its_middle():
    assert overlap(Point(0.3, 0.4), HALF) == pytest.approx(1)
    assert overlap(Point(0.1, 0.2), HALF) < 0.1


def test_spans_overlap_along_the_line_and_on_the_same_channel():
    assert overlap(Span(0, 4), Span(2, 6), None) == pytest.approx(1 / 3)
    assert overlap(Span(0, 4, channel=0), Span(0, 4, channel=1), None) == 0
    assert overlap(Span(0, 4, channel=0), Span(0, 4), None) == 1
    assert overlap(Span(0, 4), HALF) == 0


def test_masks_of_another_image_size_are_scaled():
    assert overlap(AS_MASK, mask_of(slice(40, 120), slice(40, 200), 200, 400)) == pytest.approx(1)


@pytest.mark.parametrize(
    "nothing",
    [
        Box(0.2, 0.3, 0, 0.2),
        Box(0.2, 0.3, -0.1, 0.2),
        Box(math.nan, 0.3, 0.1, 0.2),
        Box(0.2, 0.3, 0, 0, rotation=30),
        Polygon(()),
        Polygon(((0.2, 0.3), (0.3, 0.4))),
        Polygon(((math.nan, 0.3), (0.3, 0.4), (0.2, 0.4))),
        Ellipse(0.3, 0.4, 0, 0),
        Point(math.nan, 0.4),
        Mask(np.zeros((0, 0), dtype=bool), 0, 0, 100, 200),
        Span(3, 3),
        Span(5, 3),
    ],
)
def test_what_has_no_extent_overlaps_nothing(nothing):
    others = regions(nothing, HALF, AS_POLYGON, AS_MASK, Point(0.3, 0.4), Span(0, 9))
    assert overlaps(regions(nothing), others, SIZE).tolist() == [[0] * 6]


def test_pairs_are_those_of_the_table_that_overlap():
    rng = np.random.default_rng(0)
    many = regions(*(Box(*rng.random(2), *(0.3 * rng.random(2)), rotation=rng.choice([0, 30])) for _ in range(40)))
    table = overlaps(many[:25], many[15:], SIZE)
    pairs = overlapping_pairs(many[:25], many[15:], SIZE)
    assert sorted(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == sorted(
        zip(*(rows.tolist() for rows in np.nonzero(table)), strict=True)
    )
    assert overlaps([], many, SIZE).shape == (0, 40)


corners = st.floats(-1, 2)
boxes = st.tuples(corners, corners, st.floats(0.01, 1), st.floats(0.01, 1))


@settings(max_examples=60, deadline=None)
@given(boxes, boxes)
def test_upright_boxes_overlap_as_shapely_has_it(first, second):
    one, other = (shapely.box(x, y, x + width, y + height) for x, y, width, height in (first, second))
    expected = one.intersection(other).area / one.union(other).area
    assert overlap(Box(*first), Box(*second), (1, 1)) == pytest.approx(expected, abs=1e-6)


def test_boxes_of_many_images_pair_within_their_own():
    rng = np.random.default_rng(1)
    images = np.sort(rng.integers(0, 20, 60))
    low = rng.random((60, 2))
    xyxy = np.hstack((low, low + 0.4))
    pairs = box_pairs(images, xyxy, images, xyxy)
    assert (images[pairs.first] == images[pairs.second]).all()
    alone = [
        box_pairs(images[images == n], xyxy[images == n], images[images == n], xyxy[images == n]) for n in range(20)
    ]
    assert sorted(pairs.overlap) == sorted(np.concatenate([each.overlap for each in alone]))
    with pytest.raises(ValueError, match="ascending"):
        box_pairs(images[::-1], xyxy, images, xyxy)


def test_a_line_that_crosses_itself_everywhere_has_an_area():
    """20,000 corners anywhere, whose crossings nobody could count: it encloses most of the image, and overlaps it."""
    corners = np.random.default_rng(0).random((20_000, 2)).tolist()
    scribble = Region("a", "car", Polygon(tuple((x, y) for x, y in corners)))
    assert overlaps([scribble], [Region("b", "car", Box(0, 0, 1, 1))], (100, 100))[0, 0] > 0.5
