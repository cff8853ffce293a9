"""How large pictures are shown, and how long detectors learn."""

import pytest

from errata_model.kinds.boxes.planning import choose_side, fit_side, steps_wanted
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box
from errata_model.vision.steps import count_steps


def boxes(label, width, n=5):
    """Return n regions of a class that are so wide and high, in shares."""
    return [Region("", label, Box(0.1, 0.1, width, width)) for _ in range(n)]


def test_small_classes_are_shown_larger():
    """The side follows from the usual box of the smallest class, however rare that is, within bounds."""
    sides = [
        choose_side([boxes("a", 0.4, 50), boxes("b", width)], ("a", "b"), 100) for width in (0.4, 0.1, 0.06, 0.001)
    ]
    assert sides == [160, 256, 384, 640]  # 24 pixels are a tenth of 240, which is rounded
    assert choose_side([boxes("a", 0.4), boxes("?", 1e-3)], ("a", "b"), 100) == 160
    assert choose_side([], ("a",), 10) == 160


def test_boxes_without_area_count_for_nothing():
    """A box of no width does not make pictures large."""
    flat = [Region("", "a", Box(0.1, 0.1, 0.0, 0.5))] * 9
    assert choose_side([flat, boxes("a", 0.4, 2)], ("a",), 100) == 160


def test_very_many_pictures_are_kept_smaller():
    """They would not fit on a small disk."""
    assert choose_side([boxes("a", 0.01)], ("a",), 20_000) < 200


def test_more_pictures_are_learned_longer_and_less_often_each():
    """Few pictures are looked at often, many a few times, and from scratch it takes twice as long."""
    few, some, many = (steps_wanted(n, is_frozen=True) for n in (20, 400, 20_000))
    assert few < some < many
    assert few * 8 / 20 > some * 8 / 400 > many * 8 / 20_000
    assert steps_wanted(400, is_frozen=False) == 2 * some


def test_pictures_are_made_smaller_where_time_is_short():
    """Fewer pixels, so that a quarter of the steps fit; never below the least side, and never larger than wanted."""
    assert fit_side(640, 1000, left_s=4000, least_step_s=1.0) == (640, 16.0)
    side, step_s = fit_side(640, 1000, left_s=1000, least_step_s=1.0)
    assert (side, step_s) == (320, 4.0)
    assert 250 * step_s <= 1000
    assert fit_side(640, 1000, left_s=1, least_step_s=1.0) == (160, 1.0)
    assert fit_side(640, 1000, left_s=-1, least_step_s=1.0) == (160, 1.0)
    assert fit_side(192, 1000, left_s=1e6, least_step_s=1.0)[0] == 192


def test_steps_are_as_many_as_there_is_time_for():
    """No more than are wanted; half a step's time is left for the last look at so many pictures."""
    assert count_steps(100, 80, 80, step_s=1.0, left_s=1000) == 100
    assert count_steps(100, 80, 80, step_s=1.0, left_s=55) == 50


def test_time_for_less_than_one_look_is_an_error():
    """It says how long that would take."""
    with pytest.raises(ValueError, match="learning 800 pictures would take at least 2 min more here"):
        count_steps(1000, 800, 800, step_s=1.0, left_s=40)
