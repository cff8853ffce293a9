"""The learner of masks, on drawn discs."""

import numpy as np
import pytest
from PIL import Image

from errata_model.kinds.masks.evidence import pixels_of, share_pixels, to_masks
from errata_model.kinds.masks.instances import cut
from errata_model.kinds.masks.learner import fit_masks
from errata_model.kinds.masks.model import load_masks_model
from errata_model.kinds.masks.raster import crop
from errata_model.kinds.masks.targets import find_wholes, to_target
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Polygon

LABELS = ("bright", "dark")
SIZE = (160, 128)
ROWS, COLUMNS = np.mgrid[: SIZE[1], : SIZE[0]]


def disc(y, x, radius):
    return np.hypot(ROWS - y, COLUMNS - x) < radius


def draw(rng):
    """Return a grey picture with bright and dark discs, and the regions of these."""
    grey = 120 + rng.normal(0, 8, SIZE[::-1])
    regions = []
    for y, x in [(30, 30), (30, 80), (30, 130), (95, 40), (95, 110)]:
        label = str(rng.choice(LABELS))
        pixels = disc(y + rng.uniform(-5, 5), x + rng.uniform(-5, 5), rng.uniform(12, 20))
        grey[pixels] += 70 if label == "bright" else -70
        regions.append(Region("", label, crop(pixels, 0, 0, SIZE)))
    picture = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)
    return Image.fromarray(picture), regions


@pytest.fixture(scope="module")
def fitted():
    """Return twelve pictures, the last of which cannot be had and the first of which nobody labelled, and what fits."""
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(12)]
    pictures = [*(picture for picture, _ in drawn[:-1]), None]
    given = [[], *(regions for _, regions in drawn[1:])]
    told = []
    fit = fit_masks(
        pictures,
        given,
        LABELS,
        np.arange(12) // 6,
        is_labelled=np.arange(12) > 0,
        minutes=10,
        told=lambda done, of: told.append((done, of)),
    )
    return drawn, fit, told


def found_of(regions, believed):
    masks, others = to_masks(regions, SIZE), to_masks(believed.regions, SIZE)
    shared = share_pixels(pixels_of(masks, SIZE), pixels_of(others, SIZE), SIZE)
    return sum(
        iou > 0.6 and regions[row].label == believed.regions[shared.believed_of[row]].label
        for row, iou in enumerate(shared.iou)
    )


def test_masks_are_believed_of_pictures_that_were_not_shown(fitted):
    """Four of five discs have a believed region of their class and place, also where nobody labelled."""
    drawn, fit, _ = fitted
    found = [found_of(regions, believed) for (_, regions), believed in zip(drawn[:-1], fit.believed[:-1], strict=True)]
    assert sum(found) >= 0.8 * 5 * 11
    assert found[0] >= 3
    assert fit.believed[-1].regions == ()


def test_evidence_is_probabilities_of_the_whole_picture(fitted):
    """Rows of bytes that come to 255 but for rounding, no class first: the background is none."""
    _, fit, _ = fitted
    probabilities = fit.believed[0].evidence["probabilities"]
    assert (probabilities.dtype, probabilities.shape[2]) == (np.uint8, 3)
    assert abs(probabilities.sum(axis=2).astype(int) - 255).max() <= 2
    assert (probabilities[..., 0] > 127).mean() > 0.5


def test_scores_are_probabilities_and_masks_are_of_the_picture(fitted):
    """Each region's score is in (0, 1], its mask has the picture's size, and no pixel is in two."""
    _, fit, _ = fitted
    for believed in fit.believed[:-1]:
        assert all(0 < region.score <= 1 for region in believed.regions)
        assert all((region.shape.width, region.shape.height) == SIZE for region in believed.regions)
        pixels = pixels_of(to_masks(believed.regions, SIZE), SIZE)
        assert len(np.unique(pixels.places)) == len(pixels.places)


def test_progress_is_told_to_the_end(fitted):
    """Every step is told, and the last one is the last."""
    _, _, told = fitted
    assert [done for done, _ in told] == list(range(1, told[0][1] + 1))


def test_a_kept_model_believes_as_the_networks_do(fitted):
    """What is loaded from the arrays finds the discs of a picture that it never saw."""
    _, fit, _ = fitted
    model = load_masks_model(fit.model)
    picture, regions = draw(np.random.default_rng(99))
    believed = model.predict(picture)
    assert found_of(regions, believed) >= 4
    with pytest.raises(ValueError, match="model of masks"):
        load_masks_model({"labels": np.array(["a"])})


def refused(**changed):
    rng = np.random.default_rng(0)
    drawn = [draw(rng) for _ in range(3)]
    usual = {
        "pictures": [picture for picture, _ in drawn],
        "given": [regions for _, regions in drawn],
        "groups": np.arange(3),
        "is_labelled": np.ones(3, dtype=bool),
        "minutes": None,
    }
    arguments = usual | changed
    return fit_masks(arguments.pop("pictures"), arguments.pop("given"), LABELS, arguments.pop("groups"), **arguments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"given": [[], [], []]}, "nothing is marked"),
        ({"groups": np.zeros(3, dtype=int)}, "at least two groups"),
        ({"minutes": 0.001}, "min more"),
        ({"pictures": [None] * 3}, "too few of the labelled pictures"),
        ({"pictures": []}, "one of `given` for each"),
    ],
)
def test_too_little_to_learn_from_is_said(changed, message):
    """What is missing is told in words."""
    with pytest.raises(ValueError, match=message):
        refused(**changed)


def test_targets_have_the_smaller_region_on_top():
    """A small disc on a large one is seen, each has a core, unknown labels are not learned, boxes are none."""
    large, small = disc(64, 80, 40), disc(64, 80, 10)
    regions = [
        Region("", "bright", crop(small, 0, 0, SIZE)),
        Region("", "dark", crop(large, 0, 0, SIZE)),
        Region("", "other", Polygon(((0, 0), (0.1, 0), (0.1, 0.1), (0, 0.1)))),
        Region("", "dark", Box(0.9, 0.9, 0.1, 0.1)),
    ]
    classes, cores = to_target(regions, LABELS, SIZE).unpack()
    assert (classes[64, 80], classes[64, 60], classes[5, 5], classes[120, 150]) == (1, 2, -1, 0)
    assert cores[64, 80]
    assert not cores[64, 42]
    assert classes.shape == (128, 160)


def test_classes_marked_as_a_whole_are_told_from_those_marked_one_by_one():
    """One region an image is a whole, several are not."""
    one, two = ([Region("", label, crop(disc(64, 80, 9), 0, 0, SIZE))] for label in LABELS)
    assert find_wholes([one + two, one + two + two], LABELS).tolist() == [True, False]


def test_regions_that_touch_are_cut_by_their_cores():
    """Two discs with one area between them: two regions where there are two cores, one where the class is a whole."""
    left, right = disc(64, 60, 22), disc(64, 98, 22)
    foreground = np.where(left | right, 0.9, 0.02)
    cores = np.where(disc(64, 60, 12) | disc(64, 98, 12), 0.9, 0.05)
    probabilities = np.stack([1 - foreground, foreground, 0 * foreground])
    one_by_one = cut(probabilities, cores, LABELS, np.zeros(2, dtype=bool), SIZE)
    assert [region.label for region in one_by_one] == ["bright", "bright"]
    assert sorted(region.shape.left for region in one_by_one)[1] > 70
    (whole,) = cut(probabilities, cores, LABELS, np.ones(2, dtype=bool), SIZE)
    assert whole.shape.bitmap.sum() == (left | right).sum()
    assert whole.score == pytest.approx(0.9)


def test_what_is_faint_is_cut_where_nothing_surer_is():
    """A disc of probability 0.3 is believed by that score; no threshold hides it."""
    faint = np.where(disc(64, 60, 22), 0.3, 0.0)
    (region,) = cut(np.stack([1 - faint, faint]), 0 * faint, ("cell",), np.zeros(1, dtype=bool), SIZE)
    assert region.score == pytest.approx(0.3)
    assert cut(np.ones((2, 128, 160)) * [[[1]], [[0]]], 0 * faint, ("cell",), np.zeros(1, dtype=bool), SIZE) == ()


def test_classes_marked_as_a_whole_are_cut_where_they_are_likeliest():
    """Two areas share a border and cover the image, and discs lie on one: nothing of any is given to its neighbour."""
    left, on_it = COLUMNS < 100, disc(30, 30, 12) | disc(90, 40, 12)
    areas = np.stack([left & ~on_it, ~left, on_it])
    probabilities = np.concatenate([np.full((1, *left.shape), 0.01), np.where(areas, 0.97, 0.01)])
    is_whole = np.array([True, True, False])
    for deep in (0 * left, disc(90, 140, 10)):  # a core of one area alone takes nothing from the other
        regions = cut(probabilities, 0.9 * (on_it | deep), ("field", "road", "tree"), is_whole, SIZE)
        assert sorted(each.label for each in regions) == ["field", "road", "tree", "tree"]
        for number, label in enumerate(("field", "road")):
            (whole,) = [each for each in regions if each.label == label]
            assert whole.shape.bitmap.sum() == areas[number].sum()
            assert whole.score == pytest.approx(0.97)
    faint = np.stack([np.full(left.shape, 0.7), np.where(left, 0.2, 0.05), np.where(left, 0.05, 0.25)])
    both = cut(faint / faint.sum(axis=0), 0 * left, LABELS, np.ones(2, dtype=bool), SIZE)
    assert [each.score < 0.3 for each in both] == [True, True]
