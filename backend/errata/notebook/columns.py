"""Which columns of a DataFrame hold what, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.errors import UsageError

_LARGEST_ID = 2**48  # JavaScript holds whole numbers below 2**53


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that were named; see `errata.board`."""

    label: str | None
    image: str | None
    text: str | None
    proposed: str | None
    disagreement: str | None

    @property
    def shown(self) -> str:
        """The column with what is labelled."""
        return str(self.image if self.image is not None else self.text)

    def check(self, frame: Any) -> None:
        """Make sure that a DataFrame has these columns, and what is needed of them.

        Raises:
            UsageError: says which argument is wrong.
        """
        if not hasattr(frame, "columns") or not hasattr(frame, "index"):
            raise UsageError(f"board() takes a pandas DataFrame, not {type(frame).__name__}.")
        if self.label is None:
            raise UsageError('board() needs the column with the labels: board(df, label="...", image="...").')
        if (self.image is None) == (self.text is None):
            raise UsageError('board() needs what is labelled, one of image="..." and text="...".')
        for argument, column in self._named():
            n = list(frame.columns).count(column)
            if n == 1:
                continue
            if n:
                raise UsageError(f"{argument}={column!r} is wrong because the DataFrame has {n} columns of that name.")
            near = get_close_matches(str(column), [str(each) for each in frame.columns], 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" It has {', '.join(map(repr, frame.columns[:20]))}."
            raise UsageError(f"{argument}={column!r} is wrong because the DataFrame has no such column.{hint}")

    def others(self, frame: Any) -> list[Any]:
        """Return the columns that were not named, each once."""
        named = {column for _, column in self._named()}
        return [column for column in dict.fromkeys(frame.columns) if column not in named]

    def _named(self) -> Iterator[tuple[str, str]]:
        for each in fields(self):
            column = getattr(self, each.name)
            if column is not None:
                yield each.name, column


def as_label(value: Any) -> str | None:
    """Return a label in words; None where there is none.

    Whole numbers are written as such: beside an empty cell pandas makes 1.0 of 1.
    """
    if is_missing(value) or str(value) == "":
        return None
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)


def is_missing(value: Any) -> bool:
    """Say whether a cell is empty: None, NaN, NaT or pandas' NA."""
    if value is None:
        return True
    if np.ndim(value) or isinstance(value, str | bytes):
        return False
    is_itself = value == value  # noqa: PLR0124  NaN and NaT are not; of NA nobody knows
    return not isinstance(is_itself, bool | np.bool_) or not is_itself


def scores(values: Sequence[Any], column: str) -> NDArray[np.float64]:
    """Return a column of numbers in [0, 1]; NaN where there is none.

    Raises:
        UsageError: names the column and the first value that is none.
    """
    found = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if is_missing(value):
            continue
        try:
            found[row] = float(value)
        except (TypeError, ValueError):
            found[row] = -1.0
        if not 0.0 <= found[row] <= 1.0:
            raise UsageError(f"disagreement={column!r} must hold numbers from 0 to 1, but has {value!r}.")
    return found


def ids_of(index: Sequence[Any]) -> list[int]:
    """Return a number above 0 for each value of an index: the same one for the same value, whatever its place.

    Raises:
        UsageError: a value is there twice.
    """
    ids: dict[int, Any] = {}
    for value in index:
        number = _id_of(value)
        if number in ids:
            raise UsageError(
                f"The DataFrame's index has {value!r} twice, and rows are told apart by it; give board() "
                "df.reset_index(drop=True)."
            )
        ids[number] = value
    return list(ids)


def _id_of(value: Any) -> int:
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) < _LARGEST_ID:
        return int(value) + 1
    digest = hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).digest()
    return _LARGEST_ID + 1 + int.from_bytes(digest[:6], "big")
