"""Areas of images as pixels: polygons filled, masks at another size, and the outline of a mask."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.shapes import Mask, Polygon, Shape, Size

_TOLERANCE_PX = 0.75  # by which an outline may miss a pixel's corner
_STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))  # (row, column): right, down, left, up

Floats = NDArray[np.float64]


def rasterize(shape: Shape, size: Size) -> Mask | None:
    """Return the pixels of an image in a polygon or a mask; None of other shapes, and of what lies outside the image.

    A pixel is in a polygon where its centre is, counted as a page fills it: where the line winds round it. What is so
    thin that it holds no centre has the pixel of its own middle.

    Args:
        shape: what was drawn. A mask of another size is brought to this one by the nearest pixels.
        size: of the image, in pixels.
    """
    if isinstance(shape, Mask):
        return shape if (shape.width, shape.height) == size else _resize(shape, size)
    if isinstance(shape, Polygon) and len(shape.points) > 2:
        points = np.array(shape.points, dtype=np.float64) * size
        return _fill(points, size) if np.isfinite(points).all() else None
    return None


def crop(pixels: NDArray[np.bool_], top: int, left: int, size: Size) -> Mask | None:
    """Return the mask of a part of an image whose first pixel is at `top` and `left`; None where no pixel is in it."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        return None
    bitmap = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Mask(np.ascontiguousarray(bitmap), top + int(rows[0]), left + int(columns[0]), size[1], size[0])


def outline(mask: Mask) -> Polygon:
    """Return the line round the largest connected part of a mask, along the edges of pixels but for steps of one.

    Holes are filled, as a polygon has none.
    """
    from scipy.ndimage import label  # noqa: PLC0415 - takes 0.1 s

    parts, _ = label(mask.bitmap)
    largest = int(np.bincount(parts.ravel())[1:].argmax()) + 1
    corners = _simplify(np.array(_walk(np.pad(parts == largest, 1)), dtype=np.float64))
    lengths = np.array([mask.width, mask.height])
    points = (corners[:, ::-1] + (mask.left, mask.top)) / lengths
    return Polygon(tuple((float(x), float(y)) for x, y in points))


def _fill(points: Floats, size: Size) -> Mask | None:
    """Fill a polygon of (P, 2) points in pixels."""
    width, height = size
    low = np.clip(np.floor(points.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(points.max(axis=0)), 0, size).astype(int)
    n_columns, n_rows = (int(each) for each in np.maximum(high - low, 0))
    if n_columns == 0 or n_rows == 0:
        return None
    begins, ends = points, np.roll(points, -1, axis=0)
    centres = np.arange(low[1], high[1]) + 0.5
    is_below = begins[:, 1, None] <= centres  # (P, rows)
    crosses = is_below != (ends[:, 1, None] <= centres)
    edge, row = np.nonzero(crosses)
    share = (centres[row] - begins[edge, 1]) / (ends[edge, 1] - begins[edge, 1])
    at = begins[edge, 0] + share * (ends[edge, 0] - begins[edge, 0]) - low[0]
    column = np.clip(np.ceil(at - 0.5), 0, n_columns).astype(int)  # of the first centre right of the line
    turns = np.where(is_below[edge, row], 1, -1)
    winding = np.bincount(row * (n_columns + 1) + column, turns, n_rows * (n_columns + 1))
    inside = winding.reshape(n_rows, n_columns + 1).cumsum(axis=1)[:, :-1] != 0
    found = crop(inside, int(low[1]), int(low[0]), size)
    if found is None:
        x, y = np.clip(np.floor(points.mean(axis=0)), 0, (width - 1, height - 1)).astype(int)
        return Mask(np.ones((1, 1), dtype=np.bool_), int(y), int(x), height, width)
    return found


def _resize(mask: Mask, size: Size) -> Mask | None:
    """Take the mask's pixel at each centre of the new image's; a mask between all centres has the nearest pixel."""
    rows = _sources(mask.top, mask.bitmap.shape[0], mask.height, size[1])
    columns = _sources(mask.left, mask.bitmap.shape[1], mask.width, size[0])
    return crop(mask.bitmap[np.ix_(rows[1], columns[1])], rows[0], columns[0], size)


def _sources(start: int, length: int, old: int, new: int) -> tuple[int, NDArray[np.int64]]:
    """Return the first of `new` pixels whose centre is within the crop, and the crop's pixel for it and those after."""
    taken = (np.arange(new) * 2 + 1) * old // (2 * new) - start
    kept = np.flatnonzero((taken >= 0) & (taken < length))
    if not len(kept):
        return (2 * start + length) * new // (2 * old), np.array([length // 2])
    return int(kept[0]), taken[kept]


def _walk(pixels: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the corners (row, column) at which the line round connected, padded pixels turns, clockwise.

    The line keeps pixels on its right. Coordinates are those of pixel corners, without the padding.
    """
    held = pixels.tolist()
    row, column = (int(each[0]) for each in np.nonzero(pixels))
    start, direction = (row, column), 0
    corners: list[tuple[int, int]] = []
    while True:
        corners.append((row - 1, column - 1))
        while True:  # straight on along an edge
            row, column = row + _STEPS[direction][0], column + _STEPS[direction][1]
            ahead_left, ahead_right = _ahead(held, row, column, direction)
            if not ahead_right:
                direction = (direction + 1) % 4
                break
            if ahead_left:
                direction = (direction - 1) % 4
                break
        if (row, column) == start and direction == 0:
            return corners


def _ahead(held: list[list[bool]], row: int, column: int, direction: int) -> tuple[bool, bool]:
    """Say whether the pixels ahead of a corner, on the left and on the right, are in the mask."""
    quarters = (
        held[row - 1][column],  # right and up of the corner
        held[row][column],
        held[row][column - 1],
        held[row - 1][column - 1],
    )
    return quarters[direction], quarters[(direction + 1) % 4]


def _simplify(corners: Floats) -> Floats:
    """Leave out corners that are near a straight line between others, by Ramer, Douglas and Peucker's method."""
    if len(corners) <= 4:
        return corners
    closed = np.concatenate([corners, corners[:1]])
    far = int(np.abs(closed - closed[0]).sum(axis=1).argmax())
    keep = np.zeros(len(closed), dtype=np.bool_)
    keep[[0, far]] = True
    stretches = [(0, far), (far, len(closed) - 1)]
    while stretches:
        first, last = stretches.pop()
        if last - first < 2:
            continue
        along, offsets = closed[last] - closed[first], closed[first + 1 : last] - closed[first]
        length = math.hypot(*along)
        away = np.abs(offsets[:, 0] * along[1] - offsets[:, 1] * along[0]) / length if length else np.hypot(*offsets.T)
        worst = int(away.argmax())
        if away[worst] > _TOLERANCE_PX:
            middle = first + 1 + worst
            keep[middle] = True
            stretches += [(first, middle), (middle, last)]
    simple = closed[:-1][keep[:-1]]
    return simple if len(simple) > 2 else corners
