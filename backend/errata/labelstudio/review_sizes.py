"""How large what is labelled stands in the review form: all of it beside the question and the decision."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from errata.labelstudio.answer_tags import attribute
from errata.labelstudio.codecs.taxonomy import LEVELS
from errata.labelstudio.texts import TAGS as TEXT_TAGS

# The whole picture, or a part of the text, the source's choices and the decision fit into the window together.
_TEXT_HEIGHT = "calc(max(200px, 100vh - 540px) / {n})"
_PICTURE_HEIGHT = "max(200px, calc((100vh - 540px) / {n}))"  # Label Studio's tools beside it are as high
_REGIONS_HEIGHT = "max(300px, calc((100vh - 400px - {labels}px) / {n}))"  # of a picture with regions, maybe small ones
_ITEMS_HEIGHT = "max(240px, calc((100vh - 490px - {labels}px) / {n}))"  # beside a list of questions
_LABELS_HEIGHT = 48  # of a control's labels, or of an answer, below those of another one
_ANSWERS = frozenset({"Choices", "Taxonomy", "Rating", "Number", "DateTime", "TextArea"})
_MOST_SHARING = 3
# Label Studio takes these in pixels alone: with timeline, or overview, they fit into a window of 800.
_VIDEO_HEIGHT = 240
_CHANNELS_HEIGHT, _LEAST_CHANNEL_HEIGHT = 240, 60  # of all channels of a time series together, and of one
_TEXTS = frozenset(TEXT_TAGS) - {"List"}
_PATH_WIDTH = "400px"


def fit(source: ET.Element, *, has_regions: bool, by_item: bool) -> None:
    """Give what has no size of its own one with which all is in sight at once.

    Args:
        source: the source's label config; it is changed.
        has_regions: some of the controls that are audited mark regions.
        by_item: all findings about regions are one review task.
    """
    n_sharing = min(sum(tag.tag == "Image" or _is_long(tag) for tag in source.iter()), _MOST_SHARING)
    n_below = max(sum(map(_takes_a_row, source.iter())) - 1, 0)
    for image in source.iter("Image"):
        height = (_ITEMS_HEIGHT if by_item else _REGIONS_HEIGHT) if has_regions else _PICTURE_HEIGHT
        image.attrib.setdefault("maxHeight", height.format(n=n_sharing, labels=n_below * _LABELS_HEIGHT))
    for parent in list(source.iter()):
        _bound_texts(parent, _TEXT_HEIGHT.format(n=n_sharing))
    for video in source.iter("Video"):
        _set_unless_said(video, "height", str(_VIDEO_HEIGHT))
    for series in source.iter("TimeSeries"):
        _show_whole(series)
    for choices in source.iter("Choices"):
        if "layout" not in choices.attrib:
            choices.attrib.setdefault("showInline", "true")
    for taxonomy in source.iter("Taxonomy"):
        _show_paths(taxonomy)


def _takes_a_row(tag: ET.Element) -> bool:
    """Say whether a control stands beside the picture; what is asked about a region is shown for a chosen one."""
    is_of_regions = attribute(tag, "perRegion").lower() == "true"
    return tag.tag.endswith("Labels") or (tag.tag in _ANSWERS and not is_of_regions)


def _bound_texts(parent: ET.Element, height: str) -> None:
    """Let long texts scroll in a view of their own."""
    for place, tag in enumerate(list(parent)):
        if _is_long(tag):
            view = ET.Element("View", style=f"max-height: {height}; overflow-y: auto")
            view.append(tag)
            parent[place] = view


def _is_long(tag: ET.Element) -> bool:
    """Say whether a tag shows a text; the items of a <List> are shown by its <Ranker>."""
    return tag.tag == "Ranker" or (tag.tag in _TEXTS and bool(tag.get("name")) and not tag.get("toName"))


def _show_paths(taxonomy: ET.Element) -> None:
    """Let chosen labels read as the question writes them, a path and no leaf alone, with room for it."""
    for name, value in (("showFullPath", "true"), ("pathSeparator", LEVELS), ("minWidth", _PATH_WIDTH)):
        _set_unless_said(taxonomy, name, value)


def _show_whole(series: ET.Element) -> None:
    """Let a time series begin with all of it, where every region and the overview are in sight."""
    _set_unless_said(series, "overviewWidth", "100%")
    channels = list(series.iter("Channel"))
    for channel in channels:
        _set_unless_said(channel, "height", str(max(_CHANNELS_HEIGHT // len(channels), _LEAST_CHANNEL_HEIGHT)))


def _set_unless_said(tag: ET.Element, name: str, value: str) -> None:
    if not attribute(tag, name):
        tag.set(name, value)
