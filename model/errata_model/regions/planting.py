"""Errors planted into annotations, one sort at a time: what a wrong region looks like beside a belief."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from math import isfinite

import numpy as np

from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Mask, Polygon, Shape, Span

_SHIFTS = (0.2, 0.4)  # of its own extent both ways: a box then overlaps where it was by 0.47 to 0.22
_COPY_SHIFT = 0.1  # of a duplicate, at most


def keep(item: Item, rng: np.random.Generator) -> Item:
    """Return the item as it is."""
    return item


def invent(item: Item, rng: np.random.Generator) -> Item:
    """Return the item with each given region moved to anywhere on it."""
    right, bottom = _far_corner(item)
    moved = []
    for region in item.given:
        (x0, y0, x1, y1) = bounds_xyxy([region.shape], (1, 1))[0].tolist()
        x, y = rng.random(2) * (max(right - (x1 - x0), 0), max(bottom - (y1 - y0), 0))
        moved.append(dataclasses.replace(region, shape=_moved(region.shape, x - x0, y - y0)))
    return dataclasses.replace(item, given=tuple(moved))


def shift(item: Item, rng: np.random.Generator) -> Item:
    """Return the item with each given region moved such that less than half of it meets where it was."""
    return dataclasses.replace(item, given=tuple(_shifted(region, rng.uniform(*_SHIFTS), rng) for region in item.given))


def copy(item: Item, rng: np.random.Generator) -> Item:
    """Return the item with each given region there twice, the second time a little beside the first."""
    copies = tuple(_shifted(region, rng.uniform(0, _COPY_SHIFT), rng) for region in item.given)
    return dataclasses.replace(item, given=(*item.given, *copies))


def relabel(item: Item, rng: np.random.Generator, labels: Sequence[str]) -> Item:
    """Return the item with another label at each given region: one of `labels`, as often as it stands there."""
    given = []
    for region in item.given:
        others = [label for label in labels if label != region.label]
        label = others[int(rng.integers(len(others)))] if others else region.label
        given.append(dataclasses.replace(region, label=label))
    return dataclasses.replace(item, given=tuple(given))


def _far_corner(item: Item) -> tuple[float, float]:
    """Return how far an item goes: an image to (1, 1), a text or recording to the last end that anything has."""
    shapes = (each.shape for each in (*item.given, *item.believed.regions))
    ends = [shape.end for shape in shapes if isinstance(shape, Span) and isfinite(shape.end)]
    return (max(ends), 1.0) if ends else (1.0, 1.0)


def _shifted(region: Region, by: float, rng: np.random.Generator) -> Region:
    (x0, y0, x1, y1) = bounds_xyxy([region.shape], (1, 1))[0].tolist()
    across, down = rng.choice((-by, by), 2)
    if isinstance(region.shape, Span):
        across, down = across * 2, 0.0  # one way instead of two
    return dataclasses.replace(region, shape=_moved(region.shape, across * (x1 - x0), down * (y1 - y0)))


def _moved(shape: Shape, across: float, down: float) -> Shape:
    """Return a shape moved by shares of the image, or a span by its own unit."""
    if isinstance(shape, Span):
        return dataclasses.replace(shape, start=shape.start + across, end=shape.end + across)
    if isinstance(shape, Polygon):
        return Polygon(tuple((x + across, y + down) for x, y in shape.points))
    if isinstance(shape, Mask):
        left, top = shape.left + round(across * shape.width), shape.top + round(down * shape.height)
        return dataclasses.replace(shape, left=left, top=top)
    return dataclasses.replace(shape, x=shape.x + across, y=shape.y + down)
