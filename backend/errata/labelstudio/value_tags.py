"""Which tags of a label config ask for an answer that is no label, and on what scale it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

from errata.labelstudio.answer_tags import attribute
from errata_model.kinds.values.dates import DATE, DATE_AND_TIME, TIME, moment
from errata_model.records import ValueForm

_ANY = ("Image", "Text", "HyperText", "Paragraphs", "Table", "List", "Audio", "Video", "TimeSeries", "PDF")
OBJECTS: Mapping[str, tuple[str, ...]] = {  # what they may be asked about
    "Rating": _ANY,
    "Number": _ANY,
    "DateTime": _ANY,
    "TextArea": _ANY,
    "Pairwise": _ANY,
    "Ranker": ("List",),
    "VideoRectangle": ("Video",),
    "TimelineLabels": ("Video",),
}
TAGS = tuple(OBJECTS)
_LABELS = ("Choices", "Taxonomy")
_UNENCODED = ("Audio", "Video", "TimeSeries", "PDF")  # what errata cannot learn labels of the whole of
_MOST_STARS = 5.0


def is_compared(element: Element, objects: Mapping[str, Element]) -> bool:
    """Say whether answers to a tag are compared with others': they are no labels, or of what errata cannot learn."""
    labelled = objects.get(element.get("toName", ""))
    return element.tag in OBJECTS or (element.tag in _LABELS and labelled is not None and labelled.tag in _UNENCODED)


def objects_of(tag: str) -> tuple[str, ...]:
    """Return the objects that a tag may be asked about where its answers are compared."""
    return OBJECTS.get(tag, _UNENCODED)


def value_form(element: Element) -> ValueForm:
    """Return the scale of a tag's answers."""
    if element.tag == "Rating":
        return ValueForm(1.0, _float(attribute(element, "maxRating")) or _MOST_STARS)
    if element.tag == "Number":
        return ValueForm(_float(attribute(element, "min")), _float(attribute(element, "max")))
    if element.tag == "DateTime":
        form = _date_format(element)
        return ValueForm(_end(attribute(element, "min"), form), _end(attribute(element, "max"), form), form)
    return ValueForm()


def asked_about(element: Element) -> tuple[str, ...]:
    """Return the names of the objects that a tag is asked about: of <Pairwise> two."""
    return tuple(name.strip() for name in element.get("toName", "").split(",") if name.strip())


def wrong_value_tag(element: Element) -> Iterator[str]:
    """Yield what keeps a tag's answers from being audited, in words."""
    for name, what in (("perRegion", "regions"), ("perItem", "items")):
        if attribute(element, name).lower() == "true":
            yield f"it is asked of {what} ({name}), where one answer a task is needed"
    n_objects = len(asked_about(element))
    if element.tag == "Pairwise" and n_objects != 2:
        yield f"the number of its objects is {n_objects}, where two are needed"
    if element.tag != "Pairwise" and n_objects > 1:
        yield f'toName="{element.get("toName")}" names several objects, where one is needed'


def is_part_of_tracks(element: Element, elements: list[Element]) -> bool:
    """Say whether a tag is the <Labels> of a video's objects: what it holds is stored with <VideoRectangle>."""
    to_name = element.get("toName")
    is_beside = any(each.tag == "VideoRectangle" and each.get("toName") == to_name for each in elements)
    return element.tag == "Labels" and is_beside


def _date_format(element: Element) -> str:
    only = {part.strip() for part in attribute(element, "only").split(",") if part.strip()}
    if only == {"time"}:
        return TIME
    return attribute(element, "format") or (DATE if only and "time" not in only else DATE_AND_TIME)


def _end(said: str, form: str) -> float | None:
    """Return an end of the dates' range, which is given in ISO or as a year; None where there is none."""
    return moment(f"{said}-01-01" if said.isdecimal() else said, form) if said else None


def _float(said: str) -> float | None:
    try:
        return float(said)
    except ValueError:
        return None
