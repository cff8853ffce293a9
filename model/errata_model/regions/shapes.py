"""Where a region is. Lengths on images are shares of the image's width and height; angles are degrees, clockwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, turned by `rotation` about its top-left corner (x, y)."""

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse, turned by `rotation` about its centre (x, y)."""

    x: float
    y: float
    radius_x: float
    radius_y: float
    rotation: float = 0.0


@dataclass(frozen=True, slots=True)
class Point:
    """A point of an image."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Polygon:
    """The area inside a closed line through `points`, (x, y) each."""

    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """Pixels of an image.

    Attributes:
        bitmap: (h, w) bool, the smallest part of the image that holds them all.
        top: row of the image at which the bitmap begins.
        left: column of the image at which the bitmap begins.
        height: of the image, in pixels.
        width: of the image, in pixels.
    """

    bitmap: NDArray[np.bool_]
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch, end exclusive: of a text in code points, of audio in seconds, of a time series in its own steps.

    Attributes:
        channel: of audio; None where there is one, or the span is of all.
    """

    start: float
    end: float
    channel: int | None = None


Shape = Box | Ellipse | Point | Polygon | Mask | Span
Size = tuple[int, int]  # width and height of an image, in pixels
