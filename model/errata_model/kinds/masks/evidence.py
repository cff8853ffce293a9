"""What speaks for and against masks: how given and believed ones share pixels, and what the belief has there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
_MOST_PIXELS = 1 << 20  # of an image at which masks are compared


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pixels of N masks of one image, one mask after the other.

    Attributes:
        places: (M,) of the image, counted along its rows from the top.
        owners: (M,) the mask that each belongs to, ascending.
        areas: (N,) how many belong to each; 0 for what is no area.
    """

    places: Indices
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
    """Return the size that an item's masks are compared at: the image's, else that of a mask, else a square.

    One of more than a million pixels is brought down to that: time and memory grow with them, and what masks tell of
    each other does not.
    """
    masks = (region.shape for region in (*item.given, *item.believed.regions) if isinstance(region.shape, Mask))
    mask = next(masks, None)
    width, height = item.size or ((mask.width, mask.height) if mask else (_SIDE, _SIDE))
    share = min(1.0, (_MOST_PIXELS / (width * height)) ** 0.5)
    return max(1, min(int(width * share), _MOST_PIXELS)), max(1, min(int(height * share), _MOST_PIXELS))


def pixels_of(masks: Sequence[Mask | None], size: Size) -> Pixels:
    """Return the pixels of masks of an image of a size in pixels; None is no area."""
    places = np.arange(size[0] * size[1]).reshape(size[1], size[0])
    found = [places[:0, 0], *(places[:0, 0] if mask is None else _window(places, mask)[mask.bitmap] for mask in masks)]
    areas = np.array([len(each) for each in found[1:]], dtype=np.int64)
    return Pixels(np.concatenate(found), np.repeat(np.arange(len(masks)), areas), areas)


def _window(pixels: NDArray[Any], mask: Mask) -> NDArray[Any]:
    """Return the part of an image's pixels that a mask's bitmap covers."""
    height, width = mask.bitmap.shape
    return pixels[mask.top : mask.top + height, mask.left : mask.left + width]


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
    is_matched = believed_of >= 0
    is_taken = np.zeros(len(areas[1]), dtype=np.bool_)
    is_taken[second[strong]] = True
    is_left = (overlap >= _NEAR) & ~is_matched[first] & ~is_taken[second]
    if is_left.any():
        rest = Pairs(first[is_left], second[is_left], overlap[is_left])
        chosen = match(rest, rest.overlap, len(areas[0]), len(areas[1]))
        rows = np.flatnonzero(chosen >= 0)
        believed_of[rows], iou[rows] = rest.second[chosen[rows]], rest.overlap[chosen[rows]]
    return Shared(Pairs(first, second, overlap), pixels, *areas, believed_of, iou)


def _count_common(given: Pixels, believed: Pixels, size: Size) -> Indices:
    """Return (G * P,) how many pixels each pair shares."""
    n_given, n_believed = len(given.areas), len(believed.areas)
    counts = np.zeros((n_given, n_believed + 1), dtype=np.int64)  # the last of what no believed mask holds
    at, numbers = believed.places, believed.owners
    of_given = given.owners * (n_believed + 1)
    while len(at):  # once, but where believed masks overlap
        drawn = np.full(size[0] * size[1], n_believed, dtype=np.int32)
        drawn[at] = numbers
        counts += np.bincount(of_given + np.take(drawn, given.places), minlength=counts.size).reshape(counts.shape)
        is_hidden = np.take(drawn, at) != numbers
        at, numbers = at[is_hidden], numbers[is_hidden]
    return counts[:, :-1].ravel()


def to_masks(regions: Sequence[Region], size: Size) -> list[Mask | None]:
    """Return the pixels of each region, None for what is no area on the image."""
    return [rasterize(region.shape, size) for region in regions]


def said_of(pixels: Pixels, probabilities: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Return (M, K + 1) the probability of no class and of each at the pixels of masks, of 255.

    Args:
        pixels: M, of masks.
        probabilities: (h, w, K + 1) uint8 of 255, on the whole image at any size.
        size: of the masks' image, in pixels.
    """
    height, width, n_classes = probabilities.shape
    places = pixels.places
    if (width, height) != size:
        steps = ((height, size[1]), (width, size[0]))
        rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for old, new in steps)
        row, column = np.divmod(places, size[0])
        places = np.take(rows, row) * width + np.take(columns, column)
    return np.take(probabilities.reshape(-1, n_classes), places, axis=0)  # in a tenth of the time of [places]


def class_means(pixels: Pixels, said: NDArray[np.uint8]) -> Floats:
    """Return (N, K + 1) the mean probability of no class and of each within masks, 0 where there is no mask.

    Args:
        pixels: of N masks.
        said: (M, K + 1) `said_of` them.
    """
    sums = sums_of(pixels, said, np.int64) / 255
    return np.asarray(sums / np.maximum(pixels.areas, 1)[:, None])


def sums_of(pixels: Pixels, values: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    """Return (N, ...) the sums of (M, ...) values over the pixels of each of N masks, in numbers of a kind."""
    sums = np.zeros((len(pixels.areas), *values.shape[1:]), kind)
    is_area = pixels.areas > 0
    if is_area.any():
        starts = (np.cumsum(pixels.areas) - pixels.areas)[is_area]
        sums[is_area] = np.add.reduceat(values, starts, axis=0, dtype=kind)
    return sums


def drawn_probabilities(regions: Sequence[Region], labels: Sequence[str], size: Size) -> NDArray[np.uint8]:
    """Return the probabilities that regions with scores come to, (h, w, K + 1): of each class the surest region's.

    For beliefs that say nothing of single pixels, such as stored predictions.
    """
    numbers = {label: number for number, label in enumerate(labels, 1)}
    drawn = np.zeros((size[1], size[0], len(labels) + 1), dtype=np.uint8)
    for region, mask, score in zip(regions, to_masks(regions, size), scores_of(regions).tolist(), strict=True):
        if mask is not None and region.label in numbers:
            there = _window(drawn, mask)[..., numbers[region.label]]
            there[mask.bitmap] = np.maximum(there[mask.bitmap], round(255 * score))
    drawn[..., 0] = 255 - drawn[..., 1:].max(axis=2, initial=0)
    return drawn


def scores_of(regions: Sequence[Region]) -> Floats:
    """Return (P,) believed regions' scores in [0, 1]; a half of one that came without, or with what is no number."""
    scores = np.array([region.score for region in regions], dtype=np.float64)  # None is no number
    return np.clip(np.nan_to_num(scores, nan=_UNSCORED), 0, 1)


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
    border = np.ones((size[1], size[0]), dtype=np.bool_)
    border[1:-1, 1:-1] = False
    is_edge = np.take(border, believed.places)
    is_cut = np.bincount(believed.owners[is_edge], minlength=len(scores)) > 0
    return np.column_stack((log_odds(scores), area, area**2, is_cut, usual))
