"""errata's own detector of boxes: what it finds, and that no picture's boxes vouch for themselves."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageDraw

from errata_model.kinds.boxes.learner import cross_fit, fit_boxes
from errata_model.kinds.boxes.model import load_boxes_model
from errata_model.kinds.boxes.training import Detectors
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Ellipse
from errata_model.vision.folds import deal
from errata_model.vision.pictures import Pictures
from errata_model.vision.trunks import SmallTrunk

LABELS = ("disc", "square")
SIDE = 64


def draw(n, seed=0):
    """Draw red discs and blue squares on dull backgrounds, one or two a picture, and return them with their boxes."""
    rng = np.random.default_rng(seed)
    pictures, given = [], []
    for number in range(n):
        noise = rng.integers(90, 160, (8, 8, 3)).astype(np.uint8)
        picture = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        regions = []
        for half in range(rng.integers(1, 3)):
            width = int(rng.integers(20, 28))
            x, y = int(rng.integers(0, SIDE - width)), int(half * SIDE / 2 + rng.integers(0, 32 - width + 1))
            corners = (x, y, x + width, y + width)
            label = LABELS[int(rng.integers(2))]
            if label == "disc":
                ImageDraw.Draw(picture).ellipse(corners, fill=(220, 40, 40))
            else:
                ImageDraw.Draw(picture).rectangle(corners, fill=(40, 40, 220))
            shape = Box(*(length / SIDE for length in (x, y, width, width)))
            regions.append(Region(f"{number}-{half}", label, shape))
        pictures.append(picture)
        given.append(tuple(regions))
    return pictures, given


def fit(pictures, given, groups, n_steps, is_labelled=None, seed=0):
    """Cross-fit small networks from scratch for so many steps."""
    if is_labelled is None:
        is_labelled = np.ones(len(pictures), dtype=bool)
    folds = deal(given, LABELS, groups, is_labelled, seed)
    detectors = Detectors(SmallTrunk(), len(LABELS), int(folds.max()) + 1, seed)
    with Pictures(pictures, SIDE) as scaled:
        return cross_fit(detectors, scaled, given, LABELS, folds, is_labelled, n_steps, seed)


def overlap(one, other):
    """Return intersection over union of two upright boxes."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    common = max(0.0, across) * max(0.0, down)
    return common / (one.width * one.height + other.width * other.height - common)


@pytest.fixture(scope="module")
def fitted():
    """Return pictures in two groups, what is drawn on them, and what was made of it."""
    pictures, given = draw(24)
    return pictures, given, fit(pictures, given, np.arange(24) % 2, n_steps=60)


def test_shapes_are_found_by_detectors_that_were_not_shown_them(fitted):
    """The best regions of a picture are what is drawn there, with the right labels."""
    _, given, found = fitted
    is_found = [
        any(each.label == region.label and overlap(each.shape, region.shape) > 0.5 for each in believed.regions[:3])
        for regions, believed in zip(given, found.believed, strict=True)
        for region in regions
    ]
    assert np.mean(is_found) > 0.8


def test_scores_say_how_often_people_mark_such_regions(fitted):
    """Together they promise as many as there are, and what is there has far higher ones."""
    _, given, found = fitted
    there, elsewhere = [], []
    for regions, believed in zip(given, found.believed, strict=True):
        for each in believed.regions:
            hits = any(each.label == region.label and overlap(each.shape, region.shape) > 0.5 for region in regions)
            (there if hits else elsewhere).append(each.score)
    assert np.mean(there) > 4 * np.mean(elsewhere)  # 7 to 10 times, by the draw and the processor
    assert sum(there) + sum(elsewhere) == pytest.approx(len(there), rel=0.25)


def test_regions_are_ranked_inside_the_picture_and_faint_ones_are_kept(fitted):
    """No threshold is applied; every picture has regions, best first and within its borders."""
    for believed in fitted[2].believed:
        scores = [region.score for region in believed.regions]
        assert scores == sorted(scores, reverse=True)
        assert 0 <= min(scores) < 0.1 < max(scores) <= 1
        for region in believed.regions:
            box = region.shape
            assert min(box.x, box.y, box.width, box.height) >= 0
            assert max(box.x + box.width, box.y + box.height) <= 1 + 1e-6


def test_a_new_picture_is_believed_by_all_detectors_together(fitted):
    """The model's arrays alone find what is drawn on a picture that nobody has seen."""
    model = load_boxes_model(fitted[2].model)
    pictures, given = draw(6, seed=7)
    hits = []
    for picture, regions in zip(pictures, given, strict=True):
        best = model.predict(picture).regions[:3]
        hits += [any(b.label == r.label and overlap(b.shape, r.shape) > 0.5 for b in best) for r in regions]
    assert np.mean(hits) > 0.8


def test_no_picture_is_judged_by_a_detector_that_saw_its_group():
    """Other boxes on the pictures of one group change nothing of what is believed about that group."""
    pictures, given = draw(8)
    groups = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    other = list(given)
    for row in (2, 3):
        other[row] = tuple(
            dataclasses.replace(each, label="square", shape=Box(0.1, 0.1, 0.3, 0.3)) for each in given[row]
        )
    before, after = (fit(pictures, each, groups, n_steps=2).believed for each in (given, other))
    assert all(before[row].regions == after[row].regions for row in (2, 3))
    assert any(before[row].regions != after[row].regions for row in (0, 1, 4, 5, 6, 7))


def test_pictures_without_labels_are_believed_about_and_teach_nothing():
    """What stands on a picture that is not labelled changes nothing anywhere."""
    pictures, given = draw(6)
    is_labelled = np.array([True, True, True, True, False, False])
    groups = np.arange(6)
    bare = [*given[:4], (), ()]
    with_boxes, without = (fit(pictures, each, groups, 2, is_labelled).believed for each in (given, bare))
    assert len(with_boxes) == 6
    assert [each.regions for each in with_boxes] == [each.regions for each in without]


def test_the_same_seed_gives_the_same_and_another_another():
    """All draws come from the seed."""
    pictures, given = draw(4)
    first, again, other = (fit(pictures, given, np.arange(4), 2, seed=seed).believed for seed in (0, 0, 1))
    assert [each.regions for each in first] == [each.regions for each in again]
    assert [each.regions for each in first] != [each.regions for each in other]


def test_projects_of_ellipses_get_ellipses():
    """Regions are drawn as most of the given ones are."""
    pictures, given = draw(4)
    round_ones = [
        tuple(dataclasses.replace(r, shape=Ellipse(0.5, 0.5, r.shape.width / 2, r.shape.height / 2)) for r in regions)
        for regions in given
    ]
    found = fit(pictures, round_ones, np.arange(4), 1)
    assert all(isinstance(region.shape, Ellipse) for each in found.believed for region in each.regions)
    assert isinstance(load_boxes_model(found.model).predict(pictures[0]).regions[0].shape, Ellipse)


def test_boxes_of_no_size_outside_or_of_unknown_labels_hurt_nobody():
    """Bad boxes are left out, and the rest is learned; a picture without any box is one with nothing on it."""
    pictures, given = draw(4)
    bad = [
        (*given[0], Region("a", "disc", Box(0.2, 0.2, 0.0, 0.3)), Region("b", "disc", Box(2.0, 2.0, 0.1, 0.1))),
        (*given[1], Region("c", "triangle", Box(0.2, 0.2, 0.5, 0.5)), Region("d", "disc", Box(0.2, 0.2, 1e-9, 1e-9))),
        (Region("e", "square", Box(float("nan"), 0.2, 0.1, 0.1)), *given[2]),
        (),
    ]
    for believed in fit(pictures, bad, np.arange(4), 2).believed:
        assert all(np.isfinite(region.score) for region in believed.regions)


def test_folds_are_whole_groups_and_all_have_labelled_pictures():
    """Groups stay together, and every detector has something that it must not see and something to learn."""
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 12, 60)
    is_labelled = rng.random(60) < 0.5
    given = [(Region("", "disc", Box(0, 0, 0.5, 0.5)),)] * 60
    folds = deal(given, LABELS, groups, is_labelled, seed=3)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups.tolist()))
    assert set(folds[is_labelled]) == set(range(5))


@pytest.mark.parametrize(
    ("groups", "is_labelled", "label", "words"),
    [
        ([0, 0, 0], [True] * 3, "disc", "two groups"),
        ([0, 1, 2], [True, False, False], "disc", "two groups"),
        ([0, 1, 2], [True] * 3, "triangle", "nothing is marked"),
        ([0, 1, 2], [False] * 3, "disc", "nothing is marked"),
        ([0, 1], [True] * 3, "disc", "3 pictures"),
        ([0, 1, 2], [1, 1, 1], "disc", "3 pictures"),
    ],
)
def test_what_cannot_be_learned_is_said(groups, is_labelled, label, words):
    """One group, no label, no box of a known label, or lengths that differ."""
    given = [(Region("", label, Box(0, 0, 0.5, 0.5)),)] * 3
    with pytest.raises(ValueError, match=words):
        deal(given, LABELS, np.array(groups), np.array(is_labelled), seed=0)


def test_too_little_time_is_said_before_anything_is_learned():
    """Where not even one look at each picture fits, the error says how much more time that takes."""
    pictures, given = draw(6)
    with pytest.raises(ValueError, match=r"6 pictures would take at least \d+ min more"):
        fit_boxes(pictures, given, LABELS, np.arange(6), is_labelled=np.ones(6, dtype=bool), minutes=1e-6)


def test_pictures_and_boxes_must_be_as_many():
    """Each picture has its boxes."""
    pictures, given = draw(4)
    with pytest.raises(ValueError, match="3 pictures"):
        fit_boxes(pictures[:3], given, LABELS, np.arange(4), is_labelled=np.ones(4, dtype=bool))


def test_nothing_is_believed_of_pictures_that_cannot_be_had():
    """They teach nothing, and the others are judged; where hardly any is left, that is said."""
    pictures, given = draw(5)
    believed = fit([*pictures[:3], None, pictures[4]], given, np.arange(5), 1).believed
    assert [len(each.regions) > 0 for each in believed] == [True, True, True, False, True]
    with pytest.raises(ValueError, match="too few of the labelled pictures"):
        fit([pictures[0], None, None, None, None], given, np.arange(5), 1)
