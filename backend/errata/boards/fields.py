"""What else tasks hold that tells labels apart."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.snapshot import Task
from errata.boards.table import NONE, Field

_MOST_FIELDS = 50
_MOST_VALUES = 2000
_LONGEST_VALUE = 200  # characters; what is longer is a text, and no name of a group
_FEW_VALUES = 30  # numbers: so many are groups of their own, more are put into
_RANGES = 10


def fields_of(tasks: Sequence[Task], task_of_row: NDArray[np.int64], left_out: Collection[str]) -> tuple[Field, ...]:
    """Return the keys of the tasks' data whose values are useful to group rows by.

    Texts and yes or no: at least two values, up to 200 characters each, on average twice or more. Numbers of more than
    30 values are put into ten ranges of about as many tasks each, unless they are whole numbers that are all different
    (ids). Other keys are no fields.

    Args:
        tasks: T of them.
        task_of_row: (N,) index into `tasks`.
        left_out: keys that hold what is labelled.
    """
    keys = Counter(key for task in tasks for key in task.data)
    found = []
    for key in sorted(keys.keys() - set(left_out)):
        held = [task.data.get(key) for task in tasks]
        grouped = _grouped(held)
        if grouped is not None:
            values, codes = grouped
            found.append(Field(key, values, codes[task_of_row]))
    return tuple(found[:_MOST_FIELDS])


def _grouped(held: Sequence[Any]) -> tuple[tuple[str, ...], NDArray[np.int32]] | None:
    there = [value for value in held if value is not None and value != ""]
    if any(not isinstance(value, str | int | float) for value in there):
        return None
    numbers = [value for value in there if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(there) and len(set(numbers)) > _FEW_VALUES:
        return _ranges(held, np.array(numbers, dtype=np.float64))
    counts = Counter(map(_text, there))
    is_few = len(counts) + (len(there) < len(held)) >= 2 and 2 * len(counts) <= len(there) + 1
    if not counts or not is_few or len(counts) > _MOST_VALUES or max(map(len, counts)) > _LONGEST_VALUE:
        return None
    values = sorted(counts, key=lambda text: (not _is_number(text), float(text) if _is_number(text) else 0.0, text))
    code = {value: n for n, value in enumerate(values)}
    codes = [NONE if value is None or value == "" else code[_text(value)] for value in held]
    return tuple(values), np.array(codes, dtype=np.int32)


def _ranges(held: Sequence[Any], numbers: NDArray[np.float64]) -> tuple[tuple[str, ...], NDArray[np.int32]] | None:
    if not np.isfinite(numbers).all():
        return None
    if len(np.unique(numbers)) == len(numbers) and (numbers == np.round(numbers)).all():
        return None
    inner = np.unique(np.quantile(numbers, np.arange(1, _RANGES) / _RANGES))
    ends = [numbers.min(), *inner, numbers.max()]
    values = tuple(f"{low:.4g} to {high:.4g}" for low, high in pairwise(ends))
    is_there = [isinstance(value, int | float) for value in held]
    codes = np.full(len(held), NONE, dtype=np.int32)
    codes[is_there] = np.searchsorted(inner, numbers, side="right")
    return values, codes


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
