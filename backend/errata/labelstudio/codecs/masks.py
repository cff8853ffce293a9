"""Masks and polygons on images, as Label Studio writes them: run lengths, or points in per cent of the sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs.region_forms import Entry, entries_of, image_size, with_form
from errata.labelstudio.codecs.scores import finite
from errata_model.kinds.masks.raster import outline, rasterize
from errata_model.kinds.masks.rle import decode_mask, encode_mask
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Mask, Polygon, Shape, Size

_FARTHEST = 1e6  # per cent; beyond that nobody drew
_MOST_PIXELS = 1 << 28  # of an image that browsers let a brush draw on: 16,384 each way


def decode(
    result: Sequence[Mapping[str, Any]], control: Control, value: object
) -> tuple[list[Region], list[str], Size | None]:
    """Read a control's regions.

    Returns:
        (regions, problems, size): problems in words that follow "regions", one for each region that is left out; the
        image's size in pixels, as most regions say it, None where none does.
    """
    entries, problems = entries_of(result, control)
    said = Counter(size for entry in entries if (size := image_size(entry.drawn)))
    size = said.most_common(1)[0][0] if said else None
    regions: list[Region] = []
    for entry in entries:
        try:
            if entry.form not in _forms(control):
                raise ValueError(f'that are drawn as "{entry.form}", which errata does not read here')
            regions.append(Region(entry.id, entry.label, _shape(entry, size), entry.score))
        except ValueError as error:
            problems.append(str(error))
    return regions, problems, size


def write(control: Control, region: Region, size: Size | None, value: object) -> list[dict[str, Any]]:
    """Return Label Studio's results of one region: the one that holds the label first.

    A control that draws polygons alone gets the outline of a mask, one that brushes alone the pixels of a polygon.

    Raises:
        ValueError: the region is neither a mask nor a polygon; a polygon is to be brushed on an image of unknown size.
    """
    shape = region.shape
    if not isinstance(shape, Mask | Polygon):
        raise ValueError(f"`region.shape` must be a Mask or a Polygon, got {type(shape).__name__}")
    has_brush, has_polygon = (any(each.startswith(form) for each in _forms(control)) for form in ("brush", "polygon"))
    if isinstance(shape, Mask):
        size = shape.width, shape.height
        shape = outline(shape) if has_polygon and not has_brush else shape
    elif has_brush and not has_polygon:
        shape = _pixels(shape, size)
    if isinstance(shape, Mask):
        return with_form(control, region, "brush", {"format": "rle", "rle": list(encode_mask(shape))}, size)
    points = [[100 * x, 100 * y] for x, y in shape.points]
    return with_form(control, region, "polygon", {"points": points, "closed": True}, size)


def _forms(control: Control) -> list[str]:
    return [type_ for _, type_ in control.drawn_by] or [control.type]


def _pixels(shape: Polygon, size: Size | None) -> Mask:
    mask = rasterize(shape, size) if size else None
    if mask is None:
        raise ValueError(f"`region` must lie on an image of known size to be brushed, got {size!r}")
    return mask


def _shape(entry: Entry, size: Size | None) -> Shape:
    if entry.form.startswith("brush"):
        return _mask(entry, size)
    return _polygon(entry)


def _mask(entry: Entry, size: Size | None) -> Mask:
    own = image_size(entry.drawn)
    if own is None or size is None:
        raise ValueError("that do not say how large their image is")
    if own[0] * own[1] > _MOST_PIXELS:
        raise ValueError("whose image is larger than a page can show")
    if own != size:
        raise ValueError("whose image is of another size than that of the others")
    try:
        mask = decode_mask(entry.drawn["value"].get("rle"), *own)
    except ValueError as error:
        raise ValueError(f"that cannot be read: {error}") from None
    if mask is None:
        raise ValueError("without a pixel")
    return mask


def _polygon(entry: Entry) -> Polygon:
    said = entry.drawn["value"].get("points")
    if not isinstance(said, list) or not all(_is_point(point) for point in said):
        raise ValueError("without a list of points")
    points = tuple((float(x) / 100, float(y) / 100) for x, y in said)
    columns, rows = zip(*points, strict=True) if points else ((0.0,), (0.0,))
    if len(points) < 3 or min(columns) == max(columns) or min(rows) == max(rows):
        raise ValueError("of no size")
    if min(columns) >= 1 or max(columns) <= 0 or min(rows) >= 1 or max(rows) <= 0:
        raise ValueError("that lie outside the image")
    return Polygon(points)


def _is_point(said: object) -> bool:
    if not isinstance(said, list | tuple) or len(said) != 2:
        return False
    return all((number := finite(each)) is not None and abs(number) <= _FARTHEST for each in said)
