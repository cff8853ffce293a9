"""One table in memory, ready to be asked: what is worked out once is kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from errata.boards.confusion import Matrix, matrix
from errata.boards.detail import describe, others_of
from errata.boards.groups import BY, Counted, Grouping, canonical_value, counted, grouping
from errata.boards.judged import Judged, JudgedRows
from errata.boards.key_index import KeyIndex
from errata.boards.order import alike, in_blocks, similar
from errata.boards.points import Points, points_of
from errata.boards.ports import Boards, Figures
from errata.boards.table import NONE, BoardTable, RowDetail
from errata.boards.tiles import Tile, make_tile
from errata.errors import UsageError

N_EXAMPLES = 3
N_NEIGHBOURS = 8
_TILES = 2000  # kept at most: two or three kilobytes each
_ORDERS = 24  # of groups, likewise
_EXAMPLE_TASKS = 12  # rows that examples are picked from: of several tasks, where there are

Show = Literal["suspects", "all"]
Rows = NDArray[np.int64]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Group:
    """A group with its figures and with tiles that show what its class looks like."""

    counted: Counted
    examples: Sequence[Tile]


class View:
    """Answers what the pages ask of one table. Thread-safe.

    Args:
        table: what is shown.
        boards: has its details.
        figures: has the verdict records.

    Attributes:
        table: as given.
    """

    def __init__(self, table: BoardTable, boards: Boards, figures: Figures) -> None:
        self.table = table
        self._boards = boards
        self._index = KeyIndex(table.keys)
        self._judged = JudgedRows(table.project_id, len(table), self._index, figures)
        self._is_suspect = table.queue != NONE
        self._kept: dict[Hashable, Any] = {}
        self._orders: OrderedDict[Hashable, Rows] = OrderedDict()
        self._tiles: OrderedDict[int, Tile] = OrderedDict()
        self._lock = threading.Lock()
        self._judging = threading.Lock()

    def rows(self, control: str | None, by: str | None, value: str | None, show: Show) -> Rows:
        """Return the rows of a group, or of a whole control, in the order in which they are shown.

        Raises:
            UsageError: there is no such control, or nothing to group by of this name.
        """
        number = self.control(control)
        group = None if value is None else (by or BY[0], canonical_value(by or BY[0], value))
        key = (number, group, show)
        with self._lock:
            if key in self._orders:
                self._orders.move_to_end(key)
                return self._orders[key]
        rows = self.of_control(number) if group is None else self._grouping(number, group[0]).members(group[1])
        is_shown = self._is_suspect[rows]
        ordered = in_blocks(self.table, rows[is_shown]) if show == "suspects" else alike(self.table, rows)
        with self._lock:
            self._orders[key] = ordered
            while len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        return ordered

    def row(self, key: str) -> int | None:
        """Return the row of a key, None where this table has it not."""
        found = int(self.rows_of_keys([key])[0])
        return None if found == NONE else found

    def numbers(self, rows: Sequence[int]) -> Rows:
        """Return numbers of rows.

        Raises:
            UsageError: the table has no such row.
        """
        found = np.array(rows, dtype=np.int64)
        if len(found) and not (found.min() >= 0 and found.max() < len(self.table)):
            raise UsageError(f"`rows` has {found.min()} to {found.max()}, and may have 0 to {len(self.table) - 1}.")
        return found

    def rows_of_keys(self, keys: Sequence[str]) -> Rows:
        """Return the rows of keys, NONE where this table has them not."""
        return self._index.rows(keys)

    def control(self, name: str | None) -> int:
        """Return a control's number; None names the first.

        Raises:
            UsageError: there is none of this name.
        """
        names = [control.name for control in self.table.controls]
        if name is None and names:
            return 0
        if name not in names:
            raise UsageError(
                f"`control` is {str(name)[:100]!r}, and may be {', '.join(names) or 'nothing: there is none'}."
            )
        return names.index(name)

    def of_control(self, number: int) -> Rows:
        """Return the rows of a control, ascending."""
        return self._once(("rows", number), lambda: np.flatnonzero(self.table.control == number))

    def groups(
        self, control: str | None, by: str, show: Show, search: str, offset: int, limit: int
    ) -> tuple[list[Group], int]:
        """Return a page of the groups that have rows to show, and how many there are; see `counted`.

        Raises:
            UsageError: there is no such control, or nothing to group by of this name.
        """
        number, judged = self.control(control), self.judged()
        of = self._grouping(number, by)
        verdicts = (judged.decided, judged.scanned, judged.wrong)
        page, total = counted(of, self._shown(show), self._is_suspect, verdicts, search, offset, limit)
        rows = [self._examples(number, each.name.label, judged) for each in page]
        tiles = iter(self.tiles([row for of_group in rows for row in of_group]))
        return [Group(each, [next(tiles) for _ in of_group]) for each, of_group in zip(page, rows, strict=True)], total

    def _examples(self, control: int, label: int, judged: Judged) -> list[int]:
        """Return a few rows that show what a label looks like.

        Those that a reviewer kept come first, then those that the belief disagrees with least, of several tasks
        where there are.
        """
        calm = self._once(("calm", control), lambda: self._calm(control))
        kept = self._once(("kept", control), lambda: self._kept_rows(control, judged), judged.revision)
        found = [*kept.get(label, ()), *(row for row in calm.get(label, ()) if not judged.wrong[row])]
        found = list(dict.fromkeys(found))
        first_of_task = {int(self.table.tasks[row]): row for row in reversed(found)}
        of_several = list(first_of_task.values())[::-1]
        return sorted(found, key=lambda row: row not in of_several)[:N_EXAMPLES]

    def confusion(self, control: str | None, show: Show) -> dict[str, Any]:
        """Return the confusion map as JSON."""
        number = self.control(control)
        found: Matrix = self._once(("matrix", number), lambda: matrix(self.table, self.of_control(number)))
        judged = self.judged()
        return found.as_json(self._shown(show), (self._is_suspect, judged.decided, judged.scanned, judged.wrong))

    def tiles(self, rows: Sequence[int]) -> list[Tile]:
        """Return tiles in this order, without what was decided."""
        with self._lock:
            known = {row: self._tiles[row] for row in rows if row in self._tiles}
        missing = [row for row in dict.fromkeys(rows) if row not in known]
        details = self._details(missing, has_masks=False)
        made = {row: make_tile(self.table, row, each) for row, each in zip(missing, details, strict=True)}
        with self._lock:
            self._tiles.update(made)
            while len(self._tiles) > _TILES:
                self._tiles.popitem(last=False)
        return [dict(made[row] if row in made else known[row]) for row in rows]

    def detail(self, row: int) -> dict[str, Any]:
        """Return a Detail as JSON, without what was decided."""
        near = self.similar(row, N_NEIGHBOURS + 1)[1:].tolist()
        others = others_of(self.table, row).tolist()
        tile, *tiles = self.tiles([row, *near, *others])
        (detail,) = self._details([row], has_masks=True)
        return describe(self.table, row, tile, detail, tiles[: len(near)], tiles[len(near) :])

    def similar(self, row: int, n: int) -> Rows:
        """Return a row and those most similar to it, n at most; see `order.similar`."""
        vectors = self._once("vectors", lambda: np.asarray(self.table.vectors, dtype=np.float32))
        return similar(self.table, row, vectors, n)

    def points(self, control: int) -> Points:
        """Return the points of a control's map."""
        return self._once(("points", control), lambda: points_of(self.table, control))

    def judged(self) -> Judged:
        """Return which rows were decided about."""
        with self._judging:
            return self._judged.now()

    def _details(self, rows: Sequence[int], has_masks: bool) -> list[RowDetail]:
        if not rows:
            return []
        table = self.table
        return self._boards.details(table.project_id, table.version, rows, has_masks=has_masks)

    def _shown(self, show: Show) -> NDArray[np.bool_]:
        return self._is_suspect if show == "suspects" else np.ones(len(self.table), dtype=np.bool_)

    def _grouping(self, control: int, by: str) -> Grouping:
        return self._once(("groups", control, by), lambda: grouping(self.table, self.of_control(control), by))

    def _calm(self, control: int) -> dict[int, list[int]]:
        """Return label -> rows of it that are no suspects, those that the belief disagrees with least first."""
        rows = self.of_control(control)
        rows = rows[~self._is_suspect[rows] & (self.table.given[rows] != NONE)]
        return _first_of_each(self.table, rows)

    def _kept_rows(self, control: int, judged: Judged) -> dict[int, list[int]]:
        rows = np.flatnonzero(judged.kept & ~judged.wrong & (self.table.control == control))
        return _first_of_each(self.table, rows[self.table.given[rows] != NONE])

    def _once(self, key: Hashable, make: Callable[[], T], mark: Hashable = None) -> T:
        """Return what was made before under this key and mark, else make it."""
        found = self._kept.get(key)
        if found is None or found[0] != mark:
            found = self._kept[key] = (mark, make())
        made: T = found[1]
        return made


def _first_of_each(table: BoardTable, rows: Rows) -> dict[int, list[int]]:
    """Return label -> the first few of its rows by disagreement."""
    ordered = rows[np.lexsort((rows, table.disagreement[rows], table.given[rows]))]
    labels = table.given[ordered]
    starts = np.flatnonzero(np.diff(labels, prepend=NONE)).tolist()
    return {
        int(labels[start]): [
            row for row in ordered[start : start + _EXAMPLE_TASKS].tolist() if table.given[row] == labels[start]
        ]
        for start in starts
    }
