"""Where the results of one region say that it is, as shapes to compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs import boxes, masks
from errata_model.records import Control
from errata_model.regions.overlap import overlaps
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size, Span

Results = Sequence[Mapping[str, Any]]

_FAR = 1e9  # between the turns of a dialogue: an offset within one is smaller
_DRAWN_AS_MASKS = ("polygon", "brush")


def place_of(region: Results) -> tuple[Region, Size | None] | None:
    """Return a region's shape, and the size of its image where it says one; None where it cannot be read.

    Spans are told in the counts of Label Studio's page: they are compared with one another only.
    """
    labelled = next((each for each in region if str(each.get("type")).endswith("labels")), None)
    if labelled is None:
        return None
    value = labelled.get("value")
    if isinstance(value, Mapping) and ("start" in value or "globalOffsets" in value):
        span = _span(value)
        return None if span is None else (Region("", "", span), None)
    beside = [(str(each.get("from_name")), str(each.get("type"))) for each in region if each is not labelled]
    form = beside[0][1] if beside else str(labelled.get("type"))
    codec = masks if form.startswith(_DRAWN_AS_MASKS) else boxes
    name, to_name, type_ = (str(labelled.get(key)) for key in ("from_name", "to_name", "type"))
    control = Control(name, "", "image", to_name, "", (), type=type_, drawn_by=tuple(beside))
    found, _, size = codec.decode(region, control, None)
    return (found[0], size) if found else None


def overlap(one: Results, other: Results) -> float:
    """Return how much two regions overlap, in [0, 1], whatever their labels; 0 where one cannot be read."""
    places = place_of(one), place_of(other)
    if places[0] is None or places[1] is None:
        return 0.0
    return float(overlaps([places[0][0]], [places[1][0]], places[0][1] or places[1][1])[0, 0])


def _span(value: Mapping[str, Any]) -> Span | None:
    offsets = value.get("globalOffsets")
    said = offsets if isinstance(offsets, Mapping) else value
    try:
        start, end = float(said["start"]), float(said["end"])
        if said is value and "startOffset" in value:
            start, end = start * _FAR + float(value["startOffset"]), end * _FAR + float(value["endOffset"])
    except (KeyError, TypeError, ValueError):  # a path into markup, say
        return None
    channel = value.get("channel")
    return Span(start, end, channel if isinstance(channel, int) else None)
