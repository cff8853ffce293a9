"""Doubts about boxes, ellipses and key points: regions that are scored one by one, each beside its match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from errata_model.regions.calibration import calibrate_regions
from errata_model.regions.records import Doubt, Item
from errata_model.regions.scoring import region_doubts


def calibrate(items: Sequence[Item], labels: Sequence[str]) -> Mapping[str, NDArray[Any]]:
    """Learn from a project's annotations what their beliefs do not say; see `calibrate_regions`."""
    return calibrate_regions(items, labels)


def find_doubts(item: Item, labels: Sequence[str], calibration: Mapping[str, NDArray[Any]]) -> list[Doubt]:
    """Return one doubt for each given region and each that is believed and unmarked; see `region_doubts`."""
    return region_doubts(item, labels, calibration)
