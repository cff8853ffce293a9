"""Single choice: `{"type": "choices", "value": {"choices": ["cat"]}}` for the whole task."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from errata_model.records import Control

Region = Mapping[str, Any]
TYPE = "choices"


def decode(result: Sequence[Region], control: Control) -> tuple[str | None, str | None, str | None]:
    """Read what an annotation's result says for a control.

    Returns:
        (label, region id, problem): the label where there is one; the region id is None, because a choice is of the
        whole task; what is wrong, in words, where something is. All None where the control was left unanswered.
    """
    mine = [region for region in result if isinstance(region, Mapping) and region.get("from_name") == control.name]
    if not mine:
        return None, None, None
    choices = _choices(mine[0]) if len(mine) == 1 and mine[0].get("type") == TYPE else None
    if choices is None or len(choices) > 1:
        return None, None, f'an answer for "{control.name}" that is not one choice'
    if choices and choices[0] not in control.labels:
        return None, None, f'a label that the config does not have: "{choices[0]}"'
    return choices[0] if choices else None, None, None


def label(result: Sequence[Region], control_name: str) -> str | None:
    """Return the choice of the whole task, None where there is not exactly one."""
    found = _find(result, control_name)
    choices = None if found is None else _choices(result[found])
    return choices[0] if choices is not None and len(choices) == 1 else None


def origin(result: Sequence[Region], control_name: str) -> str | None:
    """Return where Label Studio's page says the choice came from, None where it says nothing.

    "prediction": accepted as it was; "prediction-changed": changed, even if changed back; "manual": chosen anew.
    """
    found = _find(result, control_name)
    said = None if found is None else result[found].get("origin")
    return said if isinstance(said, str) else None


def region_id(result: Sequence[Region], control_name: str) -> str | None:
    """Return the id of the region that holds the choice, None where there is none."""
    found = _find(result, control_name)
    said = None if found is None else result[found].get("id")
    return said if isinstance(said, str) else None


def value_hash(result: Sequence[Region], control_name: str) -> str | None:
    """Return the canonical hash of the given value, None where there is none.

    Only what the annotator said counts: not the region's id, which Label Studio draws at random, nor key order.
    """
    found = _find(result, control_name)
    if found is None:
        return None
    said = [TYPE, control_name, result[found].get("to_name"), result[found].get("value")]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def region(control: Control, label: str, score: float | None = None) -> dict[str, Any]:
    """Return the region that says `label`; the same label always gets the same id."""
    said = "\x1f".join((control.name, control.to_name, label))
    made: dict[str, Any] = {
        "id": hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:10],
        "from_name": control.name,
        "to_name": control.to_name,
        "type": TYPE,
        "value": {"choices": [label]},
    }
    if score is not None:
        made["score"] = score
    return made


def replaced(result: Sequence[Region], control_name: str, label: str) -> list[dict[str, Any]]:
    """Return a copy of `result` with the choice replaced and everything else as it was.

    A choice that was accepted from a prediction is one that was changed afterwards, which is noted as Label Studio's
    page does.

    Raises:
        ValueError: the control has not exactly one answer.
    """
    found = _find(result, control_name)
    if found is None:
        raise ValueError(f"`result` must have exactly one answer for {control_name!r}")
    copied = [copy.deepcopy(dict(each)) for each in result]
    copied[found]["value"]["choices"] = [label]
    if copied[found].get("origin") == "prediction":
        copied[found]["origin"] = "prediction-changed"
    return copied


def probabilities(result: Sequence[Region], score: object, control: Control) -> dict[str, float] | None:
    """Read a stored prediction as probabilities of the control's labels.

    Args:
        result: the prediction's regions: one choice, or several of them, each with a score of its own.
        score: the prediction's own score; counts for regions that have none.
        control: what is predicted.

    Returns:
        label -> probability in [0, 1]; what the scores leave is spread evenly over the labels not named. None where
        it says nothing, names an unknown label or has no score in [0, 1].
    """
    said: dict[str, float] = {}
    for each in result:
        if not isinstance(each, Mapping) or each.get("from_name") != control.name:
            continue
        choices = _choices(each)
        certainty = each.get("score", score)
        if not choices or len(choices) != 1 or choices[0] not in control.labels or not is_score(certainty):
            return None
        said[choices[0]] = float(certainty)
    rest = [label for label in control.labels if label not in said]
    if not said:
        return None
    left = max(0.0, 1.0 - sum(said.values())) / max(1, len(rest))
    return {**said, **dict.fromkeys(rest, left)}


def is_score(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number in [0, 1]."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1


def _find(result: Sequence[Region], control_name: str) -> int | None:
    found = [
        index
        for index, each in enumerate(result)
        if isinstance(each, Mapping)
        and each.get("from_name") == control_name
        and each.get("type") == TYPE
        and _choices(each)
    ]
    return found[0] if len(found) == 1 else None


def _choices(region: Region) -> list[str] | None:
    value = region.get("value")
    choices = value.get("choices") if isinstance(value, Mapping) else None
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        return None
    return choices
