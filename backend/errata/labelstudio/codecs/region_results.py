"""The results of one region: which of them holds its label, which says where it is, and their canonical hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs.scores import finite

Region = Mapping[str, Any]
Results = Sequence[Region]

SEVERAL = " + "  # between the labels of a region that has several: a class that matches none of the config's
_DRAWN = frozenset({"rectangle", "ellipse", "keypoint", "polygon", "brush"})  # types that hold no label of their own
_DIGITS = 6  # after the point; a millionth of a per cent of an image is nothing that anybody drew


def label_of(region: Results, control: str) -> str | None:
    """Return the label that the results of one region say, None where none of them is the control's."""
    for each in region:
        if is_labelled(each, control):
            said = each["value"].get(each["type"])
            return SEVERAL.join(map(str, said)) if isinstance(said, list) else ""
    return None


def hash_of(region: Results, control: str) -> str:
    """Return the canonical hash of what the results of one region say.

    Only what people see counts. Not: the region's id, order, notes and origin, and what Label Studio's page fills in
    or leaves out when an annotation is saved again: a rotation of 0, the first channel of a sound, whether a polygon is
    closed, the text of a span.
    """
    labelled, shape = labelled_by(region, control), drawn(region)
    labels = labelled["value"].get(labelled["type"])
    said = [control, labelled.get("to_name"), shape.get("type"), _canonical_place(shape), labels]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def is_as_hashed(region: Results, control: str, said: str) -> bool:
    """Say whether a region that Label Studio's page submitted still is the one whose canonical hash this is.

    To paths into markup alone the page adds offsets; of offsets alone, without a path, it submits nothing.
    """
    if hash_of(region, control) == said or not place(drawn(region)):
        return True
    bare = [{**each, "value": {k: v for k, v in each["value"].items() if k != "globalOffsets"}} for each in region]
    return hash_of(bare, control) == said


def drawn(region: Results) -> Region:
    """Return the result of a region that says where it is.

    Raises:
        ValueError: there is none.
    """
    for is_it in (draws, holds_labels):
        for each in region:
            if is_it(each):
                return each
    raise ValueError(f"`region` must have a result that says where it is, got {region!r}")


def place(each: Region) -> dict[str, Any]:
    """Return what of a result's value says where the region is."""
    says = "text" if each.get("type") == "textarea" else each.get("type")
    return {key: said for key, said in each["value"].items() if key != says}


def is_same_place(one: Results, other: Results) -> bool:
    """Say whether two regions, each as its results, are drawn alike in the same place, whatever their labels."""
    a, b = drawn(one), drawn(other)
    return (a.get("type"), _canonical_place(a)) == (b.get("type"), _canonical_place(b))


def labelled_by(region: Results, control: str) -> Region:
    """Return the result of a region that holds its label of the control."""
    return next(each for each in region if is_labelled(each, control))


def is_labelled(each: object, control: str) -> bool:
    """Say whether a result holds a label of the control."""
    return isinstance(each, Mapping) and each.get("from_name") == control and holds_labels(each)


def holds_labels(each: Region) -> bool:
    """Say whether a result holds labels of any control."""
    return str(each.get("type")).endswith("labels") and isinstance(each.get("value"), Mapping)


def draws(each: Region) -> bool:
    """Say whether a result says where a region is, and no label."""
    return str(each.get("type")) in _DRAWN and isinstance(each.get("value"), Mapping)


def _canonical_place(each: Region) -> dict[str, Any]:
    value = place(each)
    value.pop("closed", None)
    if "start" in value or "globalOffsets" in value:
        value.pop("text", None)
    if isinstance(value.get("globalOffsets"), Mapping):  # beside paths into the markup that say the same
        for key in ("start", "end", "startOffset", "endOffset"):
            value.pop(key, None)
    for key in ("rotation", "channel"):
        if value.get(key) == 0:
            del value[key]
    if each.get("item_index"):
        value["item_index"] = each["item_index"]
    if isinstance(value.get("rle"), list):  # a million of small numbers, perhaps
        value["rle"] = hashlib.sha256(json.dumps(value["rle"]).encode()).hexdigest()
    return {key: _rounded(said) for key, said in value.items()}


def _rounded(said: Any) -> Any:
    if isinstance(said, int | float) and not isinstance(said, bool):
        number = finite(said)
        return str(said) if number is None else round(number, _DIGITS)
    if isinstance(said, list):
        return [_rounded(each) for each in said]
    if isinstance(said, Mapping):
        return {key: _rounded(each) for key, each in said.items()}
    return said
