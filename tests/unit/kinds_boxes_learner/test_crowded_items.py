"""What is missing where people mark many regions on every item."""

import numpy as np
import pytest

from errata_model.kinds.boxes.doubts import calibrate, find_doubts
from errata_model.regions.records import Believed, Item, Region
from errata_model.regions.shapes import Box


def crowd(n_items, n_regions, seed=0):
    """Describe items with so many boxes each, seen by a detector that invents as many, faintly."""
    rng = np.random.default_rng(seed)
    items = []
    for key in range(n_items):
        given, believed = [], []
        for number in range(n_regions):
            x, y, width = *rng.uniform(0, 0.8, 2), rng.uniform(0.05, 0.15)
            given.append(Region(f"r{number}", "car", Box(x, y, width, width)))
            believed.append(Region("", "car", Box(x + 0.004, y, width, width), rng.uniform(0.5, 1)))
            x, y = rng.uniform(0, 0.8, 2)
            believed.append(Region("", "car", Box(x, y, width, width), rng.uniform(0, 0.6)))
        items.append(Item(tuple(given), Believed(tuple(believed)), (640, 480), key))
    return items


def missing(item, calibration):
    """Return the disagreement of each region that nobody marked."""
    return np.array([d.disagreement for d in find_doubts(item, ("car",), calibration) if d.given is None])


@pytest.mark.parametrize(("n_items", "n_regions", "factor"), [(30, 8, 1 / 8), (60, 2, 1 / 2), (90, 1, 1)])
def test_odds_that_one_is_missing_are_shared_by_the_regions_of_an_item(n_items, n_regions, factor):
    """Who marks many on each item overlooks less than one of many; one an item, and the odds are as they are."""
    items = crowd(n_items, n_regions)
    calibration = calibrate(items, ("car",))
    assert calibration["overlooked"] == pytest.approx(factor)
    here, alone = (missing(items[0], each) for each in (calibration, {**calibration, "overlooked": np.array(1.0)}))
    assert len(here) > 0
    assert here / (1 - here) == pytest.approx(alone / (1 - alone) * factor)


def test_items_without_regions_count():
    """A project in which few items have anything is no crowded one."""
    items = crowd(60, 2) + [Item((), Believed(()), (640, 480), 60 + n) for n in range(60)]
    assert calibrate(items, ("car",))["overlooked"] == 1
