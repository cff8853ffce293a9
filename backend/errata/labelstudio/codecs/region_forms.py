"""What all regions have in common in Label Studio's form.

A tag such as <RectangleLabels> writes one result a region, its label beside its geometry. <Labels> with <Rectangle>
writes two with one id: the drawing tag's with the geometry, and that of <Labels> with the label and the geometry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errata.labelstudio.codecs.region_results import SEVERAL
from errata.labelstudio.codecs.scores import finite, is_score
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size

_MOST_PIXELS = 1 << 30  # of an image that a browser shows; who says more says nothing


@dataclass(frozen=True, slots=True)
class Entry:
    """One region as it stands in a result.

    Attributes:
        id: of the region; "" where it has none that Label Studio's page would keep: no text.
        label: what it is labelled with; "" where it has no label.
        form: the type of the result that draws it, such as "rectanglelabels" or "brush".
        drawn: that result; its `value` is a mapping.
        score: in [0, 1], None where there is none.
    """

    id: str
    label: str
    form: str
    drawn: Mapping[str, Any]
    score: float | None


def entries_of(result: Sequence[Mapping[str, Any]], control: Control) -> tuple[list[Entry], list[str]]:
    """Return the regions of a control in the result's order, and what is wrong with others, in words.

    Of regions with one id the first counts, as on Label Studio's page. One that <Labels> of another name label is
    theirs.
    """
    drawing = [name for name, _ in control.drawn_by]
    mine = [each for each in result if isinstance(each, Mapping)]
    problems: list[str] = []
    drawn = _by_id((each for each in mine if each.get("from_name") in drawing), problems)
    labelled = _by_id((each for each in mine if each.get("from_name") == control.name), problems)
    theirs = {str(each.get("id")) for each in mine if str(each.get("type")).endswith("labels")}
    problems += ["without a label" for key in drawn.keys() - labelled.keys() if str(key) not in theirs]
    entries = []
    for key, each in labelled.items():
        of_form = drawn.get(key, each)
        if not all(isinstance(part.get("value"), Mapping) for part in (each, of_form)):
            problems.append("without a place")
            continue
        labels = each["value"].get(control.type)
        said = [str(label) for label in labels] if isinstance(labels, list) else []
        scores = [score for score in (each.get("score"), of_form.get("score")) if is_score(score)]
        form = str(of_form.get("type") or "")
        region_id = key if isinstance(key, str) else ""
        entries.append(Entry(region_id, SEVERAL.join(said), form, of_form, float(scores[0]) if scores else None))
    return entries, problems


def _by_id(results: Iterable[Mapping[str, Any]], problems: list[str]) -> dict[str | int, Mapping[str, Any]]:
    """Return the results by their ids, each without one by itself; name those whose id is taken."""
    found: dict[str | int, Mapping[str, Any]] = {}
    for each in results:
        said = each.get("id")
        key = said if isinstance(said, str) and said else id(each)
        if key in found:
            problems.append("with an id that another one has")
        found.setdefault(key, each)
    return found


def image_size(drawn: Mapping[str, Any]) -> Size | None:
    """Return the width and height of the image that a result names, None where it names none that can be."""
    width, height = finite(drawn.get("original_width")), finite(drawn.get("original_height"))
    if width is None or height is None or min(width, height) < 1 or width * height > _MOST_PIXELS:
        return None
    return int(width), int(height)


def with_form(
    control: Control, region: Region, form: str, geometry: Mapping[str, Any], size: Size | None = None
) -> list[dict[str, Any]]:
    """Return the results of a region: the one that holds the label first.

    Args:
        control: whose region it is.
        region: one without an id gets one that its content decides.
        form: what it is drawn as: "rectangle", "ellipse", "brush", ...; "" where nothing is drawn.
        geometry: where it is, in Label Studio's form.
        size: of the image, in pixels.
    """
    about: dict[str, Any] = {"to_name": control.to_name}
    if size is not None:
        about |= {"original_width": size[0], "original_height": size[1], "image_rotation": 0}
    if region.score is not None:
        about["score"] = round(float(region.score), 4)
    said = json.dumps([control.name, region.label, form, geometry], sort_keys=True)
    about["id"] = region.id or hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    labels = [region.label] if region.label in control.labels else region.label.split(SEVERAL)
    value = {**geometry, control.type: labels}
    results = [{**about, "from_name": control.name, "type": control.type, "value": value}]
    if control.drawn_by:
        name, type_ = next((pair for pair in control.drawn_by if pair[1] == form), control.drawn_by[0])
        results.append({**about, "from_name": name, "type": type_, "value": dict(geometry)})
    return results
