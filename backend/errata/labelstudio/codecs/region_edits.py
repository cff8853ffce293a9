"""Regions inside a result: found, hashed, changed, added and removed, whatever draws them.

All results of one region have its id: the one that holds the label, where <Labels> and <Rectangle> are apart the one
that draws it, and what is answered about it alone (`perRegion`), which repeats where it is. Relations name two ids.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from errata.labelstudio.codecs.region_results import (
    Region,
    Results,
    drawn,
    draws,
    hash_of,
    holds_labels,
    is_labelled,
    is_same_place,
    label_of,
    labelled_by,
    place,
)

RELATION = "relation"
_KEPT_OF_NEW = (
    "original_width",
    "original_height",
    "original_length",
    "image_rotation",
    "item_index",
    "from_name",
    "to_name",
    "type",
    "origin",
)
_SIZE = ("original_width", "original_height", "image_rotation")


def in_result(result: Results, control: str) -> dict[str, list[Region]]:
    """Return region id -> its results, of every region that has a label of the control, in the result's order."""
    known = [each for each in result if isinstance(each, Mapping) and isinstance(each.get("id"), str)]
    parts: dict[str, list[Region]] = {each["id"]: [] for each in known if is_labelled(each, control)}
    for each in known:
        if each["id"] in parts and _is_part(each, control):
            parts[each["id"]].append(each)
    return parts


class Marked(NamedTuple):
    """What is known of a region without looking through its result again: see `hash_of` and `suggestions`."""

    value_hash: str
    origin: str | None


def marked(result: Results, control: str) -> dict[str, Marked]:
    """Return region id -> hash and origin of every region that has a label of the control, in one go."""
    found = {}
    for region_id, region in in_result(result, control).items():
        origins = [each["origin"] for each in region if isinstance(each.get("origin"), str)]
        found[region_id] = Marked(hash_of(region, control), origins[0] if origins else None)
    return found


def parts(result: Results, control: str, region_id: str) -> list[Region]:
    """Return the results that say where a region is and how the control labels it; empty where it is not there."""
    return in_result(result, control).get(region_id, [])


def label(result: Results, control: str, region_id: str) -> str | None:
    """Return the label of a region, None where there is no such region; several joined by `SEVERAL`."""
    return label_of(parts(result, control, region_id), control)


def value_hash(result: Results, control: str, region_id: str) -> str | None:
    """Return the canonical hash of where a region is and what its label is, None where it is not there."""
    found = parts(result, control, region_id)
    return hash_of(found, control) if found else None


def copied_result(result: Results) -> list[dict[str, Any]]:
    """Return a copy whose regions and values can be changed, but not what these hold: masks are large."""
    return [_copied(each) for each in result]


def with_region(result: Results, control: str, region_id: str, value: Results) -> list[dict[str, Any]]:
    """Return a copy of `result` in which a region is as `value` says, with all else as it was.

    Args:
        result: an annotation's.
        control: whose label the region has.
        region_id: which one; one that is not there is added.
        value: the results that say where it is and what its label is, whatever their id; empty takes it away.
    """
    copied = copied_result(result)
    if not value:
        return _without(copied, control, region_id)
    if not parts(result, control, region_id):
        return _with_added(copied, region_id, value)
    return _with_changed(copied, control, region_id, value)


def relabelled(region: Results, control: str, label: str) -> list[dict[str, Any]]:
    """Return a copy of one region's results in which the control says `label`, and all else is as it was."""
    copied = copied_result(region)
    for each in copied:
        if is_labelled(each, control):
            each["value"][each["type"]] = [label]
    return copied


def moves(result: Results, control: str, region_id: str, value: Results) -> bool:
    """Say whether a region that is there would be drawn elsewhere if it were as `value` says."""
    was = parts(result, control, region_id)
    return bool(was and value) and not is_same_place(was, value)


def drawn_as(result: Results, other: Results, region_id: str) -> list[dict[str, Any]]:
    """Return a copy of `result` in which a region is where it is in `other`, wherever that is repeated."""
    out = copied_result(result)
    there = [each for each in other if each.get("id") == region_id and (draws(each) or holds_labels(each))]
    return _with_moved(out, region_id, drawn(there)) if there else out


def restored(result: Results, before: Results, control: str, region_id: str) -> list[dict[str, Any]]:
    """Return a copy of `result` in which a region is as it was `before`, with what is answered about it alone."""
    was = parts(before, control, region_id)
    if not was or parts(result, control, region_id):
        return with_region(result, control, region_id, was)
    out = copied_result(result)
    there = {str(each.get("id")) for each in out} | {region_id}
    stands = {_slot(each) for each in out}  # what was left, as another control's, may have been changed since
    left = [each for each in out if each.get("id") == region_id and (draws(each) or holds_labels(each))]
    moved_to = place(drawn(left)) if left and not is_same_place(left, was) else {}
    for index, each in enumerate(before):
        is_of_region = each.get("id") == region_id or (_names(each, region_id) and _ends(each) <= there)
        if is_of_region and _slot(each) not in stands:
            out.insert(min(index, len(out)), _placed(_copied(each), moved_to))
    return out


def _slot(each: Region) -> tuple[str, str, str]:
    """Return what a result is, whatever it says: there is one of a control for a region, and one between two."""
    if each.get("type") == RELATION:
        return RELATION, str(each.get("from_id")), str(each.get("to_id"))
    return "", str(each.get("id")), str(each.get("from_name"))


def _copied(each: Region) -> dict[str, Any]:
    value = each.get("value")
    return {**each, "value": dict(value)} if isinstance(value, Mapping) else dict(each)


def _without(result: list[dict[str, Any]], control: str, region_id: str) -> list[dict[str, Any]]:
    """Take a region away; where another control labels it too, this control's label alone."""
    mine = [each for each in result if each.get("id") == region_id]
    if any(holds_labels(each) and each.get("from_name") != control for each in mine):
        return [each for each in result if each.get("id") != region_id or each.get("from_name") != control]
    return [each for each in result if each.get("id") != region_id and not _names(each, region_id)]


def _with_added(result: list[dict[str, Any]], region_id: str, value: Results) -> list[dict[str, Any]]:
    for each in value:
        made = {"id": region_id} | {key: each[key] for key in _KEPT_OF_NEW if key in each}
        made |= {"value": dict(each["value"]), "origin": "manual"}  # a person has decided on it
        like = next((old for old in result if old.get("to_name") == made.get("to_name") and _SIZE[0] in old), {})
        result.append({key: like[key] for key in _SIZE if key in like} | made)
    return result


def _placed(each: dict[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result that says another place, where it says any."""
    old = place(each) if there and isinstance(each.get("value"), Mapping) else {}
    if old:
        each["value"] = {**there, **{key: said for key, said in each["value"].items() if key not in old}}
    return each


def _with_changed(result: list[dict[str, Any]], control: str, region_id: str, value: Results) -> list[dict[str, Any]]:
    """Change a region's label and, where it is another one, its place, wherever that is repeated."""
    labelled = labelled_by(value, control)
    is_moved = not is_same_place(parts(result, control, region_id), value)
    for each in result:
        if each.get("id") != region_id or not isinstance(each.get("value"), Mapping):
            continue
        is_own = is_labelled(each, control)
        if is_own:
            each["value"][each["type"]] = list(labelled["value"][labelled["type"]])
        if (is_own or is_moved) and each.get("origin") == "prediction":
            each["origin"] = "prediction-changed"  # as Label Studio's page notes it
    return _with_moved(result, region_id, drawn(value)) if is_moved else result


def _with_moved(result: list[dict[str, Any]], region_id: str, shape: Region) -> list[dict[str, Any]]:
    """Draw a region as `shape` says, wherever its place is repeated."""
    for each in result:
        if each.get("id") == region_id and isinstance(each.get("value"), Mapping):
            _placed(each, place(shape))
            if draws(each):
                each |= {"from_name": shape["from_name"], "type": shape["type"]}
    return result


def _is_part(each: Region, control: str) -> bool:
    return is_labelled(each, control) or draws(each)


def _names(each: Region, region_id: str) -> bool:
    return each.get("type") == RELATION and region_id in _ends(each)


def _ends(each: Region) -> set[str]:
    return {str(each.get("from_id")), str(each.get("to_id"))}
