"""Answers that errata writes into the review project for decisions on the scan board, told from those of people.

One of its results has an id that is a hash of the whole answer, of the review task and of whose it is. So it is known
as errata's own as long as it says what errata wrote, whoever saved it, and however errata ended right after writing it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_MARK = "errata-board-"

Region = Mapping[str, Any]


def signed(result: Sequence[Region], about: Region, task_id: int, reviewer_id: int) -> list[dict[str, Any]]:
    """Return an answer with one more result, `about`, whose id tells that errata wrote it."""
    written = [*map(dict, result), {**about, "id": _MARK}]
    return [*written[:-1], {**about, "id": _MARK + _digest(written, task_id, reviewer_id)}]


def is_echo(annotation: Region, task_id: int) -> bool:
    """Say whether errata wrote an annotation of a review task, and nobody has changed it since."""
    result = annotation.get("result")
    if not isinstance(result, list) or not all(isinstance(each, Mapping) for each in result):
        return False
    marks = {str(each.get("id")) for each in result if str(each.get("id")).startswith(_MARK)}
    if len(marks) != 1:
        return False
    unsigned = [{**each, "id": _MARK} if str(each.get("id")) in marks else each for each in result]
    return marks == {_MARK + _digest(unsigned, task_id, reviewer_of(annotation))}


def reviewer_of(annotation: Region) -> int | None:
    """Return the number of who submitted an annotation; lists of tasks may tell more of them."""
    who = annotation.get("completed_by")
    who = who.get("id") if isinstance(who, Mapping) else who
    return who if isinstance(who, int) else None


def _digest(result: Sequence[Region], task_id: int, reviewer_id: int | None) -> str:
    said = json.dumps([task_id, reviewer_id, result], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:20]
