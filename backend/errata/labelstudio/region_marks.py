"""What shows a reviewer the region that is asked about, and the one that is suggested.

Label Studio's page shows one prediction in the label stream, the one that prefills. So both are drawn into that one, as
locked regions of controls of errata's own, whose buttons are hidden. They come last: of regions that lie over one
another the page gives a click to the one that comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from errata.labelstudio.codecs import region_results
from errata.labelstudio.codecs.region_places import place_of
from errata_model.records import Control
from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.shapes import Size

ASKED, SUGGESTED = "asked about", "suggested"
ASKED_COLOUR, SUGGESTED_COLOUR = "red", "turquoise"  # in words
_COLOURS = {ASKED: "#ff1744", SUGGESTED: "#00e5ff"}
# Keys that no keyboard has: without any Label Studio's page gives hidden labels keys too, and labels regions by them.
_KEYS = {ASKED: "ctrl+alt+shift+f23", SUGGESTED: "ctrl+alt+shift+f24"}
_FRAME = "rectanglelabels"
_SERIES = "timeserieslabels"
_TAGS = {
    "rectanglelabels": "RectangleLabels",
    "ellipselabels": "EllipseLabels",
    "keypointlabels": "KeyPointLabels",
    "polygonlabels": "PolygonLabels",
    "brushlabels": "BrushLabels",
    "labels": "Labels",
    "hypertextlabels": "HyperTextLabels",
    "paragraphlabels": "ParagraphLabels",
    "timeserieslabels": "TimeSeriesLabels",
}
# In a text the page mixes the colours of all that lies there: a line tells the region in question whatever its label's.
MARK_STYLE = f'[class*="htx-highlight-errata-asked-about"] {{ text-decoration: underline 3px {_COLOURS[ASKED]}; }}'
_LINES = {"strokeWidth": "4", "opacity": "0"}  # a frame, through which the region can be seen
_MARGIN = 1.0  # between a region and its frame, in per cent of the image's sides
_SQUARE: Size = (1000, 1000)  # where the size of an image is not known
_EXCERPT = 60
_THIRDS = (("top left", "top", "top right"), ("left", "middle", "right"), ("bottom left", "bottom", "bottom right"))
_CENTRE = "middle"

Results = Sequence[Mapping[str, Any]]


class RegionMarks:
    """Marks of regions in one review project.

    Args:
        controls: those that errata audits.
        taken: names in the source's label config.
    """

    def __init__(self, controls: Sequence[Control], taken: set[str]) -> None:
        drawn = dict.fromkeys(
            (control.to_name, form) for control in controls if control.has_regions for form in _forms(control)
        )
        self._names: dict[tuple[str, str], str] = {}
        for to_name, form in drawn:
            name = f"errata_{form}"
            while name in taken or name in self._names.values():
                name += "_"
            self._names[to_name, form] = name

    def tags(self) -> Iterator[ET.Element]:
        """Yield the label config's tags of the marks."""
        for (to_name, form), name in self._names.items():
            is_line = form in (_FRAME, "ellipselabels", "polygonlabels")
            tag = ET.Element(_TAGS[form], {"name": name, "toName": to_name, **(_LINES if is_line else {})})
            for label, colour in _COLOURS.items():
                ET.SubElement(tag, "Label", {"value": label, "background": colour, "hotkey": _KEYS[label]})
            yield tag

    def asked(self, region: Results, number: int | None = None) -> list[dict[str, Any]]:
        """Return what marks the region that is asked about: on an image a frame around it.

        Args:
            region: its results.
            number: of the finding, where several are asked about.
        """
        frame = _frame(region)
        if frame is None:
            return self._mark(region, ASKED, number)
        return self._result(region[0], str(region[0].get("to_name")), _FRAME, (ASKED, number), frame)

    def suggested(self, region: Results, number: int | None = None) -> list[dict[str, Any]]:
        """Return what marks the place that is suggested; see `asked`."""
        return self._mark(region, SUGGESTED, number)

    def _mark(self, region: Results, label: str, number: int | None) -> list[dict[str, Any]]:
        drawn = region_results.drawn(region)
        form = str(drawn.get("type"))
        form = form if form.endswith("labels") else f"{form}labels"
        return self._result(drawn, str(drawn.get("to_name")), form, (label, number), region_results.place(drawn))

    def _result(
        self,
        about: Mapping[str, Any],
        to_name: str,
        form: str,
        said: tuple[str, int | None],
        place: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        name = self._names.get((to_name, form))
        if name is None:  # drawn by a control that the config does not have any more
            return []
        mark = {"id": mark_id(*said), "from_name": name, "to_name": to_name, "type": form}
        value = {**place, form: [said[0]]}
        return [{**_about_image(about), **mark, "value": value, "readonly": True}]


def mark_id(label: str, number: int | None = None) -> str:
    """Return the id of a mark; `number` is the finding's, where several are asked about."""
    return f"errata-{label.replace(' ', '-')}" + ("" if number is None else f"-{number}")


def outlined(region: Results) -> list[dict[str, Any]]:
    """Return the results of a region, a mask as the box around it: what is needed to find it again, and small."""
    frame = _frame(region, 0.0) if any("rle" in each["value"] for each in region) else None
    if frame is None:
        return [dict(each) for each in region]
    about = {key: region[0].get(key) for key in ("id", "from_name", "to_name")}
    return [{**_about_image(region[0]), **about, "type": _FRAME, "value": frame}]


def where(region: Results) -> str:
    """Say where a region is: ' at the top left', ' on "Paris"'; "" where it cannot be read."""
    frame = _frame(region)
    if frame is not None:
        column, row = (
            min(max(int((frame[start] + frame[length] / 2) * 3 / 100), 0), 2)
            for start, length in (("x", "width"), ("y", "height"))
        )
        third = _THIRDS[row][column]
        return f" in the {third}" if third == _CENTRE else f" at the {third}"
    value = region_results.drawn(region)["value"] if region else {}
    text = value.get("text")
    if isinstance(text, str):
        shown = " ".join(text.split())
        return f' on "{shown[:_EXCERPT]}{"..." if len(shown) > _EXCERPT else ""}"'
    return _when(value) if region else ""


def _when(value: Mapping[str, Any]) -> str:
    """Say from when to when a region of a sound or a time series is."""
    start, end = value.get("start"), value.get("end")
    if _SERIES in value and isinstance(start, str) and isinstance(end, str):
        return f" from {start} to {end}"
    if not (isinstance(start, int | float) and isinstance(end, int | float)):
        return ""
    if "channel" in value or (isinstance(end, float) and _SERIES not in value):
        return f" from {start:.2f} to {end:.2f} s"
    return f" from {start:.10g} to {end:.10g}"


def _about_image(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: said for key, said in result.items() if key.startswith(("original_", "image_", "item_"))}


def _forms(control: Control) -> list[str]:
    forms = [f"{type_}labels" for _, type_ in control.drawn_by] or [control.type]
    return [form for form in (*forms, *([_FRAME] if control.modality == "image" else [])) if form in _TAGS]


def _frame(region: Results, margin: float = _MARGIN) -> dict[str, float] | None:
    """Return the box around a region of an image, in per cent; None where it is none, or cannot be read."""
    if not region or "start" in region_results.drawn(region)["value"]:
        return None
    found = place_of(region)
    if found is None:
        return None
    size = found[1] or _SQUARE
    ((left, top, right, bottom),) = (100 * bounds_xyxy([found[0].shape], size) / (size * 2)).tolist()
    left, top = max(left - margin, 0.0), max(top - margin, 0.0)
    right, bottom = min(right + margin, 100.0), min(bottom + margin, 100.0)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
