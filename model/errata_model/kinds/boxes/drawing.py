"""The shapes that a detector draws: boxes, or what is in them."""

from __future__ import annotations

from collections.abc import Iterable

from errata_model.regions.shapes import Box, Ellipse, Point, Shape

_SHAPES = (Box, Ellipse, Point)


def draw_like(shapes: Iterable[Shape]) -> type[Box] | type[Ellipse] | type[Point]:
    """Return what is drawn most: what a detector should draw too."""
    kinds = [type(shape) for shape in shapes]
    return max(_SHAPES, key=kinds.count)


def to_shape(corners: tuple[float, float, float, float], kind: type[Shape]) -> Shape:
    """Return the box, or the ellipse or the point in it, of x0, y0, x1, y1."""
    x0, y0, x1, y1 = corners
    if kind is Ellipse:
        return Ellipse((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2)
    if kind is Point:
        return Point((x0 + x1) / 2, (y0 + y1) / 2)
    return Box(x0, y0, x1 - x0, y1 - y0)
