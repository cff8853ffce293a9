"""Doubts about masks: each sort of error is found and named, and what is right stays near 0."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

from errata_model.kinds.masks.doubts import calibrate, find_doubts
from errata_model.kinds.masks.instances import cut
from errata_model.kinds.masks.raster import crop, outline
from errata_model.regions.records import Believed, Item, Region
from errata_model.regions.shapes import Polygon

SIZE = (120, 90)
LABELS = ("cell", "debris")
ROWS, COLUMNS = np.mgrid[: SIZE[1], : SIZE[0]]


def disc(y, x, radius):
    return np.hypot(ROWS - y, COLUMNS - x) < radius


def to_region(pixels, label="cell", region_id="", score=None):
    return Region(region_id, label, crop(pixels, 0, 0, SIZE), score)


def draw(rng, labels=LABELS):
    """Return the discs of an image, apart from one another but for two that touch: (pixels, label) each."""
    places = [(20, 20), (20, 60), (20, 100), (65, 22), (65, 47), (66, 100)]
    discs = []
    for y, x in places:
        y, x, radius = y + rng.uniform(-4, 4), x + rng.uniform(-2, 2), rng.uniform(9, 12)  # noqa: PLW2901
        discs.append((disc(y, x, radius), str(rng.choice(labels))))
    return discs


def believe(discs, rng, labels=LABELS, wholes=()):
    """Return what a good, not perfect network has of the discs: edges blurred, noise everywhere."""
    logits = np.zeros((len(labels) + 1, *SIZE[::-1]))
    logits[0] = 6
    cores = np.zeros(SIZE[::-1])
    for pixels, label in discs:
        softened = gaussian_filter(pixels.astype(float), 1.5)
        logits[1 + labels.index(label)] += 12 * softened
        depth = distance_transform_edt(pixels)
        cores = np.maximum(cores, np.clip(1.4 * depth / depth.max(), 0, 1))
    logits += gaussian_filter(rng.normal(size=logits.shape), (0, 3, 3)) * 6
    probabilities = np.exp(logits - logits.max(axis=0))
    probabilities /= probabilities.sum(axis=0)
    is_whole = np.isin(labels, wholes)
    regions = cut(probabilities, cores, list(labels), is_whole, SIZE)
    evidence = np.rint(255 * probabilities).astype(np.uint8).transpose(1, 2, 0)
    return Believed(regions, {"probabilities": evidence})


def to_item(discs, believed, key=0):
    return Item([to_region(pixels, label, str(n)) for n, (pixels, label) in enumerate(discs)], believed, SIZE, key)


@pytest.fixture(scope="module")
def project():
    """Return thirty images, all right, and what errors would look like there."""
    rng = np.random.default_rng(0)
    images = [draw(rng) for _ in range(30)]
    items = [to_item(discs, believe(discs, rng), key) for key, discs in enumerate(images)]
    return images, items, calibrate(items, LABELS)


def of_given(doubts, row):
    return next(doubt for doubt in doubts if doubt.given == row)


def test_what_is_right_is_hardly_doubted(project):
    """Every given region has one doubt, and thirty right images have few that reach a half."""
    _, items, calibration = project
    doubts = [find_doubts(item, LABELS, calibration) for item in items]
    assert all(sorted(d.given for d in each if d.given is not None) == list(range(6)) for each in doubts)
    amounts = np.array([d.disagreement for each in doubts for d in each])
    assert np.isfinite(amounts).all()
    assert ((amounts >= 0) & (amounts <= 1)).all()
    assert np.quantile(amounts, 0.9) < 0.1


def errors():
    """Return name -> (what becomes of the given regions, row of the wrong one)."""

    def missing(given):
        return given[1:], None

    def spurious(given):
        return [*given, to_region(disc(42, 78, 8))], 6

    def wrong_class(given):
        other = "debris" if given[2].label == "cell" else "cell"
        return [*given[:2], dataclasses.replace(given[2], label=other), *given[3:]], 2

    def boundary(given):
        shape = given[1].shape
        small = shape.bitmap & (np.arange(shape.bitmap.shape[1]) < 0.5 * shape.bitmap.shape[1])
        cropped = crop(small, shape.top, shape.left, SIZE)
        return [given[0], dataclasses.replace(given[1], shape=cropped), *given[2:]], 1

    def merged(given):
        pixels = np.zeros(SIZE[::-1], dtype=bool)
        for region in given[3:5]:
            shape = region.shape
            height, width = shape.bitmap.shape
            pixels[shape.top : shape.top + height, shape.left : shape.left + width] |= shape.bitmap
        return [*given[:3], to_region(pixels, given[3].label), given[5]], 3

    def split(given):
        shape = given[5].shape
        left = np.arange(shape.bitmap.shape[1]) < 0.5 * shape.bitmap.shape[1]
        halves = [crop(shape.bitmap & side, shape.top, shape.left, SIZE) for side in (left, ~left)]
        return [*given[:5], *(dataclasses.replace(given[5], shape=half) for half in halves)], 5

    return {
        "missing_region": missing,
        "spurious_region": spurious,
        "wrong_class": wrong_class,
        "bad_boundary": boundary,
        "merged_regions": merged,
        "split_regions": split,
    }


@pytest.mark.parametrize("name", errors())
def test_an_error_is_found_and_named(project, name):
    """Each sort of error, planted into ten images: the detector of that name fires, and it is the worst doubt."""
    _, items, calibration = project
    found = 0
    for item in items[:10]:
        given, row = errors()[name](list(item.given))
        doubts = find_doubts(dataclasses.replace(item, given=given), LABELS, calibration)
        worst = max(doubts, key=lambda doubt: doubt.disagreement)
        allowed = (row, row + 1) if name == "split_regions" else (row,)
        found += name in worst.detectors and worst.given in allowed
    assert found >= 8, f"{found} of 10"


def noisy_or(doubts):
    return 1 - np.prod([1 - doubt.disagreement for doubt in doubts])


def grown(mask, by):
    pixels = np.zeros(SIZE[::-1], dtype=bool)
    height, width = mask.bitmap.shape
    pixels[mask.top : mask.top + height, mask.left : mask.left + width] = mask.bitmap
    return crop(distance_transform_edt(~pixels) <= by, 0, 0, SIZE)


def test_an_image_whose_masks_are_all_drawn_badly_is_doubted(project):
    """All are too large by a quarter of a radius: one of them stands for the image, and is said to be badly drawn.

    On two masks nobody sees that it is all of them: none is doubted for the other.
    """
    _, items, calibration = project
    alone = {name: each for name, each in calibration.items() if name != "careless"}
    found, more = 0, []
    for item in items[:10]:
        given = [dataclasses.replace(region, shape=grown(region.shape, 2.5)) for region in item.given]
        careless = dataclasses.replace(item, given=given)
        doubts = find_doubts(careless, LABELS, calibration)
        worst = max(doubts, key=lambda doubt: doubt.disagreement)
        found += "bad_boundary" in worst.detectors and worst.action == "replace"
        more.append(noisy_or(doubts) - noisy_or(find_doubts(careless, LABELS, alone)))
        assert noisy_or(doubts) > noisy_or(find_doubts(item, LABELS, calibration))
        few = dataclasses.replace(item, given=given[:2])
        assert find_doubts(few, LABELS, calibration) == find_doubts(few, LABELS, alone)
    assert found >= 8, f"{found} of 10"
    assert np.mean(more) > 0.1


def test_a_missing_region_is_proposed_where_it_is(project):
    """The proposal of a missing region is what the belief has there, to be added."""
    _, items, calibration = project
    item = items[0]
    doubts = find_doubts(dataclasses.replace(item, given=item.given[1:]), LABELS, calibration)
    worst = max(doubts, key=lambda doubt: doubt.disagreement)
    assert (worst.given, worst.action) == (None, "add")
    assert worst.proposal in item.believed.regions
    assert abs(worst.proposal.shape.top - item.given[0].shape.top) <= 3


def test_remedies(project):
    """A spurious region is removed, a wrong class replaced by the likeliest, a boundary by the believed one."""
    _, items, calibration = project
    wanted = {"spurious_region": "remove", "wrong_class": "replace", "bad_boundary": "replace"}
    for name, action in wanted.items():
        given, row = errors()[name](list(items[3].given))
        doubt = of_given(find_doubts(dataclasses.replace(items[3], given=given), LABELS, calibration), row)
        assert doubt.action == action
        if name == "wrong_class":
            assert doubt.proposal.label != given[row].label
            assert doubt.proposal.shape is given[row].shape
        if name == "bad_boundary":
            assert doubt.proposal.label == given[row].label
            assert doubt.proposal.shape.bitmap.sum() > 1.5 * given[row].shape.bitmap.sum()


def test_a_score_depends_on_its_item_alone(project):
    """The same doubts in any company, and whatever order regions come in."""
    _, items, calibration = project
    item = items[4]
    doubts = find_doubts(item, LABELS, calibration)
    turned = dataclasses.replace(item, given=item.given[::-1])
    again = {5 - d.given: d.disagreement for d in find_doubts(turned, LABELS, calibration) if d.given is not None}
    assert again == pytest.approx({d.given: d.disagreement for d in doubts if d.given is not None})


def test_polygons_are_doubted_as_masks_are(project):
    """The same regions as polygons: nearly the same doubts, and none of an error."""
    _, items, calibration = project
    item = items[5]
    drawn = [dataclasses.replace(each, shape=outline(each.shape)) for each in item.given]
    assert all(isinstance(each.shape, Polygon) for each in drawn)
    pairs = zip(
        find_doubts(item, LABELS, calibration),
        find_doubts(dataclasses.replace(item, given=drawn), LABELS, calibration),
        strict=True,
    )
    assert all(abs(one.disagreement - other.disagreement) < 0.2 for one, other in pairs)


def test_stored_predictions_without_pixels_are_enough(project):
    """A belief of regions with scores alone: an error is still the worst doubt."""
    _, items, _ = project
    plain = [dataclasses.replace(item, believed=Believed(item.believed.regions)) for item in items]
    calibration = calibrate(plain, LABELS)
    for name in ("spurious_region", "wrong_class", "missing_region"):
        given, row = errors()[name](list(plain[1].given))
        doubts = find_doubts(dataclasses.replace(plain[1], given=given), LABELS, calibration)
        worst = max(doubts, key=lambda doubt: doubt.disagreement)
        assert (worst.given, name in worst.detectors) == (row, True)


@pytest.mark.parametrize("name", errors())
def test_without_calibration_an_error_is_still_doubted_more(project, name):
    """Too few annotations to learn from: what is wrong is doubted more than what is right."""
    _, items, _ = project
    calibration = calibrate(items[:3], LABELS)
    assert len(calibration["given"]) == 1, "of drawn discs, not of this project"
    better = 0
    for item in items[:10]:
        given, row = errors()[name](list(item.given))
        doubts = find_doubts(dataclasses.replace(item, given=given), LABELS, calibration)
        worst = max(doubts, key=lambda doubt: doubt.disagreement)
        better += worst.given in ((row, row + 1) if name == "split_regions" else (row,))
    assert better >= 8, f"{better} of 10"


def plain_items(n_extra=0):
    """Return sixteen images, each with two discs that are believed at .9, and so many believed beside those."""
    places = [(20, 20), (65, 90), (20, 80), (65, 30)]
    regions = [to_region(disc(y, x, 10), LABELS[n % 2], score=0.9) for n, (y, x) in enumerate(places)]
    return [Item(regions[:2], Believed(tuple(regions[: 2 + n_extra])), SIZE, key) for key in range(16)]


def test_a_missing_region_is_likely_where_all_others_were_marked():
    """Of 32 stored predictions people marked all but one: that it is missing is likelier than not, and all else right.

    Where people leave out as many predictions as they mark, each is likelier a false alarm, however sure they all are.
    """
    for n_extra, is_likely in ((0, True), (2, False)):
        items = plain_items(n_extra)
        items[7] = dataclasses.replace(items[7], given=items[7].given[1:])
        doubts = find_doubts(items[7], LABELS, calibrate(items, LABELS))
        missing = max(each.disagreement for each in doubts if each.given is None)
        assert (missing > 0.5) == is_likely, missing
        assert of_given(doubts, 0).disagreement < 0.01
    assert missing < 0.1


def test_one_mask_a_class():
    """Classes marked as a whole: an area left out is doubted, and so is a class left out."""
    rng = np.random.default_rng(1)
    images = [draw(rng) for _ in range(30)]

    def unite(discs):
        return [
            (np.any([pixels for pixels, each in discs if each == label], axis=0), label)
            for label in LABELS
            if label in [each for _, each in discs]
        ]

    items = [
        to_item(unite(discs), believe(discs, rng, wholes=LABELS), key)
        for key, discs in enumerate(images)
        if len(unite(discs)) == 2
    ]
    assert all(len(item.believed.regions) == 2 for item in items)
    calibration = calibrate(items, LABELS)
    named, missed, quiet = 0, 0, 0
    for item in items[:10]:
        one, other = item.given
        shape = one.shape
        half = crop(shape.bitmap & (np.arange(shape.bitmap.shape[1]) < 50), shape.top, shape.left, SIZE)
        doubts = find_doubts(
            dataclasses.replace(item, given=[dataclasses.replace(one, shape=half), other]), LABELS, calibration
        )
        named += max(doubts, key=lambda doubt: doubt.disagreement).given == 0
        doubts = find_doubts(dataclasses.replace(item, given=[other]), LABELS, calibration)
        missed += "missing_region" in max(doubts, key=lambda doubt: doubt.disagreement).detectors
        quiet += max(doubt.disagreement for doubt in find_doubts(item, LABELS, calibration)) < 0.3
    assert min(named, missed, quiet) >= 8


@pytest.mark.parametrize("n_given", [0, 6])
@pytest.mark.parametrize("n_believed", [0, 6])
def test_nothing_given_or_nothing_believed(project, n_given, n_believed):
    """An empty side is no error of the program: all that is there is doubted, once."""
    _, items, calibration = project
    believed = Believed(items[0].believed.regions[:n_believed])
    item = dataclasses.replace(items[0], given=items[0].given[:n_given], believed=believed)
    for learned in (calibration, {}):
        doubts = find_doubts(item, LABELS, learned)
        assert sum(doubt.given is not None for doubt in doubts) == n_given
        assert sum(doubt.given is None for doubt in doubts) == (0 if n_given else len(believed.regions))
        assert all(np.isfinite(doubt.disagreement) for doubt in doubts)


def test_broken_input_is_scored_too(project):
    """A label that the config does not have, a polygon outside the image, scores that are none: no exception."""
    _, items, calibration = project
    outside = Polygon(((2, 2), (3, 2), (3, 3)))
    given = [dataclasses.replace(items[0].given[0], label="?"), Region("x", "cell", outside), *items[0].given[1:]]
    regions = [dataclasses.replace(each, score=None) for each in items[0].believed.regions]
    regions.append(Region("", "?", regions[0].shape, float("nan")))
    item = dataclasses.replace(items[0], given=given, believed=Believed(tuple(regions)))
    doubts = find_doubts(item, LABELS, calibration)
    assert len([doubt for doubt in doubts if doubt.given is not None]) == len(given)
    assert all(0 <= doubt.disagreement <= 1 for doubt in doubts)
    assert of_given(doubts, 1).disagreement > 0.5


@pytest.mark.parametrize(("n_items", "n_each"), [(5, 2), (12, 2), (12, 5), (40, 3)])
def test_a_belief_that_knows_nothing_doubts_nothing(n_items, n_each):
    """Believed discs lie anywhere: whatever the number of annotations, right ones are doubted as little as before."""
    rng = np.random.default_rng(n_items + n_each)

    def anywhere(score=None):
        x, y = (rng.integers(10, side - 10) for side in SIZE)
        return to_region(disc(y, x, rng.uniform(4, 9)), LABELS[0], score=score)

    items = [
        Item(
            [anywhere() for _ in range(n_each)],
            Believed(tuple(anywhere(rng.uniform(0.05, 0.9)) for _ in range(rng.integers(0, 2 * n_each)))),
            SIZE,
            key,
        )
        for key in range(n_items)
    ]
    calibration = calibrate(items, LABELS)
    doubts = [doubt for item in items for doubt in find_doubts(item, LABELS, calibration)]
    given = [doubt.disagreement for doubt in doubts if doubt.given is not None]
    assert np.mean(given) < 0.1
    assert np.mean(np.array(given) > 0.5) <= 0.02


@pytest.mark.parametrize("n_missing", [1, 2, 4])
def test_what_is_missing_where_nothing_else_is_marked(n_missing):
    """Of 22 images with one disc each, some are unmarked: that nothing else is there speaks against none of them."""
    shown = [to_region(disc(30, 50, 8 + key % 4), LABELS[0], score=0.9) for key in range(22)]
    items = [
        Item([] if key < n_missing else [region], Believed((region,)), SIZE, key) for key, region in enumerate(shown)
    ]
    calibration = calibrate(items, LABELS)
    for item in items[:n_missing]:
        (doubt,) = find_doubts(item, LABELS, calibration)
        assert doubt.detectors
        assert doubt.top[0][1] > 0.7, "people mark such discs"
