"""Group tasks by a field of their data: those of one patient, video or page must not vouch for one another."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from errata.audit.snapshot import Task
from errata.errors import UsageError

_NAMED = 12  # fields that a text lists
_SHOWN = 40  # characters of a value
_NOTHING: tuple[Any, ...] = (None, [], {})


@dataclass(frozen=True, slots=True)
class FieldGroups:
    """What tasks hold in the field that they are grouped by.

    Attributes:
        values: task id -> value as text, equal where the values are; tasks without one stand alone.
        remark: how many groups there are and how many tasks have no value, in a sentence.
    """

    values: Mapping[int, str]
    remark: str


def group_by_field(tasks: Sequence[Task], field: str) -> FieldGroups:
    """Group tasks by `task.data[field]`.

    Raises:
        UsageError: no task has anything there, naming the fields that there are; or all have the same.
    """
    values = {task.id: _text(task.data[field]) for task in tasks if _is_something(task.data.get(field))}
    if not values:
        raise UsageError(f'No task has anything under "{field}" (--group-by); {_fields(tasks)}.')
    counts = Counter(values.values())
    (commonest, n_most), *_ = counts.most_common(1)
    if n_most == len(tasks) > 1:
        raise UsageError(
            f'All {n_most} tasks have the same "{field}" (--group-by), {_short(commonest)}: without a task\'s group '
            f"nothing is left to judge it by. Group by another field; {_fields(tasks)}."
        )
    said = f'Tasks are grouped by "{field}": {len(values)} tasks, {len(counts)} groups, the largest of {n_most}'
    n_without = len(tasks) - len(values)
    if n_without:
        said += f"; {n_without} tasks have nothing there, and each stands alone"
    if n_most == 1:
        said += "; no two share a value, so that nothing is grouped"
    return FieldGroups(values, f"{said}.")


def _is_something(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    is_empty_cell = isinstance(value, float) and math.isnan(value)  # of a table that was imported
    return value not in _NOTHING and not is_empty_cell


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _fields(tasks: Sequence[Task]) -> str:
    """Name the fields that could be meant, those of most tasks first."""
    counts = Counter(key for task in tasks for key, value in task.data.items() if _is_something(value))
    if not counts:
        return "the tasks' data are empty"
    named = [f'"{key}" ({n})' for key, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    return f"the tasks' data have {', '.join(named[:_NAMED])}{more}"


def _short(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "...")
