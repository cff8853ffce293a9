"""Errors planted into masks, one sort at a time: what a wrong one looks like beside the same belief."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.raster import crop
from errata_model.regions.shapes import Mask, Size

RIGHT, SPURIOUS, BOUNDARY, MERGED, SPLIT, WRONG_CLASS = range(6)
_GROWN = (0.2, 0.5)  # of the radius of a disc of the same area
_SHIFTED = (0.2, 0.5)  # of its own height and width
_CUT = (0.25, 0.5)  # of its pixels
_SPECK = (0.01, 0.3)  # of its pixels are in a stray mark, or in a part that was left beside the rest
_TOUCHING = 0.1  # of the larger side of two masks: those at most so far apart are taken for one

Masks = list[Mask | None]


@dataclass(frozen=True, slots=True)
class Planted:
    """The masks of an item with errors in them.

    Attributes:
        masks: those that stand there now.
        labels: column of each one's label.
        wrong: rows of those that are wrong.
        error: what is wrong with all of these.
    """

    masks: Masks
    labels: list[int]
    wrong: list[int]
    error: int


def plant(masks: Masks, labels: Sequence[int], n_labels: int, size: Size, rng: np.random.Generator) -> list[Planted]:
    """Return the item with every mask moved elsewhere, badly drawn, joined to its neighbour, cut in two and relabelled.

    Args:
        masks: (G) that a person drew, None for what is no area; those are left as they are.
        labels: (G) columns; -1 for labels that are not known.
        n_labels: K.
        size: of the image, in pixels.
        rng: of all draws.
    """
    rows = [row for row, mask in enumerate(masks) if mask is not None]
    found = [
        _changed(masks, labels, {row: _elsewhere(masks[row], size, rng) for row in rows}, SPURIOUS),
        _changed(masks, labels, {row: _badly_drawn(masks[row], size, rng) for row in rows}, BOUNDARY),
        _changed(masks, labels, _joined(masks, labels, size), MERGED),
        _halved(masks, labels, size, rng),
    ]
    if n_labels > 1:
        others = [int((label + 1 + rng.integers(n_labels - 1)) % n_labels) if label >= 0 else label for label in labels]
        wrong = [row for row in rows if others[row] != labels[row]]
        found.append(Planted(list(masks), others, wrong, WRONG_CLASS))
    return [each for each in found if each.wrong]


def draw_badly(masks: Masks, labels: Sequence[int], size: Size, rng: np.random.Generator) -> Planted:
    """Return the item with all masks drawn badly in the same way, as by somebody in a hurry."""
    seed = int(rng.integers(1 << 32))
    new = {row: _badly_drawn(mask, size, np.random.default_rng(seed)) for row, mask in enumerate(masks) if mask}
    return _changed(masks, labels, new, BOUNDARY)


def _changed(masks: Masks, labels: Sequence[int], new: dict[int, Mask | None], error: int) -> Planted:
    """Return the item with new masks; a row that is None takes the mask away."""
    kept = [row for row in range(len(masks)) if row not in new or new[row] is not None]
    wrong = [place for place, row in enumerate(kept) if row in new]
    return Planted([new.get(row, masks[row]) for row in kept], [labels[row] for row in kept], wrong, error)


def _elsewhere(mask: Mask | None, size: Size, rng: np.random.Generator) -> Mask | None:
    """Return a mask moved to anywhere; every other time a small disc in its place, the mark of a stray click."""
    assert mask is not None
    bitmap = mask.bitmap
    if rng.integers(2):
        radius = float(np.sqrt(_log_uniform(_SPECK, rng) * np.count_nonzero(bitmap) / np.pi))
        reach = int(radius)
        rows, columns = np.ogrid[-reach : reach + 1, -reach : reach + 1]
        bitmap = np.asarray(rows**2 + columns**2 <= radius**2)[: size[1], : size[0]]
    height, width = bitmap.shape
    top, left = rng.integers(size[1] - height + 1), rng.integers(size[0] - width + 1)
    return crop(bitmap, int(top), int(left), size)


def _badly_drawn(mask: Mask | None, size: Size, rng: np.random.Generator) -> Mask | None:
    """Return a mask that is too large, too small, shifted or cut off, each as likely."""
    assert mask is not None
    height, width = mask.bitmap.shape
    how = int(rng.integers(4))
    if how == 0:
        down, across = rng.uniform(*_SHIFTED, 2) * rng.choice((-1, 1), 2) * (height, width)
        return _placed(mask.bitmap, mask.top + round(down), mask.left + round(across), size)
    if how == 1:
        part = _half_plane(mask.bitmap, rng.uniform(*_CUT), rng)
        return crop(mask.bitmap & part, mask.top, mask.left, size) or mask
    from scipy.ndimage import distance_transform_edt  # noqa: PLC0415 - takes 0.1 s

    by = max(1.0, rng.uniform(*_GROWN) * np.sqrt(np.count_nonzero(mask.bitmap) / np.pi))
    if how == 2:
        margin = int(np.ceil(by))
        grown = distance_transform_edt(~np.pad(mask.bitmap, margin)) <= by
        return _placed(grown, mask.top - margin, mask.left - margin, size)
    shrunk = distance_transform_edt(np.pad(mask.bitmap, 1))[1:-1, 1:-1] > by
    return crop(shrunk, mask.top, mask.left, size) or crop(
        mask.bitmap & _half_plane(mask.bitmap, 0.5, rng), mask.top, mask.left, size
    )


def _joined(masks: Masks, labels: Sequence[int], size: Size) -> dict[int, Mask | None]:
    """Return masks joined to the nearest of their label, which is taken away, where it is near enough."""
    new: dict[int, Mask | None] = {}
    boxes = np.array([(0, 0, 0, 0) if each is None else _box(each) for each in masks]).reshape(-1, 4)
    for row, mask in enumerate(masks):
        if mask is None or row in new:
            continue
        apart = np.maximum(boxes[:, :2] - boxes[row, 2:], boxes[row, :2] - boxes[:, 2:]).max(axis=1)
        fits = np.array(
            [other != row and masks[other] is not None and other not in new and labels[other] == labels[row]
             for other in range(len(masks))]
        )  # fmt: skip
        apart = np.where(fits, apart, np.iinfo(np.int64).max)
        nearest = int(apart.argmin())
        other = masks[nearest]
        if other is not None and apart[nearest] <= _TOUCHING * max(*mask.bitmap.shape, *other.bitmap.shape):
            new[row], new[nearest] = _union(mask, other, size), None
    return new


def _halved(masks: Masks, labels: Sequence[int], size: Size, rng: np.random.Generator) -> Planted:
    """Return the item with each mask cut in two. Of a small part and the rest the part alone is wrong."""
    halves: Masks = []
    numbers: list[int] = []
    wrong: list[int] = []
    for mask, label in zip(masks, labels, strict=True):
        parts: Masks = [mask]
        is_speck = bool(rng.integers(2))
        if mask is not None:
            share = _log_uniform(_SPECK, rng) if is_speck else rng.uniform(*_CUT)
            side = _half_plane(mask.bitmap, 1 - share, rng)
            both = [crop(mask.bitmap & part, mask.top, mask.left, size) for part in (side, ~side)]
            parts = list(both) if None not in both else [mask]
        if len(parts) == 2:
            wrong += [len(halves)] if is_speck else [len(halves), len(halves) + 1]
        halves += parts
        numbers += [label] * len(parts)
    return Planted(halves, numbers, wrong, SPLIT)


def _log_uniform(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(bounds))))


def _half_plane(bitmap: NDArray[np.bool_], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which pixels of a bitmap's window lie on one side of a line that has a share of the mask behind it."""
    angle = rng.uniform(0, 2 * np.pi)
    rows, columns = np.ogrid[: bitmap.shape[0], : bitmap.shape[1]]
    along = rows * np.sin(angle) + columns * np.cos(angle)
    return np.asarray(along > np.quantile(along[bitmap], share))


def _box(mask: Mask) -> tuple[int, int, int, int]:
    return mask.top, mask.left, mask.top + mask.bitmap.shape[0], mask.left + mask.bitmap.shape[1]


def _union(one: Mask, other: Mask, size: Size) -> Mask | None:
    boxes = np.array([_box(one), _box(other)])
    (top, left), (bottom, right) = boxes[:, :2].min(axis=0).tolist(), boxes[:, 2:].max(axis=0).tolist()
    whole = np.zeros((bottom - top, right - left), dtype=np.bool_)
    for each in (one, other):
        height, width = each.bitmap.shape
        whole[each.top - top : each.top - top + height, each.left - left : each.left - left + width] |= each.bitmap
    return crop(whole, top, left, size)


def _placed(bitmap: NDArray[np.bool_], top: int, left: int, size: Size) -> Mask | None:
    """Return the part of a bitmap that is on the image; None where none is."""
    down, across = max(0, -top), max(0, -left)
    on_image = bitmap[down : size[1] - top, across : size[0] - left]
    return crop(on_image, top + down, left + across, size) if on_image.size else None
