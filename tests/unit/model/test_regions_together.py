"""What several people marked on the same item, as one belief."""

from __future__ import annotations

import pytest

from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Span
from errata_model.regions.together import believe_together


def box(label: str, x: float) -> Region:
    return Region("r", label, Box(x, 0.1, 0.2, 0.2))


def test_each_region_counts_once_with_the_share_of_voices_that_marked_it() -> None:
    """Two who mark the same are two of three voices, one of them one of three; the judged one is the third."""
    believed = believe_together([[box("car", 0.1)], [box("car", 0.11), box("bus", 0.6)]])
    assert [(each.label, each.score) for each in believed.regions] == [
        ("car", pytest.approx(2 / 3)), ("bus", pytest.approx(1 / 3)),
    ]  # fmt: skip
    assert all(each.id == "" for each in believed.regions)


def test_the_label_is_that_of_most_and_the_shape_the_one_in_the_middle() -> None:
    """Three who mark one place differ in class and in place: the majority's class, and the box between the others."""
    believed = believe_together([[box("bus", 0.10)], [box("car", 0.12)], [box("car", 0.14)]])
    (region,) = believed.regions
    assert (region.label, region.score) == ("car", 0.75)
    assert region.shape == Box(0.12, 0.1, 0.2, 0.2)


def test_regions_beside_each_other_stay_apart_and_nothing_is_nothing() -> None:
    """Spans that overlap by less than half are two; people who marked nothing leave nothing, and still have a voice."""
    spans = [Region("", "a", Span(0, 10)), Region("", "a", Span(8, 20))]
    assert len(believe_together([spans[:1], spans[1:]]).regions) == 2
    assert believe_together([[], []]).regions == ()
    (alone,) = believe_together([spans[:1], [], []]).regions
    assert alone.score == 0.25
