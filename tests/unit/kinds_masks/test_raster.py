"""Areas of images as pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy.ndimage import binary_fill_holes, label

from errata_model.kinds.masks.raster import outline, rasterize
from errata_model.regions.shapes import Mask, Point, Polygon


def spread(mask, size):
    pixels = np.zeros(size[::-1], dtype=bool)
    if mask is not None:
        height, width = mask.bitmap.shape
        pixels[mask.top : mask.top + height, mask.left : mask.left + width] = mask.bitmap
        assert (mask.width, mask.height) == size
        assert mask.bitmap.any(axis=0)[[0, -1]].all()
        assert mask.bitmap.any(axis=1)[[0, -1]].all()
    return pixels


def test_a_pixel_is_in_a_polygon_where_its_centre_is():
    """A square from 1.4 to 3.6 holds the centres 1.5, 2.5 and 3.5, both ways."""
    square = Polygon(tuple((x / 5, y / 4) for x, y in [(1.4, 0.6), (3.6, 0.6), (3.6, 2.4), (1.4, 2.4)]))
    assert np.argwhere(spread(rasterize(square, (5, 4)), (5, 4))).tolist() == [[1, 1], [1, 2], [1, 3]]


@given(st.integers(0, 2**32))
def test_polygons_are_filled_as_pillow_fills_them_but_for_their_edge(seed):
    """Convex polygons, in part outside the image: Pillow's, which draws the edge too, holds all and no more than it."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
    points = rng.uniform(5, 45, 2) + rng.uniform(4, 20) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ours = spread(rasterize(Polygon(tuple(map(tuple, points / 50))), (50, 50)), (50, 50))
    canvas = Image.new("1", (50, 50))
    ImageDraw.Draw(canvas).polygon([tuple(point - 0.5) for point in points], fill=1)
    theirs = np.asarray(canvas)
    edge = Image.new("1", (50, 50))
    ImageDraw.Draw(edge).line([tuple(point - 0.5) for point in [*points, points[0]]], fill=1, width=5)
    assert not (ours ^ theirs)[~np.asarray(edge)].any() or ours.sum() == 1


def test_a_line_that_crosses_itself_is_filled_where_it_winds():
    """A line that runs round twice the same way has no hole."""
    once = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
    inner = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
    found = rasterize(Polygon((*once, once[0], *inner, inner[0])), (10, 10))
    assert found.bitmap.all()
    assert found.bitmap.shape == (8, 8)


@pytest.mark.parametrize(
    "shape",
    [
        Polygon(((1.1, 0), (1.4, 0), (1.2, 0.4))),
        Polygon(((0, 0), (1, 1))),
        Polygon(((0, 0), (1, float("nan")), (1, 1))),
        Point(0.5, 0.5),
    ],
)
def test_what_covers_no_pixel_of_the_image_is_none(shape):
    """Polygons outside, of two points or of no numbers, and shapes without an area."""
    assert rasterize(shape, (10, 10)) is None


def test_a_sliver_between_all_centres_has_one_pixel():
    """However thin, a region that is on the image is somewhere."""
    found = rasterize(Polygon(((0.21, 0.0), (0.22, 0.0), (0.22, 1.0), (0.21, 1.0))), (10, 10))
    assert (found.top, found.left, found.bitmap.tolist()) == (5, 2, [[True]])


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32))
def test_a_mask_at_another_size_has_the_pixels_under_its_centres(height, width, new_height, new_width, seed):
    """As the whole image resized by the nearest pixels; where a mask would vanish, one pixel stays."""
    pixels = np.random.default_rng(seed).random((height, width)) < 0.4
    if not pixels.any():
        pixels[0, 0] = True
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    bitmap = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = rasterize(Mask(bitmap, int(rows[0]), int(columns[0]), height, width), (new_width, new_height))
    under = [(np.arange(new) * 2 + 1) * old // (2 * new) for old, new in ((height, new_height), (width, new_width))]
    wanted = pixels[np.ix_(*under)]
    assert np.array_equal(spread(found, (new_width, new_height)), wanted) or not wanted.any()


@given(st.integers(0, 2**32))
def test_an_outline_encloses_the_largest_part(seed):
    """Any blobs: the outline, filled again, is the largest with its holes filled, but for some pixels of its edge."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:12, :15]
    discs = zip(rng.uniform(0, 12, 4), rng.uniform(0, 15, 4), rng.uniform(1.5, 4, 4), strict=True)
    pixels = np.any([np.hypot(rows - y, columns - x) < radius for y, x, radius in discs], axis=0)
    parts, _ = label(pixels)
    part = binary_fill_holes(parts == np.bincount(parts.ravel())[1:].argmax() + 1)
    found = spread(rasterize(outline(Mask(pixels, 3, 2, 20, 30)), (30, 20)), (30, 20))[3:15, 2:17]
    assert (found & part).sum() >= 0.8 * (found | part).sum()


def test_an_outline_of_a_square_has_four_points():
    """Along the edges of pixels: the very square, whichever corner it begins at."""
    found = outline(Mask(np.ones((4, 6), dtype=bool), 2, 3, 10, 20))
    assert sorted(found.points) == [(0.15, 0.2), (0.15, 0.6), (0.45, 0.2), (0.45, 0.6)]
