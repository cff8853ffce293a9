"""Answers that are no labels inside a result: replaced and restored, whatever they are.

Of a video any number of results make the answer, and each is a region: relations, and what is answered about it alone,
name it by its id.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any

from errata.labelstudio.codecs import values
from errata.labelstudio.codecs.region_edits import RELATION
from errata.labelstudio.codecs.whole_task import Region
from errata_model.kinds.values.tracks import corresponding_stretches, corresponding_tracks
from errata_model.records import Control


def replaced(result: Sequence[Region], control_name: str, answer: Sequence[Region]) -> list[dict[str, Any]]:
    """Return a copy of a result with the control's whole answer replaced and everything else as it was.

    Args:
        result: an annotation's.
        control_name: whose answer.
        answer: its new results. One in place of one keeps the old one's id and all but what it says; of several on a
            video, each that corresponds to an old one does. With an old one that none corresponds to goes what is
            answered about it alone, and its relations.
    """
    old = values.of_control(result, control_name)
    kept = _corresponding(old, answer)
    new = [_in_place_of(old[kept[n]], each) if n in kept else _added(each) for n, each in enumerate(answer)]
    return _with_results(result, control_name, new)


def restored(result: Sequence[Region], before: Sequence[Region], control_name: str) -> list[dict[str, Any]]:
    """Return a copy of a result in which the control's whole answer is as it was `before`, with all that named it."""
    was = values.of_control(before, control_name)
    out = _with_results(result, control_name, was, next((n for n, each in enumerate(before) if each in was), None))
    back = _regions(out) - _regions(result)
    there = {each.get("id") for each in out}
    for index, each in enumerate(before):
        if _is_about(each, back) and _ends(each) <= there and each not in out:
            out.insert(min(index, len(out)), copy.deepcopy(dict(each)))
    return out


def _corresponding(old: Sequence[Region], answer: Sequence[Region]) -> dict[int, int]:
    """Return place of a new result -> place of the old one that it is: of the same id, or else the most alike."""
    if len(old) == len(answer) == 1:
        return {0: 0}
    ids = {each["id"]: n for n, each in enumerate(old) if each.get("id") is not None}
    kept = {n: ids[each["id"]] for n, each in enumerate(answer) if each.get("id") in ids}
    left = [n for n in range(len(old)) if n not in kept.values()]
    new = [n for n in range(len(answer)) if n not in kept]
    pairs = _alike([old[n] for n in left], [answer[n] for n in new])
    return kept | {new[b]: left[a] for a, b in pairs}


def _alike(old: Sequence[Region], new: Sequence[Region]) -> list[tuple[int, int]]:
    """Return (old, new) of regions on a video that are the same; none where any cannot be read."""
    types = {str(each.get("type")) for each in (*old, *new)}
    if not old or not new or len(types) > 1 or not types <= set(values.OF_VIDEOS):
        return []
    (type_,) = types
    answers = [values.decode(each, _control(each, type_))[0] for each in (old, new)]
    if None in answers:
        return []
    return (corresponding_tracks if type_ == "videorectangle" else corresponding_stretches)(*answers)


def _control(results: Sequence[Region], type_: str) -> Control:
    name, to_name = (str(results[0].get(key)) for key in ("from_name", "to_name"))
    return Control(name, "values", "other", to_name, "", (), type=type_)


def _in_place_of(old: Region, new: Region) -> dict[str, Any]:
    changed = {**old, "value": new["value"]}
    if old.get("origin") == "prediction" and changed["value"] != old["value"]:
        changed["origin"] = "prediction-changed"
    return changed


def _added(new: Region) -> dict[str, Any]:
    return {key: said for key, said in new.items() if key != "score"}


def _with_results(
    result: Sequence[Region], control_name: str, new: Sequence[Region], at: int | None = None
) -> list[dict[str, Any]]:
    """Put results in place of a control's, where the first of them stood; where there are none, `at` or at the end.

    What is about a region that is not there any more is left out.
    """
    old = values.of_control(result, control_name)
    others = [each for each in result if each not in old]
    place = next((n for n, each in enumerate(result) if each in old), len(others) if at is None else at)
    out = [copy.deepcopy(dict(each)) for each in (*others[:place], *new, *others[place:])]
    gone = _regions(result) - _regions(out)
    return [each for each in out if not _is_about(each, gone)]


def _regions(result: Sequence[Region]) -> set[str]:
    """Return the ids of what is marked."""
    types = ((each, str(each.get("type"))) for each in result if isinstance(each.get("id"), str))
    return {each["id"] for each, type_ in types if type_ in values.OF_VIDEOS or type_.endswith("labels")}


def _is_about(each: Region, ids: Collection[str]) -> bool:
    return each.get("id") in ids or not _ends(each).isdisjoint(ids)


def _ends(each: Region) -> set[Any]:
    return {each.get("from_id"), each.get("to_id")} if each.get("type") == RELATION else set()
