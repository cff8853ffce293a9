"""One label of the whole task: a single choice, or one path of a taxonomy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs.scores import is_score
from errata.labelstudio.codecs.whole_task import Region, find, labels_in, with_labels
from errata_model.records import Control


def decode(result: Sequence[Region], control: Control) -> tuple[str | None, str | None]:
    """Read what an annotation's result says for a control.

    Returns:
        (label, problem): the label where there is one; what is wrong, in words, where something is. Both None where
        the control was left unanswered.
    """
    mine = [region for region in result if isinstance(region, Mapping) and region.get("from_name") == control.name]
    if not mine:
        return None, None
    labels = labels_in(mine[0]) if len(mine) == 1 and mine[0].get("type") == control.type else None
    if labels is None or len(labels) > 1:
        return None, f'an answer for "{control.name}" that is not one choice'
    if labels and labels[0] not in control.labels:
        return None, f'a label that the config does not have: "{labels[0]}"'
    return labels[0] if labels else None, None


def label(result: Sequence[Region], control_name: str) -> str | None:
    """Return the label of the whole task, None where there is not exactly one."""
    found = find(result, control_name)
    labels = None if found is None else labels_in(result[found])
    return labels[0] if labels is not None and len(labels) == 1 else None


def value_hash(result: Sequence[Region], control_name: str) -> str | None:
    """Return the canonical hash of the given value, None where there is none.

    Only what the annotator said counts: not the region's id, which Label Studio draws at random, nor key order.
    """
    found = find(result, control_name)
    if found is None:
        return None
    said = [result[found].get(key) for key in ("type", "from_name", "to_name", "value")]
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def replaced(result: Sequence[Region], control_name: str, label: str) -> list[dict[str, Any]]:
    """Return a copy of `result` with the label replaced and everything else as it was; see `with_labels`.

    Raises:
        ValueError: the control has not exactly one answer.
    """
    found = find(result, control_name)
    if found is None:
        raise ValueError(f"`result` must have exactly one answer for {control_name!r}")
    return with_labels(result, found, [label])


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
        labels = labels_in(each)
        certainty = each.get("score", score)
        if not labels or len(labels) != 1 or labels[0] not in control.labels or not is_score(certainty):
            return None
        said[labels[0]] = float(certainty)
    rest = [label for label in control.labels if label not in said]
    if not said:
        return None
    left = max(0.0, 1.0 - sum(said.values())) / max(1, len(rest))
    return {**said, **dict.fromkeys(rest, left)}
