"""Shapes in pixels: their bounding boxes, and how much two of them overlap exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Size, Span

if TYPE_CHECKING:
    from shapely import Geometry

Floats = NDArray[np.float64]

POINT_SCALE = 0.025  # of the square root of an image's area: points 3 % of it apart overlap by half
_POINT_REACH = 2.0  # scales; two points that are four apart overlap by 0.0003, which counts as nothing
_CORNERS_OF_ELLIPSE = 64
_FEWEST_CORNERS = 3
_MOST_CORNERS = 500  # of a line that crosses itself: it may do so as often as their number squared


def is_upright(shape: Shape) -> bool:
    """Say whether a shape is its own bounding box."""
    return isinstance(shape, Box) and shape.rotation == 0


def is_nowhere(shape: Shape) -> bool:
    """Say whether a shape has no extent, coordinates that are no numbers, or lies wholly outside its image."""
    if isinstance(shape, Point):
        return not (0 <= shape.x <= 1 and 0 <= shape.y <= 1)
    left, top, right, bottom = bounds_xyxy([shape], (1, 1))[0].tolist()
    if not (right > left and bottom > top):
        return True
    if isinstance(shape, Mask):
        return not shape.bitmap.any()
    return not isinstance(shape, Span) and not (right > 0 and left < 1 and bottom > 0 and top < 1)


def bounds_xyxy(shapes: Sequence[Shape], size: Size) -> Floats:
    """Return (N, 4) corners of the shapes' upright bounding boxes in pixels: left, top, right, bottom.

    Points have the box within which others count as near; spans have their start and end for left and right, and lie
    between 0 and 1. NaN where a coordinate is no finite number.
    """
    with np.errstate(invalid="ignore"):
        found = np.array([_bounds(shape, size) for shape in shapes], dtype=np.float64).reshape(-1, 4)
    found[~np.isfinite(found).all(axis=1)] = np.nan
    return found


def exact_overlaps(firsts: Sequence[Shape], seconds: Sequence[Shape], size: Size) -> Floats:
    """Return (E,) how much the two shapes of each pair overlap; see `overlaps`."""
    overlap = np.zeros(len(firsts))
    outlined = []
    for row, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
        if isinstance(first, Span) or isinstance(second, Span):
            overlap[row] = _span_overlap(first, second)
        elif isinstance(first, Point) or isinstance(second, Point):
            overlap[row] = _nearness(first, second, size)
        elif isinstance(first, Mask) and isinstance(second, Mask):
            overlap[row] = _mask_overlap(first, second)
        elif isinstance(first, Mask):
            overlap[row] = _overlap_with_mask(first, second)
        elif isinstance(second, Mask):
            overlap[row] = _overlap_with_mask(second, first)
        else:
            outlined.append(row)
    if outlined:
        overlap[outlined] = _outline_overlaps(
            [firsts[row] for row in outlined], [seconds[row] for row in outlined], size
        )
    return overlap


def corners_xy(shape: Box | Ellipse | Polygon, size: Size) -> Floats:
    """Return (n, 2) corners of a shape's outline, in pixels; of an ellipse, of a polygon with its area."""
    scale = np.array(size, dtype=np.float64)
    if isinstance(shape, Polygon):
        return np.asarray(shape.points, dtype=np.float64).reshape(-1, 2) * scale
    turn = np.deg2rad(shape.rotation)
    turned = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])  # clockwise, y pointing down
    origin = np.array([shape.x, shape.y]) * scale
    if isinstance(shape, Box):
        away = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (np.array([shape.width, shape.height]) * scale)
        return np.asarray(origin + away @ turned)
    step = 2 * np.pi / _CORNERS_OF_ELLIPSE
    angles = np.arange(_CORNERS_OF_ELLIPSE) * step
    radii = np.array([shape.radius_x, shape.radius_y]) * scale * np.sqrt(step / np.sin(step))
    return np.asarray(origin + np.column_stack((np.cos(angles), np.sin(angles))) * radii @ turned)


def _bounds(shape: Shape, size: Size) -> tuple[float, float, float, float]:
    width, height = size
    if isinstance(shape, Box) and shape.rotation == 0:
        x, y = shape.x * width, shape.y * height
        return x, y, x + shape.width * width, y + shape.height * height
    if isinstance(shape, Span):
        return shape.start, 0.0, shape.end, 1.0
    if isinstance(shape, Point):
        reach = _POINT_REACH * _point_scale(size)
        return shape.x * width - reach, shape.y * height - reach, shape.x * width + reach, shape.y * height + reach
    if isinstance(shape, Mask):
        down, across = height / shape.height, width / shape.width
        tall, wide = shape.bitmap.shape
        return (
            shape.left * across,
            shape.top * down,
            (shape.left + wide) * across,
            (shape.top + tall) * down,
        )
    corners = corners_xy(shape, size)
    if len(corners) < _FEWEST_CORNERS:
        return np.nan, np.nan, np.nan, np.nan
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return left, top, right, bottom


def _span_overlap(first: Shape, second: Shape) -> float:
    if not (isinstance(first, Span) and isinstance(second, Span)):
        return 0.0
    if None not in (first.channel, second.channel) and first.channel != second.channel:
        return 0.0
    common = min(first.end, second.end) - max(first.start, second.start)
    return common / (max(first.end, second.end) - min(first.start, second.start)) if common > 0 else 0.0


def _point_scale(size: Size) -> float:
    return POINT_SCALE * float(np.sqrt(size[0] * size[1]))


def _nearness(first: Shape, second: Shape, size: Size) -> float:
    (left, top, right, bottom), other = _bounds(first, size), _bounds(second, size)
    across, down = (left + right - other[0] - other[2]) / 2, (top + bottom - other[1] - other[3]) / 2
    nearness = float(np.exp(-(across**2 + down**2) / 2 / _point_scale(size) ** 2))
    return nearness if np.isfinite(nearness) else 0.0


def _mask_overlap(first: Mask, second: Mask) -> float:
    if (first.height, first.width) != (second.height, second.width):
        second = _rescaled(second, first.height, first.width)
    top, left = max(first.top, second.top), max(first.left, second.left)
    common = np.count_nonzero(_from(first, top, left, second) & _from(second, top, left, first))
    union = np.count_nonzero(first.bitmap) + np.count_nonzero(second.bitmap) - common
    return common / union if union else 0.0


def _from(mask: Mask, top: int, left: int, other: Mask) -> NDArray[np.bool_]:
    """Return the part of a mask from this row and column on, as far as the other goes."""
    bottom = min(mask.top + mask.bitmap.shape[0], other.top + other.bitmap.shape[0])
    right = min(mask.left + mask.bitmap.shape[1], other.left + other.bitmap.shape[1])
    return mask.bitmap[top - mask.top : max(bottom, top) - mask.top, left - mask.left : max(right, left) - mask.left]


def _rescaled(mask: Mask, height: int, width: int) -> Mask:
    """Return a mask on an image of another size, by the nearest pixel."""
    down, across = height / mask.height, width / mask.width
    top, left = int(mask.top * down), int(mask.left * across)
    bottom = int(np.ceil((mask.top + mask.bitmap.shape[0]) * down))
    right = int(np.ceil((mask.left + mask.bitmap.shape[1]) * across))
    rows = ((np.arange(top, bottom) + 0.5) / down).astype(int) - mask.top
    columns = ((np.arange(left, right) + 0.5) / across).astype(int) - mask.left
    inside = np.outer((rows >= 0) & (rows < mask.bitmap.shape[0]), (columns >= 0) & (columns < mask.bitmap.shape[1]))
    taken = mask.bitmap[np.clip(rows, 0, mask.bitmap.shape[0] - 1)][:, np.clip(columns, 0, mask.bitmap.shape[1] - 1)]
    return Mask(taken & inside, top, left, height, width)


def _overlap_with_mask(mask: Mask, other: Shape) -> float:
    import shapely  # noqa: PLC0415

    outline = _outline(other, (mask.width, mask.height))
    rows, columns = np.nonzero(mask.bitmap)
    common = np.count_nonzero(shapely.contains_xy(outline, columns + mask.left + 0.5, rows + mask.top + 0.5))
    union = len(rows) + outline.area - common
    return common / union if union > 0 else 0.0


def _outline_overlaps(firsts: Sequence[Shape], seconds: Sequence[Shape], size: Size) -> Floats:
    import shapely  # noqa: PLC0415

    seen = {shape: _outline(shape, size) for shape in (*firsts, *seconds)}
    one, other = (np.array([seen[shape] for shape in side], dtype=object) for side in (firsts, seconds))
    common = shapely.area(shapely.intersection(one, other))
    union = shapely.area(one) + shapely.area(other) - common
    return np.asarray(np.divide(common, union, out=np.zeros(len(common)), where=union > 0))


def _outline(shape: Shape, size: Size) -> Geometry:
    """Return the area of a shape; of a line that crosses itself, all that it encloses."""
    import shapely  # noqa: PLC0415

    assert isinstance(shape, Box | Ellipse | Polygon)
    corners = corners_xy(shape, size)
    if len(corners) < _FEWEST_CORNERS or not np.isfinite(corners).all():
        return shapely.Polygon()
    outline = shapely.Polygon(corners)
    if outline.is_valid:
        return outline
    outline = shapely.Polygon(corners[:: -(-len(corners) // _MOST_CORNERS)])
    try:
        return shapely.make_valid(outline, method="structure", keep_collapsed=False)
    except shapely.errors.GEOSException:  # of lines that cross in very many places
        return outline.convex_hull
