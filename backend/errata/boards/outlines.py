"""Draws the outlines of regions: a light line in a dark one, to be seen on any ground."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from errata_model.regions.geometry import corners_xy
from errata_model.regions.shapes import Box, Ellipse, Mask, Point, Shape, Size, Span

OUTLINE_PX = 4  # its width
_CORE_PX = 2  # of which is light
_LIGHT, _DARK = (255, 255, 255), (0, 0, 0)
_DASH_PX, _GAP_PX = 6.0, 5.0
_ARM_PX = 7  # of the cross at a point
_REACH = 4.0  # pictures; what is farther away is drawn there

Floats = NDArray[np.float64]


def draw_outline(
    picture: Image.Image, shape: Shape, window: tuple[float, float, float, float], size: Size, *, is_dashed: bool
) -> None:
    """Draw a region's outline on a picture of a part of the scene.

    Args:
        picture: RGB; is changed.
        shape: the region; nothing is drawn of one that is no part of a picture.
        window: left, top, right and bottom of what `picture` shows, in pixels of the scene.
        size: of the scene, in pixels.
        is_dashed: the line is broken.
    """
    if isinstance(shape, Mask):
        _draw_mask(picture, shape, window, size, is_dashed)
    elif not isinstance(shape, Span):
        scale = np.array(picture.size) / (window[2] - window[0], window[3] - window[1])
        with np.errstate(invalid="ignore", over="ignore"):
            found = np.array([[shape.x, shape.y]]) * size if isinstance(shape, Point) else corners_xy(shape, size)
            corners = (found - window[:2]) * scale
        if len(corners) and np.isfinite(corners).all():
            reach = _REACH * max(picture.size)
            corners = np.clip(corners, -reach, reach)
            is_point = len(corners) == 1
            _draw_lines(picture, _cross(corners) if is_point else _sides(_around(shape, corners), is_dashed))


def _cross(point: Floats) -> list[Floats]:
    return [np.vstack((point - arm, point + arm)) for arm in np.diag([_ARM_PX, _ARM_PX])]


def _around(shape: Shape, corners: Floats) -> Floats:
    """Move a line off what it encloses by half of its width; a polygon's stays, which may turn in any way."""
    if isinstance(shape, Box):
        across, down = _unit(corners[1] - corners[0]), _unit(corners[3] - corners[0])
        outward = np.array([-across - down, across - down, across + down, down - across])
    elif isinstance(shape, Ellipse):
        outward = _unit(corners - corners.mean(axis=0))
    else:
        return corners
    return np.asarray(corners + OUTLINE_PX / 2 * outward)


def _unit(directions: Floats) -> Floats:
    return np.asarray(directions / np.maximum(np.linalg.norm(directions, axis=-1, keepdims=True), 1e-9))


def _draw_lines(picture: Image.Image, lines: list[Floats]) -> None:
    pen = ImageDraw.Draw(picture)
    for colour, width in ((_DARK, OUTLINE_PX), (_LIGHT, _CORE_PX)):
        for line in lines:
            pen.line([(float(x), float(y)) for x, y in line], fill=colour, width=width, joint="curve")


def _sides(corners: Floats, is_dashed: bool) -> list[Floats]:
    """Return the closed line through corners, whole or as dashes."""
    closed = np.vstack((corners, corners[:1]))
    return _dashes(closed) if is_dashed else [np.vstack((closed, closed[1:2]))]


def _dashes(line: Floats) -> list[Floats]:
    """Cut a line into dashes, which go around corners; one at least."""
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))))
    dashes = []
    for start in np.arange(0.0, max(float(along[-1]), 1e-6), _DASH_PX + _GAP_PX):
        stops = np.array([start, min(start + _DASH_PX, along[-1])])
        ends = np.column_stack([np.interp(stops, along, line[:, axis]) for axis in (0, 1)])
        within = line[(along > stops[0]) & (along < stops[1])]
        dashes.append(np.vstack((ends[:1], within, ends[1:])))
    return dashes


def _draw_mask(
    picture: Image.Image, mask: Mask, window: tuple[float, float, float, float], size: Size, is_dashed: bool
) -> None:
    """Draw a line around the pixels of a mask, outside of them."""
    inside = _shown(mask, window, size, picture.size)
    light = _wider(_wider(inside))
    dark = _wider(light) & ~light
    light &= ~inside
    if is_dashed and inside.any():
        is_drawn = _spokes(inside)
        light, dark = light & is_drawn, dark & is_drawn
    picture.paste(_DARK, mask=_to_picture(dark))
    picture.paste(_LIGHT, mask=_to_picture(light))


def _spokes(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return what a line around some pixels has of itself as dashes: sectors around their centre."""
    rows, columns = np.nonzero(inside)
    y, x = np.ogrid[: inside.shape[0], : inside.shape[1]]
    turns = np.arctan2(y - rows.mean(), x - columns.mean()) / (2 * math.pi)
    n_dashes = max(4, round(2 * math.sqrt(math.pi * len(rows)) / (_DASH_PX + _GAP_PX)))
    return np.asarray(turns * n_dashes % 1 < _DASH_PX / (_DASH_PX + _GAP_PX))


def _wider(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return pixels with those beside, above and below them."""
    wider = pixels.copy()
    wider[1:] |= pixels[:-1]
    wider[:-1] |= pixels[1:]
    wider[:, 1:] |= pixels[:, :-1]
    wider[:, :-1] |= pixels[:, 1:]
    return wider


def _to_picture(pixels: NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(pixels.astype(np.uint8) * 255)


def _shown(mask: Mask, window: tuple[float, float, float, float], size: Size, shown: Size) -> NDArray[np.bool_]:
    """Return a mask's part of a window as (height, width) pixels of what is shown, by the nearest pixel."""
    found = []
    for axis, (first, n) in enumerate(((mask.left, mask.width), (mask.top, mask.height))):
        step = (window[axis + 2] - window[axis]) / shown[axis]
        centres = (window[axis] + (np.arange(shown[axis]) + 0.5) * step) * (n / size[axis])
        found.append(np.floor(centres).astype(np.int64) - first)
    columns, rows = found
    across, down = ((at >= 0) & (at < n) for at, n in zip(found, mask.bitmap.shape[::-1], strict=True))
    pixels = np.zeros(shown[::-1], bool)
    pixels[np.ix_(down, across)] = mask.bitmap[np.ix_(rows[down], columns[across])]
    return pixels
