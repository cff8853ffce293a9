"""Whatever people and models send, every region has its doubt."""

import math

import numpy as np
import pytest

from errata_model.kinds.boxes.doubts import calibrate, find_doubts
from errata_model.regions.records import Believed, Item, Region
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Span

LABELS = ("a", "b")
PLACES = (0, 0.1, 0.3, 0.5, 0.9, 1.2, -0.1, math.nan, math.inf)
SCORES = (None, 0.0, 0.2, 0.9, 1.0, 1.5, math.nan)


def any_shape(rng: np.random.Generator) -> Shape:
    def place() -> float:
        return float(rng.choice(PLACES, p=(0.05, 0.2, 0.2, 0.2, 0.2, 0.05, 0.04, 0.03, 0.03)))

    x, y, width, height = (place() for _ in range(4))
    bitmap = rng.random((int(rng.integers(0, 20)), int(rng.integers(0, 20)))) < 0.5
    shapes = [
        Box(x, y, width, height),
        Box(x, y, width, height, rotation=30),
        Ellipse(x, y, width, height, rotation=10),
        Point(x, y),
        Polygon(tuple((place(), place()) for _ in range(int(rng.integers(0, 6))))),
        Mask(bitmap, 5, 5, 50, 60),
        Span(10 * x, 10 * y),
    ]
    return shapes[int(rng.integers(len(shapes)))]


def any_item(key: int, rng: np.random.Generator) -> Item:
    given = [Region("r", str(rng.choice(["a", "b", "unknown"])), any_shape(rng)) for _ in range(rng.integers(0, 8))]
    copies = [(region.label, region.shape) for region in given if rng.random() < 0.7]
    others = [(str(rng.choice(LABELS)), any_shape(rng)) for _ in range(rng.integers(0, 15))]
    believed = tuple(Region("", label, shape, SCORES[rng.integers(len(SCORES))]) for label, shape in copies + others)
    return Item(given, Believed(believed), (60, 50) if rng.random() < 0.8 else None, key)


@pytest.mark.parametrize("seed", range(2))
def test_every_given_region_has_one_doubt_that_is_a_probability(seed):
    """Mixed, without extent, outside the image, with coordinates that are no numbers: nothing is even warned of."""
    rng = np.random.default_rng(seed)
    items = [any_item(key, rng) for key in range(90)]
    taught = calibrate(items, LABELS)
    assert taught
    for calibration in (taught, {}):
        for item in items:
            doubts = find_doubts(item, LABELS, calibration)
            assert [doubt.given for doubt in doubts if doubt.given is not None] == list(range(len(item.given)))
            assert all(0 <= score <= 1 for doubt in doubts for score in (doubt.disagreement, *doubt.detectors.values()))
            given = [doubt for doubt in doubts if doubt.given is not None]
            assert all((doubt.action is None) == (not doubt.detectors) for doubt in given)
            assert all(doubt.action == "add" for doubt in doubts if doubt.given is None)
