"""What all regions have in common in Label Studio's form.

A tag such as <RectangleLabels> writes one result a region, its label beside its geometry. <Labels> with <Rectangle>
writes two with one id: the drawing tag's with the geometry, and that of <Labels> with the label and the geometry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errata.labelstudio.codecs.scores import is_score
from errata_model.records import Control
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size

_SEVERAL = " + "  # between the labels of a region that has several: a class that matches none of the config's


@dataclass(frozen=True, slots=True)
class Entry:
    """One region as it stands in a result.

    Attributes:
        id: of the region.
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


def entries_of(result: Sequence[Mapping[str, Any]], control: Control) -> Iterator[Entry]:
    """Yield the regions of a control in the result's order; what cannot be read as one is passed over."""
    drawing = dict(control.drawn_by)
    mine = [each for each in result if isinstance(each, Mapping) and each.get("id")]
    drawn = {str(each["id"]): each for each in mine if each.get("from_name") in drawing}
    labelled = {str(each["id"]): each for each in mine if each.get("from_name") == control.name}
    for region_id, each in (drawn | labelled).items():
        of_form = drawn.get(region_id, each)
        values = each.get("value"), of_form.get("value")
        if not all(isinstance(value, Mapping) for value in values):
            continue
        labels = each["value"].get(control.type)
        said = [str(label) for label in labels] if isinstance(labels, list) else []
        scores = [score for score in (each.get("score"), of_form.get("score")) if is_score(score)]
        form = str(of_form.get("type") or "")
        yield Entry(region_id, _SEVERAL.join(said), form, of_form, float(scores[0]) if scores else None)


def image_size(drawn: Mapping[str, Any]) -> Size | None:
    """Return the width and height of the image that a result names, None where it names none."""
    sides = drawn.get("original_width"), drawn.get("original_height")
    if all(isinstance(side, int | float) and not isinstance(side, bool) and side >= 1 for side in sides):
        return int(sides[0]), int(sides[1])  # type: ignore[arg-type]
    return None


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
    value = {**geometry, control.type: [region.label]}
    results = [{**about, "from_name": control.name, "type": control.type, "value": value}]
    if control.drawn_by:
        name, type_ = next((pair for pair in control.drawn_by if pair[1] == form), control.drawn_by[0])
        results.append({**about, "from_name": name, "type": type_, "value": dict(geometry)})
    return results
