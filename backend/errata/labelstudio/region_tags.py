"""Which tags of a label config mark regions, and with what labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from errata.labelstudio.answer_tags import attribute

# Tag -> (kind, the objects that it marks regions of).
_LABELLING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "RectangleLabels": ("boxes", ("Image",)),
    "EllipseLabels": ("boxes", ("Image",)),
    "KeyPointLabels": ("boxes", ("Image",)),
    "PolygonLabels": ("masks", ("Image",)),
    "BrushLabels": ("masks", ("Image",)),
    "HyperTextLabels": ("spans", ("HyperText",)),
    "ParagraphLabels": ("spans", ("Paragraphs",)),
    "TimeSeriesLabels": ("spans", ("TimeSeries",)),
}
# Tags that draw for a <Labels> beside them: tag -> kind.
_DRAWING = {"Rectangle": "boxes", "Ellipse": "boxes", "KeyPoint": "boxes", "Polygon": "masks", "Brush": "masks"}
_SPANS_OF_LABELS = ("Text", "HyperText", "Paragraphs", "Audio", "AudioPlus")
TAGS = (*_LABELLING, "Labels")
MODALITIES = {"Image": "image", "Audio": "audio", "AudioPlus": "audio", "TimeSeries": "timeseries"}  # else "text"


@dataclass(frozen=True, slots=True)
class RegionTag:
    """What a tag that labels regions asks for.

    Attributes:
        kind: see `Control.kind`; None where it marks nothing.
        objects: the tags of objects that it may label.
        drawn_by: see `Control.drawn_by`.
    """

    kind: str | None
    objects: tuple[str, ...]
    drawn_by: tuple[tuple[str, str], ...] = ()


def region_tag(element: Element, object_tag: str, elements: list[Element]) -> RegionTag:
    """Return what a tag of `TAGS` asks for.

    Args:
        element: the tag.
        object_tag: the tag of the object that it labels.
        elements: all tags of the config.
    """
    if element.tag != "Labels":
        kind, objects = _LABELLING[element.tag]
        return RegionTag(kind, objects)
    if object_tag != "Image":
        return RegionTag("spans", _SPANS_OF_LABELS)
    to_name = element.get("toName")
    beside = [each for each in elements if each.tag in _DRAWING and each.get("toName") == to_name]
    kinds = {_DRAWING[each.tag] for each in beside}
    drawn_by = tuple((each.get("name", ""), each.tag.lower()) for each in beside)
    return RegionTag(kinds.pop() if len(kinds) == 1 else None, ("Image",), drawn_by)


def draws_for(element: Element, elements: list[Element]) -> str | None:
    """Return the name of the <Labels> that a tag draws regions for; None where it draws for none."""
    if element.tag not in _DRAWING:
        return None
    mine = (e for e in elements if e.tag == "Labels" and e.get("toName") == element.get("toName"))
    return next((each.get("name") for each in mine), None)


def region_labels(element: Element) -> list[str]:
    """Return the labels in the config's order, as results hold them."""
    return [attribute(each, "alias") or attribute(each, "value") for each in element.iter("Label")]


def wrong_region_tag(element: Element, asked: RegionTag) -> Iterator[str]:
    """Yield what keeps a tag's regions from being audited, in words."""
    if asked.kind is None:
        tags = ", ".join(f"<{tag}>" for tag in _DRAWING)
        if asked.drawn_by:
            yield "its regions are both boxes and masks, where one sort is needed; give each sort <Labels> of its own"
        else:
            yield f"nothing draws its regions; put one of {tags} beside it"
    if attribute(element, "value") or attribute(element, "apiUrl"):
        yield "its labels come with the tasks, where labels in the config are needed"
    labels = region_labels(element)
    if not labels:
        yield "it has no <Label>"
    if "" in labels:
        yield "a <Label> has no value"
    if any(label.startswith("$") for label in labels):
        yield "its labels come with the tasks, where labels in the config are needed"
    yield from (f'it has the label "{label}" twice' for label, n in Counter(labels).items() if n > 1)
