"""Shapes as JSON; the pixels of masks are bits laid end to end beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Polygon, Shape, Span

_SHAPES: Mapping[str, type[Any]] = {each.__name__: each for each in (Box, Ellipse, Point, Polygon, Span)}
_MASK = Mask.__name__


class Bits:
    """Takes bitmaps one after another from where they are laid end to end."""

    def __init__(self, packed: NDArray[np.uint8]) -> None:
        self._packed = packed
        self._at = 0

    def take(self, height: int, width: int) -> NDArray[np.bool_]:
        """Return the next one."""
        n_bytes = (height * width + 7) // 8
        packed = self._packed[self._at : self._at + n_bytes]
        self._at += n_bytes
        return np.unpackbits(packed, count=height * width).astype(np.bool_).reshape(height, width)


def pack_shape(shape: Shape, bits: list[NDArray[np.uint8]]) -> list[Any]:
    """Return the name of a shape's form and the form itself as JSON; what it has as pixels is appended to `bits`."""
    if isinstance(shape, Mask):
        bits.append(np.packbits(shape.bitmap))
        return [_MASK, {"box": [shape.top, shape.left, *shape.bitmap.shape], "size": [shape.height, shape.width]}]
    return [type(shape).__name__, asdict(shape)]


def unpack_shape(packed: Sequence[Any], bits: Bits) -> Shape:
    """Return the shape that `pack_shape` made JSON of; masks take their pixels in the order in which they were packed.

    Raises:
        KeyError: there is no such form.
    """
    name, form = packed
    if name == _MASK:
        top, left, height, width = form["box"]
        return Mask(bits.take(height, width), top, left, *form["size"])
    if name == Polygon.__name__:
        return Polygon(tuple((x, y) for x, y in form["points"]))
    shape: Shape = _SHAPES[name](**form)
    return shape


def is_mask(packed: Sequence[Any]) -> bool:
    """Say whether `pack_shape` made it of a mask."""
    return bool(packed[0] == _MASK)
