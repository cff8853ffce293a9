"""Errors planted into masks, from which their looks are learned."""

import numpy as np
import pytest

from errata_model.kinds.masks.calibration import learn, missing, outcome_chances, untaught
from errata_model.kinds.masks.contradiction import against, contradiction_features, free_pixels
from errata_model.kinds.masks.evidence import class_means, drawn_probabilities, pixels_of, said_of, share_pixels
from errata_model.kinds.masks.planting import BOUNDARY, MERGED, SPLIT, SPURIOUS, WRONG_CLASS, plant
from errata_model.kinds.masks.raster import crop
from errata_model.regions.records import Region
from errata_model.regions.shapes import Mask

SIZE = (60, 50)
ROWS, COLUMNS = np.mgrid[: SIZE[1], : SIZE[0]]


def disc(y, x, radius):
    return crop(np.hypot(ROWS - y, COLUMNS - x) < radius, 0, 0, SIZE)


def pixels(mask):
    whole = np.zeros(SIZE[::-1], dtype=bool)
    height, width = mask.bitmap.shape
    whole[mask.top : mask.top + height, mask.left : mask.left + width] = mask.bitmap
    return whole


@pytest.fixture
def planted():
    masks = [disc(12, 12, 8), disc(12, 28, 8), disc(36, 40, 9), None]
    return masks, {each.error: each for each in plant(masks, [0, 0, 1, 0], 2, SIZE, np.random.default_rng(3))}


def test_each_sort_of_error_is_planted_and_all_masks_are_on_the_image(planted):
    """Five sorts, each with a label for each mask; masks stay the smallest crops, inside of the image."""
    masks, found = planted
    assert set(found) == {SPURIOUS, BOUNDARY, MERGED, SPLIT, WRONG_CLASS}
    for each in found.values():
        assert len(each.masks) == len(each.labels)
        for mask in each.masks:
            if mask is not None:
                assert pixels(mask).sum() == mask.bitmap.sum() > 0
                assert mask.bitmap.any(axis=0)[[0, -1]].all()
                assert mask.bitmap.any(axis=1)[[0, -1]].all()
    assert [mask is None for mask in masks] == [False, False, False, True]


def test_neighbours_of_a_label_are_joined(planted):
    """The two discs that touch become one, which alone is wrong; the one of another label stays."""
    masks, found = planted
    merged = found[MERGED]
    assert merged.wrong == [0]
    assert np.array_equal(pixels(merged.masks[0]), pixels(masks[0]) | pixels(masks[1]))
    assert merged.masks[1] is masks[2]


def test_halves_make_up_the_whole(planted):
    """What was cut in two is the same pixels, none of them twice."""
    masks, found = planted
    assert sum(pixels(mask).astype(int) for mask in found[SPLIT].masks if mask).max() == 1
    whole = np.any([pixels(mask) for mask in found[SPLIT].masks if mask], axis=0)
    assert np.array_equal(whole, np.any([pixels(mask) for mask in masks if mask], axis=0))


def test_a_bad_boundary_still_overlaps_and_another_class_is_another(planted):
    """Planted boundaries are of the same thing; planted classes differ from those given, where something is drawn."""
    masks, found = planted
    for row in found[BOUNDARY].wrong:
        one, other = pixels(masks[row]), pixels(found[BOUNDARY].masks[row])
        assert 0.05 < (one & other).sum() / (one | other).sum() < 0.95
    assert found[WRONG_CLASS].labels[:3] == [1, 1, 0]
    assert found[WRONG_CLASS].wrong == [0, 1, 2]


def test_one_class_has_no_wrong_class():
    """Nothing can be relabelled, and nothing far apart is joined."""
    errors = {
        each.error for each in plant([disc(12, 12, 5), disc(40, 45, 5)], [0, 0], 1, SIZE, np.random.default_rng(0))
    }
    assert errors == {SPURIOUS, BOUNDARY, SPLIT}


def test_pixels_are_shared_as_counted_one_by_one():
    """Random masks that overlap on both sides: the pairs and counts are those of a comparison pixel by pixel."""
    rng = np.random.default_rng(5)
    sides = [[crop(rng.random(SIZE[::-1]) < share, 0, 0, SIZE) for _ in range(4)] for share in (0.3, 0.2)]
    shared = share_pixels(*(pixels_of(side, SIZE) for side in sides), SIZE)
    wanted = np.array([[(pixels(one) & pixels(other)).sum() for other in sides[1]] for one in sides[0]])
    counted = np.zeros((4, 4), dtype=int)
    counted[shared.common.first, shared.common.second] = shared.pixels
    assert np.array_equal(counted, wanted)
    assert shared.given_area.tolist() == [mask.bitmap.sum() for mask in sides[0]]
    assert len(set(shared.believed_of.tolist())) == 4


def test_masks_are_matched_by_more_than_half_first():
    """A mask that overlaps one believed region by 0.8 is that one, though two weaker pairs would come to more."""
    believed = [disc(12, 12, 8), disc(12, 21, 8)]
    given = [disc(12, 13, 8), disc(12, 12, 3)]
    shared = share_pixels(pixels_of(given, SIZE), pixels_of(believed, SIZE), SIZE)
    assert shared.believed_of.tolist() == [0, -1]
    assert shared.iou[0] > 0.8


def test_means_are_those_of_the_pixels_at_any_size_of_the_evidence():
    """Evidence of half the image's size says of a mask what it says at its pixels."""
    probabilities = np.zeros((25, 30, 2), dtype=np.uint8)
    probabilities[:, 15:, 1] = 255
    probabilities[..., 0] = 255 - probabilities[..., 1]
    half = Mask(np.ones((4, 8), dtype=bool), 10, 28, *SIZE[::-1])
    pixels = pixels_of([half, None, disc(25, 10, 4)], SIZE)
    means = class_means(pixels, said_of(pixels, probabilities, SIZE))
    assert means.tolist() == [[0.25, 0.75], [0, 0], [1, 0]]


def test_what_is_surely_contradicted_counts_and_what_is_unsure_hardly_does():
    """A tenth that is surely not there weighs more than a mask of which nothing is sure; likewise what was left out."""

    def features(probability_within, probability_beside):
        """Of a square of which a tenth is believed so, beside as much that is believed so and in no mask."""
        probabilities = np.zeros((SIZE[1], SIZE[0], 2), dtype=np.uint8)
        probabilities[10:20, 10:20, 1] = 255
        probabilities[10:20, 10, 1] = round(255 * probability_within)
        probabilities[10:20, 20, 1] = round(255 * probability_beside)
        probabilities[..., 0] = 255 - probabilities[..., 1]
        square, region = (Mask(np.ones((10, side), dtype=bool), 10, 10, *SIZE[::-1]) for side in (10, 11))
        pixels, believed = pixels_of([square, None], SIZE), pixels_of([region], SIZE)
        free = free_pixels(believed, pixels, SIZE)
        assert free.areas.tolist() == [10]
        within, there = (
            against(said_of(each, probabilities, SIZE), np.full(len(each.places), column))
            for each, column in ((pixels, 1), (free, 0))
        )
        return contradiction_features(pixels, within, free, there, share_pixels(pixels, believed, SIZE))

    sure, unsure, agreed = features(0, 1), features(0.5, 0.5), features(1, 0)
    assert (sure[0] > 2.5).all()
    assert (unsure[0] < 0.3).all()
    assert (agreed[0] < 0.05).all()
    assert sure[1].tolist() == [pytest.approx(np.log(201)), 0], "no area is contradicted, and is no region"


def test_scores_stand_in_for_probabilities():
    """Where regions overlap the surer one counts; what has no score is as likely as not; unknown labels are nothing."""
    regions = [
        Region("", "a", disc(20, 20, 6), 0.2),
        Region("", "a", disc(20, 20, 3), 0.8),
        Region("", "b", disc(40, 50, 4)),
        Region("", "?", disc(5, 50, 4), 0.9),
    ]
    drawn = drawn_probabilities(regions, ["a", "b"], SIZE)
    assert drawn[20, 20].tolist() == [51, 204, 0]
    assert drawn[20, 25].tolist() == [204, 51, 0]
    assert drawn[40, 50].tolist() == [127, 0, 128]
    assert drawn[5, 50].tolist() == [255, 0, 0]


def test_chances_are_of_the_item_alone_and_rarer_on_full_images():
    """The same evidence: one region of a hundred is a tenth as likely wrong as one alone, where both are unlikely."""
    weights = untaught()["given"][0]
    features = np.zeros((1, weights.shape[0] - 1))
    features[:, 2:4] = 0.9
    features[:, 0] = 3
    alone, full = outcome_chances(features, weights), outcome_chances(np.repeat(features, 100, axis=0), weights)
    assert full[0, 1:].sum() == pytest.approx(alone[0, 1:].sum() / 10, rel=0.1)
    assert alone.sum(axis=1) == pytest.approx(1)


def test_what_people_always_mark_is_missing_where_they_did_not():
    """The likelier people mark such regions, the likelier one was left out; never more than certain."""
    chances = missing(np.array([0.0, 0.5, 0.9, 0.99, 1.0]), 3)
    assert (np.diff(chances[:-1]) > 0).all()
    assert chances[0] == 0
    assert 0.5 < chances[-2] <= chances[-1] < 1


def test_too_little_teaches_nothing():
    """No items, no weights."""
    assert learn([], ["a"]) == {}
