"""What speaks for and against masks: how given and believed ones share pixels, and what the belief has there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.raster import rasterize
from errata_model.regions.matching import match
from errata_model.regions.overlap import Pairs
from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Mask, Size

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_SAME = 0.5  # intersection over union beyond which masks can be of one thing only
_NEAR = 0.1  # those that overlap less are of different things
_INSIDE = 0.5  # of a region's pixels are in another where it is a part of it
_LEAST = 0.005  # of probabilities, and from 1
_LIKELY = 0.5  # to be there
_UNSCORED = 0.5  # of a believed region that came without a score
_SIDE = 512  # of the longer side, of an image whose size is not known


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pixels of N masks of one image, one mask after the other.

    Attributes:
        rows: (M,) of the image.
        columns: (M,)
        owners: (M,) the mask that each belongs to, ascending.
        areas: (N,) how many belong to each; 0 for what is no area.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    owners: Indices
    areas: Indices


@dataclass(frozen=True, slots=True)
class Shared:
    """How G given and P believed masks of an item share pixels.

    Attributes:
        common: the pairs that share any; `overlap` is intersection over union.
        pixels: (E,) how many pixels each pair shares.
        given_area: (G,) pixels; 0 of what is no area on the image.
        believed_area: (P,) likewise.
        believed_of: (G,) row of the believed region that is the given one, whatever their labels; -1 for none.
        iou: (G,) overlap with it; 0 for none.
    """

    common: Pairs
    pixels: Indices
    given_area: Indices
    believed_area: Indices
    believed_of: Indices
    iou: Floats


def size_of(item: Item) -> Size:
    """Return the size that an item's masks are compared at: the image's, else that of a mask, else a square."""
    masks = (region.shape for region in (*item.given, *item.believed.regions) if isinstance(region.shape, Mask))
    mask = next(masks, None)
    return item.size or ((mask.width, mask.height) if mask else (_SIDE, _SIDE))


def pixels_of(masks: Sequence[Mask | None]) -> Pixels:
    """Return the pixels of masks; None is no area."""
    none = np.zeros(0, dtype=np.int64)
    places = [none if mask is None else mask.bitmap.ravel().nonzero()[0] for mask in masks]
    areas = np.array([len(each) for each in places], dtype=np.int64)
    windows = [(0, 0, 1) if each is None else (each.top, each.left, each.bitmap.shape[1]) for each in masks]
    top, left, width = np.array(windows, dtype=np.int32).reshape(-1, 3).T
    within, wide = np.concatenate([none, *places]).astype(np.int32), np.repeat(width, areas)
    rows = within // wide
    columns = within - rows * wide
    owners = np.repeat(np.arange(len(masks)), areas)
    return Pixels(rows + np.repeat(top, areas), columns + np.repeat(left, areas), owners, areas)


def share_pixels(given: Pixels, believed: Pixels, size: Size) -> Shared:
    """Find the pairs of masks that share pixels, and which believed one each given one is.

    Masks of a side may overlap. They are matched one to one such that intersection over union is greatest in sum, but
    that a pair that overlaps by more than half is matched whatever the others: where masks of a side do not overlap,
    each is in one such pair at most. What overlaps by less than a tenth is not matched.

    Args:
        given: pixels of G masks.
        believed: pixels of P masks.
        size: of the image, in pixels.

    Source:
        Kirillov et al., "Panoptic Segmentation", 2019, section 4.1.
    """
    counts = _count_common(given, believed, size)
    areas = given.areas, believed.areas
    first, second = np.divmod(np.flatnonzero(counts), max(1, len(believed.areas)))
    pixels = counts[counts > 0]
    overlap = pixels / (areas[0][first] + areas[1][second] - pixels)
    believed_of, iou = np.full(len(areas[0]), -1), np.zeros(len(areas[0]))
    strong = overlap > _SAME
    if any(np.bincount(side[strong]).max(initial=0) > 1 for side in (first, second)):
        strong[:] = False  # masks of a side overlap: all compete
    believed_of[first[strong]], iou[first[strong]] = second[strong], overlap[strong]
    is_left = (overlap >= _NEAR) & ~np.isin(first, first[strong]) & ~np.isin(second, second[strong])
    if is_left.any():
        rest = Pairs(first[is_left], second[is_left], overlap[is_left])
        chosen = match(rest, rest.overlap, len(areas[0]), len(areas[1]))
        rows = np.flatnonzero(chosen >= 0)
        believed_of[rows], iou[rows] = rest.second[chosen[rows]], rest.overlap[chosen[rows]]
    return Shared(Pairs(first, second, overlap), pixels, *areas, believed_of, iou)


def _count_common(given: Pixels, believed: Pixels, size: Size) -> Indices:
    """Return (G * P,) how many pixels each pair shares."""
    n_given, n_believed = len(given.areas), len(believed.areas)
    counts = np.zeros(n_given * n_believed, dtype=np.int64)
    at, numbers = believed.rows.astype(np.int64) * size[0] + believed.columns, believed.owners
    looked_up = given.rows.astype(np.int64) * size[0] + given.columns
    while len(at):  # once, but where believed masks overlap
        drawn = np.full(size[0] * size[1], -1, dtype=np.int32)
        drawn[at] = numbers
        there = drawn[looked_up]
        is_there = there >= 0
        counts += np.bincount(given.owners[is_there] * n_believed + there[is_there], minlength=len(counts))
        is_hidden = drawn[at] != numbers
        at, numbers = at[is_hidden], numbers[is_hidden]
    return counts


def to_masks(regions: Sequence[Region], size: Size) -> list[Mask | None]:
    """Return the pixels of each region, None for what is no area on the image."""
    return [rasterize(region.shape, size) for region in regions]


def class_means(pixels: Pixels, probabilities: NDArray[np.uint8], size: Size) -> Floats:
    """Return (N, K + 1) the mean probability of no class and of each within masks, 0 where there is no mask.

    Args:
        pixels: of N masks.
        probabilities: (h, w, K + 1) uint8 of 255, on the whole image at any size.
        size: of the masks' image, in pixels.
    """
    height, width, n_classes = probabilities.shape
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for old, new in ((height, size[1]), (width, size[0])))
    there = probabilities.reshape(-1, n_classes)[rows[pixels.rows] * width + columns[pixels.columns]]
    means = np.zeros((len(pixels.areas), n_classes))
    is_area = pixels.areas > 0
    if is_area.any():
        starts = (np.cumsum(pixels.areas) - pixels.areas)[is_area]
        sums = np.add.reduceat(there, starts, axis=0, dtype=np.int64)
        means[is_area] = sums / (255 * pixels.areas[is_area, None])
    return means


def drawn_probabilities(regions: Sequence[Region], labels: Sequence[str], size: Size) -> NDArray[np.uint8]:
    """Return the probabilities that regions with scores come to, (h, w, K + 1): of each class the surest region's.

    For beliefs that say nothing of single pixels, such as stored predictions.
    """
    numbers = {label: number for number, label in enumerate(labels, 1)}
    drawn = np.zeros((size[1], size[0], len(labels) + 1), dtype=np.uint8)
    for region, mask in zip(regions, to_masks(regions, size), strict=True):
        if mask is not None and region.label in numbers:
            height, width = mask.bitmap.shape
            there = drawn[mask.top : mask.top + height, mask.left : mask.left + width, numbers[region.label]]
            there[mask.bitmap] = np.maximum(there[mask.bitmap], round(255 * score_of(region)))
    drawn[..., 0] = 255 - drawn[..., 1:].max(axis=2, initial=0)
    return drawn


def score_of(region: Region) -> float:
    """Return a believed region's score in [0, 1]; a half where it came without one, or with one that is no number."""
    score = _UNSCORED if region.score is None or np.isnan(region.score) else region.score
    return min(max(float(score), 0.0), 1.0)


def log_odds(values: Floats) -> Floats:
    """Return the log-odds of probabilities, those very near to 0 and 1 taken for what is less so."""
    inside = np.clip(values, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(inside / (1 - inside)))


def given_features(shared: Shared, own: Floats, others: Floats, scores: Floats) -> Floats:
    """Return (G, 11) what tells whether a given mask is right: columns

    0     log-odds of the mean probability of its label within it
    1     log-ratio of that and the mean probability of the likeliest other label
    2, 3  intersection over union with the believed region that it is, and the square of that
    4     1 where there is none
    5     share of it that this region does not hold
    6     share of that region that it does not hold
    7     share of it that other believed regions hold, which lie in it for the most part
    8     share of the believed region that most of it is in, held by other given ones that lie there for the most part
    9, 10 by how much it is smaller, or larger, than regions usually are here: of the logarithm of its area

    Args:
        shared: how masks share pixels.
        own: (G,) mean probability of the label within the mask.
        others: (G,) the greatest of those of other labels.
        scores: (P,) of the believed regions: what is usual here is the median of the likely ones.
    """
    n_given, n_believed = len(shared.given_area), len(shared.believed_area)
    first, second = shared.common.first, shared.common.second
    in_given = shared.pixels / np.maximum(shared.given_area[first], 1)
    in_believed = shared.pixels / np.maximum(shared.believed_area[second], 1)
    is_own = shared.believed_of[first] == second
    held, holds = np.zeros(n_given), np.zeros(n_given)
    held[first[is_own]], holds[first[is_own]] = in_given[is_own], in_believed[is_own]
    parts = ~is_own & (in_believed >= _INSIDE)
    merged = np.bincount(first[parts], in_given[parts], n_given)
    around = np.full(n_given, -1)
    order = np.argsort(shared.pixels, kind="stable")
    around[first[order]] = second[order]  # the last one written shares most
    lies_in = in_given >= _INSIDE
    filled = np.bincount(second[lies_in], in_believed[lies_in], n_believed)
    by_itself = np.zeros(n_given)
    is_around = (around[first] == second) & lies_in
    by_itself[first[is_around]] = in_believed[is_around]
    split = np.where(around >= 0, filled[around] if n_believed else 0.0, 0.0) - by_itself
    likely = shared.believed_area[(scores >= _LIKELY) & (shared.believed_area > 0)]
    larger = np.log(np.maximum(shared.given_area, 1) / (np.median(likely) if len(likely) else 1))
    larger = larger if len(likely) else 0 * larger
    return np.column_stack(
        (
            log_odds(own),
            log_odds(own) - log_odds(others),
            shared.iou,
            shared.iou**2,
            shared.believed_of < 0,
            1 - held,
            1 - holds,
            merged,
            np.maximum(split, 0),
            np.maximum(-larger, 0),
            np.maximum(larger, 0),
        )
    )


def believed_features(shared: Shared, believed: Pixels, scores: Floats, size: Size, usual: Floats) -> Floats:
    """Return (P, 6) what tells whether people mark a believed region: columns

    0     log-odds of its score
    1, 2  logarithm of its area as a share of the image, and the square of that
    3     1 where the edge of the image cuts it
    4, 5  (P, 2) `usual`: how well other given masks of this item are believed
    """
    area = np.log(np.maximum(shared.believed_area, 1) / (size[0] * size[1]))
    rows, columns = believed.rows, believed.columns
    is_edge = (rows == 0) | (columns == 0) | (rows == size[1] - 1) | (columns == size[0] - 1)
    is_cut = np.bincount(believed.owners[is_edge], minlength=len(scores)) > 0
    return np.column_stack((log_odds(scores), area, area**2, is_cut, usual))
