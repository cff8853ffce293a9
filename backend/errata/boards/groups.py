"""Labels in groups: of one given label, say, or of one annotator."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import NONE, BoardTable
from errata.errors import UsageError

FIELD = "field:"
BY = ("given", "predicted", "cell", "detector", "annotator")
NOTHING = "nothing"  # stands for the label where a row has none
_UNKNOWN = "unknown"

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Name:
    """What a group is called.

    Attributes:
        value: in addresses.
        title: for people.
        label: the class that it is about, into the table's labels; NONE where it is about none.
    """

    value: str
    title: str
    label: int = NONE


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Which rows are in which groups, as pairs; a row can be in several groups, and in none.

    Attributes:
        names: of G groups.
        rows: (E,) int64, ascending within a group.
        group: (E,) int64 into `names`.
    """

    names: tuple[Name, ...]
    rows: NDArray[np.int64]
    group: NDArray[np.int64]

    def counts(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return (G,) how many rows of each group are `chosen`, (N,) of the whole table."""
        return np.bincount(self.group[chosen[self.rows]], minlength=len(self.names))

    def members(self, value: str) -> NDArray[np.int64]:
        """Return the rows of a group; none where there is no such group."""
        number = next((n for n, name in enumerate(self.names) if name.value == value), None)
        return self.rows[self.group == number] if number is not None else self.rows[:0]


@dataclass(frozen=True, slots=True)
class Counted:
    """A group with its figures.

    Attributes:
        name: what it is called.
        rows: labels in it.
        suspects: those of them in the queue.
        decided: those that are shown and have a verdict.
        scanned: those that are shown, have no verdict, and were looked at in a page and not marked.
        wrong: those that are shown and were found wrong.
    """

    name: Name
    rows: int
    suspects: int
    decided: int
    scanned: int
    wrong: int


def grouping(table: BoardTable, rows: NDArray[np.int64], by: str) -> Grouping:
    """Group rows of a table.

    Args:
        table: N rows.
        rows: those to be grouped, ascending.
        by: one of `BY`, or "field:" and the name of one of the table's fields.

    Raises:
        UsageError: `by` is none of these.
    """
    if by == "detector":
        return _by_detector(table, rows)
    codes, name = _column(table, by)
    present, group = np.unique(codes[rows], return_inverse=True)
    return Grouping(tuple(map(name, present.tolist())), rows, group.reshape(-1).astype(np.int64))


def cell_value(given: str | None, predicted: str | None) -> str:
    """Return what a cell of the confusion map is called in addresses."""
    return json.dumps([given, predicted], ensure_ascii=False, separators=(",", ":"))


def canonical_value(by: str, value: str) -> str:
    """Return a group's value as `Name.value` has it: of cells, JSON may be written in several ways.

    Raises:
        UsageError: no cell is called like this.
    """
    if by != "cell":
        return value
    try:
        pair = json.loads(value)
    except (ValueError, RecursionError):
        pair = None
    if not (isinstance(pair, list) and len(pair) == 2 and all(each is None or isinstance(each, str) for each in pair)):
        raise UsageError(
            f'`value` is {value[:100]!r}, and must name a cell as JSON, such as ["cat","dog"]; null where there is no '
            "label."
        )
    return cell_value(*pair)


def counted(
    of: Grouping, shown: Flags, suspects: Flags, verdicts: Sequence[Flags], search: str, offset: int, limit: int
) -> tuple[list[Counted], int]:
    """Return a page of the groups that have rows that are shown, and how many groups there are.

    Those with the most rows that are shown come first, then those with the most rows.

    Args:
        of: the groups.
        shown: (N,) of the table's rows.
        suspects: (N,) likewise.
        verdicts: (N,) each: decided, scanned, wrong.
        search: what a title has in it, in upper or lower case.
        offset: where the page begins.
        limit: how many groups it has at most.
    """
    n_shown = of.counts(shown)
    figures = [of.counts(np.ones_like(shown)), of.counts(suspects), *(of.counts(shown & each) for each in verdicts)]
    order = np.lexsort((np.arange(len(of.names)), -figures[0], -n_shown))
    there = order[n_shown[order] > 0].tolist()
    if wanted := search.strip().casefold():
        there = [n for n in there if wanted in of.names[n].title.casefold()]
    page = [Counted(of.names[n], *(int(figure[n]) for figure in figures)) for n in there[offset : offset + limit]]
    return page, len(there)


def _column(table: BoardTable, by: str) -> tuple[NDArray[np.integer], Callable[[int], Name]]:
    """Return (N,) codes and what a code is called."""
    if by in ("given", "predicted"):
        return (table.given if by == "given" else table.predicted), lambda code: _of_label(table, code)
    if by == "cell":
        width = len(table.labels) + 1
        pairs = (table.given.astype(np.int64) + 1) * width + table.predicted + 1
        return pairs, lambda code: _of_cell(table, code // width - 1, code % width - 1)
    if by == "annotator":
        return table.annotator, lambda code: _plain(table.annotators, code)
    field = next((field for field in table.fields if by == FIELD + field.name), None)
    if field is None:
        fields = [FIELD + each.name for each in table.fields]
        raise UsageError(f"`by` is {by[:100]!r}, and may be {', '.join((*BY, *fields))}.")
    return field.codes, lambda code: _plain(field.values, code)


def _by_detector(table: BoardTable, rows: NDArray[np.int64]) -> Grouping:
    fired = table.fired[rows]
    of_each = [rows[(fired >> np.uint64(bit)) & np.uint64(1) == 1] for bit in range(len(table.detectors))]
    names = tuple(Name(name, name.replace("_", " ")) for name in table.detectors)
    group = np.repeat(np.arange(len(names), dtype=np.int64), [len(each) for each in of_each])
    return Grouping(names, np.concatenate([*of_each, rows[:0]]), group)


def _of_label(table: BoardTable, code: int) -> Name:
    return Name("", NOTHING) if code == NONE else Name(table.labels[code], table.labels[code], code)


def _of_cell(table: BoardTable, given: int, predicted: int) -> Name:
    labels = [None if code == NONE else table.labels[code] for code in (given, predicted)]
    title = " → ".join(NOTHING if label is None else label for label in labels)
    return Name(cell_value(*labels), title, predicted if given == NONE else given)


def _plain(values: Sequence[str], code: int) -> Name:
    value = "" if code == NONE else values[code]
    return Name(value, value or _UNKNOWN)
