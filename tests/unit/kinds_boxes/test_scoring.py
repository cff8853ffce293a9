"""Boxes as plain arrays, beside boxes as items."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from errata_model.kinds.boxes.doubts import calibrate, find_doubts
from errata_model.kinds.boxes.scoring import Boxes, box_quality
from errata_model.regions.records import Believed, Item, Region
from errata_model.regions.shapes import Box

LABELS = ("car", "person")


def scene(key: int, rng: np.random.Generator) -> Item:
    places = rng.uniform(0, 0.8, (8, 2))
    given = [Region(str(n), LABELS[n % 2], Box(x, y, 0.15, 0.1)) for n, (x, y) in enumerate(places[:4].tolist())]
    believed = [
        Region("", LABELS[n % 2], Box(x, y, 0.15, 0.1), float(rng.random()))
        for n, (x, y) in enumerate((places + rng.normal(0, 0.01, (8, 2))).tolist())
    ]
    return Item(given, Believed(tuple(believed)), (640, 480), key)


@pytest.fixture(scope="module")
def scenes() -> list[Item]:
    rng = np.random.default_rng(0)
    return [scene(key, rng) for key in range(40)] + [Item((), Believed(()), (640, 480), 40)]


def to_boxes(sides: list[list[Region]], scores: bool) -> Boxes:
    regions = [region for side in sides for region in side]
    return Boxes(
        np.repeat(np.arange(len(sides)), [len(side) for side in sides]),
        np.array([(r.shape.x, r.shape.y, r.shape.x + r.shape.width, r.shape.y + r.shape.height) for r in regions]),
        np.array([LABELS.index(region.label) for region in regions]),
        np.array([region.score for region in regions], dtype=float) if scores else None,
    )


@pytest.fixture(scope="module")
def sides(scenes):
    return to_boxes([s.given for s in scenes], False), to_boxes([s.believed.regions for s in scenes], True)


@pytest.mark.parametrize("is_taught", [False, True])
def test_arrays_score_as_items_do(scenes, sides, is_taught):
    calibration = calibrate(scenes, LABELS) if is_taught else {}
    assert bool(calibration) == is_taught
    quality = box_quality(*sides, len(scenes), len(LABELS), calibration, [each.key for each in scenes])
    doubts = [find_doubts(each, LABELS, calibration) for each in scenes]
    given = [doubt.disagreement for each in doubts for doubt in each if doubt.given is not None]
    assert_allclose(1 - quality.given, given, atol=1e-12)
    of_items = [1 - np.prod([1 - doubt.disagreement for doubt in each]) for each in doubts]
    assert_allclose(quality.disagreement, of_items, atol=1e-9)
    assert quality.disagreement[-1] == 0


def test_the_unit_does_not_matter_without_a_calibration(sides):
    given, predicted = sides
    scale = np.array([640, 480, 640, 480])
    in_pixels = (Boxes(s.images, s.xyxy * scale, s.labels, s.scores) for s in sides)
    assert_allclose(
        box_quality(given, predicted, 41, 2).disagreement, box_quality(*in_pixels, 41, 2).disagreement, atol=1e-9
    )


def test_scores_that_are_no_numbers_and_boxes_without_area_are_scored():
    given = Boxes(np.array([0, 0]), np.array([[0.1, 0.1, 0.1, 0.4], [0.5, 0.5, 0.9, 0.9]]), np.array([0, 7]))
    predicted = Boxes(np.array([0]), np.array([[0.5, 0.5, 0.9, np.nan]]), np.array([1]), np.array([np.nan]))
    quality = box_quality(given, predicted, 2, 2)
    for values in (quality.given, quality.errors, quality.missing, quality.disagreement):
        assert np.isfinite(values).all()


def test_no_boxes_at_all_are_no_disagreement():
    none = Boxes(np.zeros(0, int), np.zeros((0, 4)), np.zeros(0, int))
    assert box_quality(none, none, 3, 2).disagreement.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("images", "xyxy", "message"),
    [
        ([1, 0], np.zeros((2, 4)), "ascending, from 0 to below 2"),
        ([0, 2], np.zeros((2, 4)), "ascending, from 0 to below 2"),
        ([0, 1], np.zeros((3, 4)), "one row of four corners"),
    ],
)
def test_columns_that_do_not_fit_are_named(images, xyxy, message):
    wrong = Boxes(np.array(images), xyxy, np.zeros(len(images), int))
    none = Boxes(np.zeros(0, int), np.zeros((0, 4)), np.zeros(0, int))
    with pytest.raises(ValueError, match=f"`given.*{message}"):
        box_quality(wrong, none, 2, 2)
