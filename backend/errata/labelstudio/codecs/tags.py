"""Any number of labels of the whole task: multiple choice, or several paths of a taxonomy. Each tag stands alone."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from errata.labelstudio.codecs.scores import is_score
from errata.labelstudio.codecs.whole_task import Region, labels_in, with_labels
from errata_model.records import Control


def decode(result: Sequence[Region], control: Control) -> tuple[list[str] | None, str | None]:
    """Read what an annotation's result says for a control.

    Returns:
        (tags, problem): every given tag that the config has, once; None where the control was left unanswered, or
        with tags alone that the config does not have. What is wrong, in words, where something is.
    """
    mine = [region for region in result if isinstance(region, Mapping) and region.get("from_name") == control.name]
    if not mine:
        return None, None
    tags = labels_in(mine[0]) if len(mine) == 1 and mine[0].get("type") == control.type else None
    if tags is None:
        return None, f'an answer for "{control.name}" that is not a list of choices'
    unknown = [tag for tag in tags if tag not in control.labels]
    problem = f'a label that the config does not have: "{unknown[0]}"' if unknown else None
    known = [tag for tag in dict.fromkeys(tags) if tag not in unknown]
    return None if unknown and not known else known, problem


def given(result: Sequence[Region], control_name: str) -> list[str] | None:
    """Return the given tags, none where the control has no answer; None where the answer cannot be read."""
    mine = [region for region in result if isinstance(region, Mapping) and region.get("from_name") == control_name]
    if not mine:
        return []
    return labels_in(mine[0]) if len(mine) == 1 else None


def value_hash(result: Sequence[Region], control_name: str, tag: str) -> str | None:
    """Return the canonical hash that says that a tag is given, or that it is not; None where that cannot be read."""
    tags = given(result, control_name)
    return None if tags is None else slot_hash(control_name, tag, is_given=tag in tags)


def slot_hash(control_name: str, tag: str, *, is_given: bool) -> str:
    """Return the canonical hash that says that a tag is given, or that it is not. Other tags do not matter."""
    canonical = json.dumps(["tag", control_name, tag, is_given], ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def with_tag(
    result: Sequence[Region], control_name: str, tag: str, *, is_given: bool, form: Region | None = None
) -> list[dict[str, Any]]:
    """Return a copy of `result` in which the tag is given, or is not, with everything else as it was.

    Args:
        result: an annotation's.
        control_name: whose tags.
        tag: the one to add or to take away; what is so already stays so.
        is_given: whether it is to be there.
        form: what is added where the result has no region of the control, to say this tag alone.

    Raises:
        ValueError: the tags cannot be read, or there is no region to add the tag to and no `form`.
    """
    tags = given(result, control_name)
    if tags is None:
        raise ValueError(f"`result` must have one answer for {control_name!r}")
    if (tag in tags) == is_given:
        return [copy.deepcopy(dict(each)) for each in result]
    found = [i for i, each in enumerate(result) if isinstance(each, Mapping) and each.get("from_name") == control_name]
    if found:
        return with_labels(result, found[0], [*tags, tag] if is_given else [each for each in tags if each != tag])
    if form is None:
        raise ValueError(f"`form` must be a region of {control_name!r} where `result` has none")
    return with_labels([*result, {**form, "value": {}}], len(result), [tag])


def probabilities(result: Sequence[Region], score: object, control: Control) -> dict[str, float] | None:
    """Read a stored prediction as probabilities of the control's tags, each on its own.

    Args:
        result: the prediction's regions: one with all tags, or several, each with a score of its own.
        score: the prediction's own score; counts for regions that have none.
        control: what is predicted.

    Returns:
        tag -> probability in [0, 1]. Of a tag that is not named nothing is said but that it is less likely than the
        least likely one that is, and likelier wrong than right: it gets p or 1 - p of that one, whichever is less.
        None where the prediction says nothing, names an unknown tag or has no score in [0, 1].
    """
    said: dict[str, float] = {}
    for each in result:
        if not isinstance(each, Mapping) or each.get("from_name") != control.name:
            continue
        tags, certainty = labels_in(each), each.get("score", score)
        if tags is None or not set(tags) <= set(control.labels) or not is_score(certainty):
            return None
        said.update(dict.fromkeys(tags, float(certainty)))
    if not said:
        return None
    least = min(said.values())
    return dict.fromkeys(control.labels, min(least, 1.0 - least)) | said
