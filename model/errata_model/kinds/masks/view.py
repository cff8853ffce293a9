"""An item as pixels: what is believed there, beside any masks that are held against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.contradiction import against, contradiction_features, free_pixels
from errata_model.kinds.masks.evidence import (
    Pixels,
    Shared,
    believed_features,
    class_means,
    drawn_probabilities,
    given_features,
    pixels_of,
    said_of,
    scores_of,
    share_pixels,
    size_of,
    to_masks,
)
from errata_model.kinds.masks.usual import usual_of_others, usual_support, with_usual
from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Mask, Size

Floats = NDArray[np.float64]
MARKED = 0.5  # intersection over union from which a mask is the believed region that it is matched with
UNKNOWN = -1  # the column of a label that the config does not have


@dataclass(frozen=True, slots=True)
class View:
    """What is believed of an item.

    Attributes:
        size: that masks are compared at, in pixels.
        believed: pixels of P regions.
        scores: (P,) theirs.
        probabilities: (h, w, K + 1) uint8 of 255, of no class first.
    """

    size: Size
    believed: Pixels
    scores: Floats
    probabilities: NDArray[np.uint8]

    def look(self, masks: list[Mask | None], numbers: Sequence[int], usual: Floats | None = None) -> Look:
        """Return what speaks for and against masks of these labels.

        Args:
            masks: G, as a person drew them, or with errors.
            numbers: (G) columns of their labels, -1 where the config has none.
            usual: of the masks as they were drawn, where errors were planted: what is usual on the image.
        """
        pixels = pixels_of(masks, self.size)
        shared = share_pixels(pixels, self.believed, self.size)
        said = said_of(pixels, self.probabilities, self.size)
        means = class_means(pixels, said)
        rows, columns = np.arange(len(masks)), np.array(numbers, dtype=np.int64) + 1
        within = against(said, np.repeat(columns, pixels.areas))
        if not columns.all():
            within[np.repeat(columns == 0, pixels.areas)] = 1  # of no label that the belief knows
        free = free_pixels(self.believed, pixels, self.size)
        there = against(said_of(free, self.probabilities, self.size), np.zeros(len(free.places), dtype=np.int64))
        sure = contradiction_features(pixels, within, free, there, shared)
        own = np.where(columns > 0, means[rows, columns], 0.0)
        rest = means[:, 1:].copy()
        known = rows[columns > 0]
        rest[known, columns[known] - 1] = 0
        others = rest.max(axis=1, initial=0)
        given = given_features(shared, own, others, self.scores)
        others_usual = usual_of_others(given, shared.believed_of, len(self.scores))
        believed = believed_features(shared, self.believed, self.scores, self.size, others_usual)
        if usual is None:
            usual = usual_support(given)
        return Look(shared, means, np.column_stack((with_usual(given, usual), sure)), believed, usual)


@dataclass(frozen=True, slots=True)
class Look:
    """Masks beside a belief.

    Attributes:
        shared: how they share pixels with the believed ones.
        means: (G, K + 1) the mean probability of no class and of each within each mask.
        given: (G, F) features of the masks.
        believed: (P, F') features of the believed regions; NaN of what no other mask of the item tells.
        usual: (2,) of `usual_support`.
    """

    shared: Shared
    means: Floats
    given: Floats
    believed: Floats
    usual: Floats

    def drawn(self) -> Floats:
        """Return the features of those masks that are areas."""
        return self.given[self.shared.given_area > 0]

    def free(self) -> Floats:
        """Return (P,) what share of each believed region no mask holds; 0 where a mask is this region."""
        shared = self.shared
        held = np.bincount(shared.common.second, shared.pixels, len(shared.believed_area))
        free: Floats = 1 - np.minimum(held / np.maximum(shared.believed_area, 1), 1)
        free[self.found()] = 0
        free[shared.believed_area == 0] = 0
        return free

    def found(self) -> NDArray[np.int64]:
        """Return the rows of believed regions that a mask is."""
        shared = self.shared
        return np.asarray(shared.believed_of[(shared.believed_of >= 0) & (shared.iou >= MARKED)])


def view_of(item: Item, labels: Sequence[str]) -> tuple[View, list[Mask | None], list[int]]:
    """Return what is believed of an item, the masks that were given on it, and the columns of their labels."""
    size = size_of(item)
    regions = item.believed.regions
    said = item.believed.evidence.get("probabilities")
    if said is None or said.ndim != 3 or said.shape[2] != len(labels) + 1 or not said.size:
        said = drawn_probabilities(regions, labels, size)
    view = View(size, pixels_of(to_masks(regions, size), size), scores_of(regions), said)
    return view, to_masks(item.given, size), to_columns(item.given, labels)


def to_columns(regions: Sequence[Region], labels: Sequence[str]) -> list[int]:
    """Return the column of each region's label, -1 where it is none of them."""
    numbers = {label: number for number, label in enumerate(labels)}
    return [numbers.get(region.label, UNKNOWN) for region in regions]
