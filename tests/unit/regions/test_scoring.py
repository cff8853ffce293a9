"""Doubts about regions beside a belief, with and without what a project teaches."""

import dataclasses
import math

import numpy as np
import pytest

from errata_model.regions.calibration import ERRORS, calibrate_regions, folds_of
from errata_model.regions.columns import to_marks
from errata_model.regions.overlap import overlapping_pairs
from errata_model.regions.records import (
    BOUNDARY,
    DUPLICATE,
    MISSING,
    SPURIOUS,
    WRONG_CLASS,
    Believed,
    Doubt,
    Item,
    Region,
)
from errata_model.regions.scoring import noisy_or, region_doubts, score_marks
from errata_model.regions.shapes import Box, Point, Polygon, Shape, Span

LABELS = ("car", "person", "tree")


def drawn(label: str, *place: float, score: float | None = None) -> Region:
    return Region("" if score is not None else f"{label}{place}", label, Box(*place), score)


def item(given: list[Region], believed: list[Region], key: int = 0) -> Item:
    return Item(tuple(given), Believed(tuple(believed)), (800, 600), key)


def street(key: int, rng: np.random.Generator, shape: type = Box) -> Item:
    """Return a scene whose labels are right: the detector misses a tenth, invents faint boxes, and takes some classes.

    Boxes lie on a grid, so that things do not overlap.
    """
    given, believed = [], []
    for cell in rng.permutation(16)[:6].tolist():
        x, y = cell % 4 / 4 + 0.02, cell // 4 / 4 + 0.02
        label = LABELS[int(rng.integers(3))]
        width, height = rng.uniform(0.1, 0.2, 2).tolist()
        given.append(drawn(label, x, y, width, height))
        if rng.random() < 0.9:
            seen = label if rng.random() < 0.95 else LABELS[int(rng.integers(3))]
            dx, dy = rng.normal(0, 0.005, 2).tolist()
            believed.append(drawn(seen, x + dx, y + dy, width, height, score=float(rng.uniform(0.5, 1))))
    for _ in range(4):
        x, y = rng.uniform(0, 0.8, 2).tolist()
        believed.append(drawn(LABELS[int(rng.integers(3))], x, y, 0.15, 0.15, score=float(rng.uniform(0, 0.3))))
    return item(given, believed, key)


@pytest.fixture(scope="module")
def streets() -> list[Item]:
    rng = np.random.default_rng(0)
    return [street(key, rng) for key in range(60)]


@pytest.fixture(scope="module")
def taught(streets):
    return calibrate_regions(streets, LABELS)


@pytest.fixture(params=["taught", "untaught"])
def calibration(request, taught):
    return taught if request.param == "taught" else {}


SEEN = drawn("car", 0.1, 0.1, 0.2, 0.2, score=0.95)


def likeliest(doubt: Doubt) -> str:
    return max(doubt.detectors, key=lambda name: doubt.detectors[name])


def test_a_region_that_the_belief_has_too_is_hardly_doubted(calibration):
    (doubt,) = region_doubts(item([drawn("car", 0.1, 0.1, 0.2, 0.2)], [SEEN]), LABELS, calibration)
    assert (doubt.given, doubt.action, doubt.proposal) == (0, None, None)
    assert doubt.detectors == {}
    assert doubt.disagreement < 0.06
    assert doubt.top[0][0] == "car"


def test_a_region_that_nothing_supports_is_spurious(calibration):
    doubt, *_ = region_doubts(item([drawn("car", 0.6, 0.6, 0.15, 0.15)], [SEEN]), LABELS, calibration)
    assert likeliest(doubt) == SPURIOUS
    assert (doubt.action, doubt.proposal, doubt.top) == ("remove", None, ())
    assert doubt.disagreement > 0.1


def test_another_class_is_proposed_where_the_belief_has_one(calibration):
    given = drawn("tree", 0.1, 0.1, 0.2, 0.2)
    (doubt,) = region_doubts(item([given], [SEEN]), LABELS, calibration)
    assert likeliest(doubt) == WRONG_CLASS
    assert doubt.action == "replace"
    assert doubt.proposal == dataclasses.replace(given, label="car")
    assert doubt.top == (("car", 1.0),)
    assert doubt.disagreement > 0.2


def test_a_box_beside_its_thing_is_put_where_the_belief_has_it(calibration):
    given = drawn("car", 0.17, 0.16, 0.2, 0.2)
    doubt, missing = region_doubts(item([given], [SEEN]), LABELS, calibration)
    assert likeliest(doubt) == BOUNDARY
    assert doubt.action == "replace"
    assert doubt.proposal == dataclasses.replace(given, shape=SEEN.shape)
    assert doubt.top[0][0] == "car"
    assert missing.disagreement <= 1 - doubt.detectors[BOUNDARY]


def test_the_worse_one_of_two_boxes_over_one_thing_is_a_duplicate(calibration):
    better, worse = drawn("car", 0.1, 0.1, 0.2, 0.2), drawn("car", 0.115, 0.11, 0.2, 0.2)
    first, second = region_doubts(item([worse, better], [SEEN]), LABELS, calibration)
    assert likeliest(first) == DUPLICATE
    assert (first.action, first.proposal) == ("remove", None)
    assert DUPLICATE not in second.detectors
    assert first.disagreement > second.disagreement


def test_of_two_boxes_over_one_thing_that_is_not_seen_one_is_left(calibration):
    """Whoever takes every duplicate away still has it marked, crowds of others of the label around it or not."""
    pair = [drawn("car", 0.4, 0.4, 0.2, 0.2), drawn("car", 0.405, 0.405, 0.2, 0.2)]
    crowd = [drawn("car", 0.2 + x, 0.2 + y, 0.25, 0.25) for x in (0, 0.35) for y in (0, 0.35)]
    seen = [dataclasses.replace(each, score=0.9) for each in crowd]
    for beside, believed in ([], [SEEN]), (crowd, seen):
        kept, copy, *_ = region_doubts(item([*pair, *beside], believed), LABELS, calibration)
        assert DUPLICATE not in kept.detectors
        assert likeliest(copy) == DUPLICATE
        assert kept.disagreement < copy.disagreement


def test_what_the_belief_has_and_nobody_marked_is_missing(calibration):
    faint = drawn("tree", 0.7, 0.7, 0.1, 0.1, score=0.02)
    doubts = region_doubts(item([], [faint, SEEN]), LABELS, calibration)
    assert [doubt.proposal for doubt in doubts] == [SEEN, faint]
    assert [(doubt.given, doubt.action) for doubt in doubts] == [(None, "add")] * 2
    assert doubts[0].disagreement > 0.1 > doubts[1].disagreement
    assert [list(doubt.detectors) for doubt in doubts] == [
        [MISSING],
        [MISSING] if doubts[1].disagreement > 0.04 else [],
    ]
    assert doubts[0].top == (("car", 0.95),)


@pytest.mark.parametrize(
    "nowhere",
    [Box(0.3, 0.3, 0, 0), Box(1.2, 0.3, 0.1, 0.1), Box(math.nan, 0, 1, 1), Polygon(()), Point(-0.1, 0.5), Span(4, 4)],
)
def test_a_region_that_is_nowhere_is_wrong_and_not_proposed(nowhere: Shape, calibration):
    here = Region("r", "car", nowhere)
    doubts = region_doubts(item([here], [dataclasses.replace(here, score=0.9)]), LABELS, calibration)
    assert doubts == [Doubt(0, 1.0, {SPURIOUS: 1.0}, "remove")]


def test_labels_that_the_config_does_not_know_equal_none_and_are_not_proposed(calibration):
    unknown = drawn("lorry", 0.1, 0.1, 0.2, 0.2)
    doubt, *others = region_doubts(item([unknown], [SEEN]), LABELS, calibration)
    assert doubt.proposal == dataclasses.replace(unknown, label="car")
    assert others == []
    assert region_doubts(item([], [dataclasses.replace(unknown, score=0.9)]), LABELS, calibration) == []


def test_regions_without_scores_count_as_an_even_chance(calibration):
    without, even = ([dataclasses.replace(SEEN, score=score)] for score in (None, 0.5))
    found = [region_doubts(item([], believed), LABELS, calibration)[0].disagreement for believed in (without, even)]
    assert found[0] == found[1]


@pytest.mark.parametrize("labels", [(), ("car",)])
def test_any_number_of_labels_is_served(labels):
    given, believed = [drawn("car", 0.1, 0.1, 0.2, 0.2)], [SEEN]
    doubts = region_doubts(item(given, believed), labels, {})
    assert len(doubts) == 1
    assert math.isfinite(doubts[0].disagreement)


def test_an_item_is_scored_the_same_whatever_is_scored_with_it(streets, taught):
    marks = to_marks(streets, LABELS)
    together = score_marks(marks, taught, [each.key for each in streets])
    rows = np.split(together.disagreement, np.cumsum([len(each.given) for each in streets])[:-1])
    for number in (0, 7, 59):
        doubts = region_doubts(streets[number], LABELS, taught)
        alone = [doubt.disagreement for doubt in doubts if doubt.given is not None]
        assert alone == pytest.approx(rows[number].tolist(), abs=1e-12)
        assert sum(doubt.given is None for doubt in doubts) == len(streets[number].believed.regions) - int(
            together.matched.is_marked[marks.believed.items == number].sum()
        )


def test_doubts_follow_their_regions(streets, taught):
    """Given regions in another order have the same doubts, in that order."""
    one = streets[3]
    turned = dataclasses.replace(one, given=one.given[::-1], believed=Believed(one.believed.regions[::-1]))
    forth, back = (region_doubts(each, LABELS, taught) for each in (one, turned))
    n = len(one.given)
    assert [doubt.disagreement for doubt in forth[:n]] == pytest.approx(
        [doubt.disagreement for doubt in back[:n]][::-1]
    )
    assert [doubt.disagreement for doubt in forth[n:]] == pytest.approx([doubt.disagreement for doubt in back[n:]])


def test_an_item_is_not_judged_by_what_its_own_labels_taught(streets, taught):
    """Other labels on one item change what judges the items of other folds, and nothing of what judges it."""
    mine = streets[5]
    fold = folds_of([mine.key])[0]
    elsewhere = tuple(dataclasses.replace(each, shape=Box(0.9, 0.9, 0.09, 0.09)) for each in mine.given)
    changed = [dataclasses.replace(each, given=elsewhere) if each is mine else each for each in streets]
    again = calibrate_regions(changed, LABELS)
    others = [number for number in range(5) if number != fold]
    assert not any(np.allclose(taught["marked"][number], again["marked"][number]) for number in others)
    one, other = (region_doubts(mine, LABELS, each) for each in (taught, again))
    assert [doubt.disagreement for doubt in one] == pytest.approx([doubt.disagreement for doubt in other], abs=0.01)


def test_errors_planted_into_a_project_are_found_first(streets):
    """One kind of error each on every sixth scene: those rank above nearly all regions that are right."""
    changed, wrong = [], []
    for number, one in enumerate(streets):
        given = list(one.given)
        is_wrong = [False] * len(given)
        if number % 6 == 0:
            given[0] = drawn(given[0].label, 0.9, 0.9, 0.09, 0.09)
        elif number % 6 == 1:
            given[0] = dataclasses.replace(given[0], label=LABELS[(LABELS.index(given[0].label) + 1) % 3])
        is_wrong[0] = number % 6 < 2
        changed.append(dataclasses.replace(one, given=tuple(given)))
        wrong += is_wrong
    calibration = calibrate_regions(changed, LABELS)
    scores = np.array(
        [d.disagreement for one in changed for d in region_doubts(one, LABELS, calibration) if d.given is not None]
    )
    is_wrong = np.array(wrong)
    above = (scores[is_wrong][:, None] > scores[~is_wrong][None]).mean()
    assert above > 0.85
    assert scores[~is_wrong].mean() < 0.15


@pytest.mark.parametrize("n_items", [1, 5, 19])
def test_of_few_items_scores_and_doubts_are_believed_as_far_as_they_hold(streets, n_items):
    """By hand set weights serve; where the belief is of other pictures, they come to what was so beforehand."""
    assert calibrate_regions([], LABELS) == {}
    few = streets[:n_items]
    given, missing = doubted(few, calibrate_regions(few, LABELS))
    _, faint = doubted(few, {})
    assert np.mean(given) < 0.15
    assert abs(np.mean(missing) - np.mean(faint)) < 0.1
    of_others = [dataclasses.replace(one, believed=streets[-1 - row].believed) for row, one in enumerate(few)]
    given, missing = doubted(of_others, calibrate_regions(of_others, LABELS))
    assert np.mean(given) < 0.6 * np.mean(doubted(of_others, {})[0])
    assert np.mean(missing) < np.mean(faint) + 0.1


def doubted(items, calibration):
    """Return how likely given regions are wrong, and how likely believed ones are missing."""
    doubts = [doubt for item in items for doubt in region_doubts(item, LABELS, calibration)]
    return tuple(
        [doubt.disagreement for doubt in doubts if (doubt.given is None) == is_missing] for is_missing in (False, True)
    )


def test_where_nothing_is_believed_nothing_is_doubted_more_than_before(streets):
    nothing = [dataclasses.replace(each, believed=Believed(())) for each in streets]
    given, _ = doubted(nothing, calibrate_regions(nothing, LABELS))
    assert np.mean(given) == pytest.approx(0.14, abs=0.03), "4 % of each sort of error, and 2 % of duplicates"


def test_a_calibration_for_other_labels_is_not_used(streets, taught):
    with_it, without = (region_doubts(streets[0], LABELS[:2], each) for each in (taught, {}))
    assert with_it == without


def test_spans_are_scored_too():
    """The same detectors serve stretches of a text."""
    given = [Region("a", "car", Span(0, 5)), Region("b", "car", Span(20, 30))]
    believed = [Region("", "car", Span(0, 5), 0.9), Region("", "person", Span(40, 44), 0.9)]
    right, alone, missing = region_doubts(Item(given, Believed(tuple(believed))), LABELS, {})
    assert right.detectors == {}
    assert likeliest(alone) == SPURIOUS
    assert missing.proposal == believed[1]


def test_overlaps_of_ones_own_are_used(streets, taught):
    marks = to_marks(streets[:5], LABELS)
    again = to_marks(streets[:5], LABELS, overlapping_pairs)
    for name in ("across", "among_given", "among_believed"):
        for column in ("first", "second", "overlap"):
            assert getattr(getattr(marks, name), column).tolist() == getattr(getattr(again, name), column).tolist()
    nothing = region_doubts(streets[0], LABELS, taught, lambda a, b, size: overlapping_pairs([], [], size))
    assert all(SPURIOUS in doubt.detectors for doubt in nothing if doubt.given is not None)


def test_probabilities_are_probabilities(streets, taught):
    scores = score_marks(to_marks(streets, LABELS), taught, [each.key for each in streets])
    assert scores.errors.shape == (sum(len(each.given) for each in streets), len(ERRORS))
    for values in (scores.errors, scores.missing, scores.disagreement):
        assert np.isfinite(values).all()
        assert values.min() >= 0
        assert values.max() <= 1


def test_noisy_or_is_one_where_anything_is_sure_and_nothing_where_nothing_is_there():
    found = noisy_or(np.array([0, 0, 2, 2]), np.array([0.5, 0.5, 1.0, 0.1]), 4)
    assert found == pytest.approx([0.75, 0, 1, 0])


def test_thousands_of_copies_are_doubted_as_a_few_are():
    """Each of 5,000 exact copies has the doubt that the last of 20 has, and all else on the image its own."""
    once, other = drawn("car", 0.1, 0.1, 0.2, 0.2), drawn("tree", 0.6, 0.6, 0.2, 0.2)
    alone = drawn("car", 0.4, 0.1, 0.1, 0.1, score=0.7)
    few, many = (region_doubts(item([other, *[once] * n], [*[SEEN] * n, alone]), LABELS, {}) for n in (20, 5000))
    assert [doubt.given for doubt in many] == [*range(5001), None]
    assert many[:21] == few[:21]
    assert all(dataclasses.replace(doubt, given=20) == few[20] for doubt in many[20:5001])
    assert many[-1] == few[-1]
    assert DUPLICATE in many[4000].detectors


def test_thousands_of_copies_that_are_not_quite_exact():
    """Each of 3,000 boxes beside one another is a duplicate and stays where it is; what lies apart keeps its doubt."""
    rng = np.random.default_rng(0)
    pile = [drawn("car", *(0.1 + rng.uniform(0, 0.01, 2)), 0.2, 0.2) for _ in range(3000)]
    other, alone = drawn("tree", 0.6, 0.6, 0.2, 0.2), drawn("car", 0.4, 0.1, 0.1, 0.1, score=0.7)
    few = region_doubts(item([other, pile[0]], [SEEN, alone]), LABELS, {})
    many = region_doubts(item([other, *pile], [SEEN, alone]), LABELS, {})
    assert [doubt.given for doubt in many] == [*range(3001), None]
    assert many[0] == few[0]
    assert many[-1] == few[-1]
    assert sum(DUPLICATE in doubt.detectors for doubt in many) > 2900
    seen = dataclasses.replace(SEEN, label="person")
    relabelled = [each for each in region_doubts(item(pile, [seen]), LABELS, {}) if each.action == "replace"]
    assert {each.proposal.label for each in relabelled} == {"person"}
    assert all(each.proposal == dataclasses.replace(pile[each.given], label="person") for each in relabelled)
