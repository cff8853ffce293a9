"""Boxes, ellipses and key points on images, as Label Studio writes them: per cent of the image's sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs.region_forms import Entry, entries_of, image_size, with_form
from errata.labelstudio.codecs.scores import finite
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Box, Ellipse, Point, Shape, Size

_FORMS = ("rectangle", "ellipse", "keypoint")
_POINT_WIDTH = 1.0  # in which Label Studio's page draws a point, in per cent
_FARTHEST = 1e6  # per cent, or degrees; beyond that nobody drew
_SLACK = 1e-6  # by which the page lets a box stick out


def decode(
    result: Sequence[Mapping[str, Any]], control: Control, value: object
) -> tuple[list[Region], list[str], Size | None]:
    """Read a control's regions.

    Returns:
        (regions, problems, size): problems in words that follow "regions", one for each region that is left out; the
        image's size in pixels, None where no region says it.
    """
    regions: list[Region] = []
    entries, problems = entries_of(result, control)
    size: Size | None = None
    for entry in entries:
        size = size or image_size(entry.drawn)
        try:
            regions.append(Region(entry.id, entry.label, _shape(entry), entry.score))
        except ValueError as error:
            problems.append(str(error))
    return regions, problems, size


def write(control: Control, region: Region, size: Size | None, value: object) -> list[dict[str, Any]]:
    """Return Label Studio's results of one region: the one that holds the label first."""
    form, geometry = _geometry(region.shape)
    return with_form(control, region, form, geometry, size)


def _shape(entry: Entry) -> Shape:
    form = next((form for form in _FORMS if entry.form.startswith(form)), None)
    if form is None:
        raise ValueError(f'that are drawn as "{entry.form}", which errata does not read here')
    if form == "rectangle":
        x, y, width, height, rotation = _numbers(entry, "x", "y", "width", "height", "rotation")
        if width <= 0 or height <= 0:
            raise ValueError("of no size")
        if not rotation and (x >= 1 + _SLACK or y >= 1 + _SLACK or x + width <= -_SLACK or y + height <= -_SLACK):
            raise ValueError("that lie outside the image")
        return Box(x, y, width, height, rotation)
    if form == "ellipse":
        x, y, radius_x, radius_y, rotation = _numbers(entry, "x", "y", "radiusX", "radiusY", "rotation")
        if radius_x <= 0 or radius_y <= 0:
            raise ValueError("of no size")
        return Ellipse(x, y, radius_x, radius_y, rotation)
    x, y = _numbers(entry, "x", "y")
    return Point(x, y)


def _numbers(entry: Entry, *names: str) -> list[float]:
    """Return lengths as shares, and a rotation in degrees."""
    said = []
    for name in names:
        number = finite(entry.drawn["value"].get(name, 0 if name == "rotation" else None))
        if number is None or abs(number) > _FARTHEST:
            raise ValueError(f'without a number for "{name}"' + ("" if number is None else " that can be"))
        said.append(number if name == "rotation" else number / 100)
    return said


def _geometry(shape: Shape) -> tuple[str, dict[str, float]]:
    if isinstance(shape, Box):
        sides = {name: 100 * getattr(shape, name) for name in ("x", "y", "width", "height")}
        return "rectangle", {**sides, "rotation": shape.rotation}
    if isinstance(shape, Ellipse):
        radii = {"radiusX": 100 * shape.radius_x, "radiusY": 100 * shape.radius_y}
        return "ellipse", {"x": 100 * shape.x, "y": 100 * shape.y, **radii, "rotation": shape.rotation}
    if isinstance(shape, Point):
        return "keypoint", {"x": 100 * shape.x, "y": 100 * shape.y, "width": _POINT_WIDTH}
    raise ValueError(f"`shape` must be a Box, an Ellipse or a Point, got {type(shape).__name__}")
