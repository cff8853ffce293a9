"""What the pages need from outside, named by the need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from errata.board.table import BoardTable, RowDetail


class Boards(Protocol):
    """Where the tables of audits are kept, the latest of each project and the one before."""

    def save(self, table: BoardTable, details: Iterable[RowDetail]) -> None:
        """Keep a table, `details` in the order of its rows, and make it the project's active one. Atomic."""

    def active(self, project_id: int) -> str | None:
        """Return the version of the project's latest table, None before the first. Cheap."""

    def load(self, project_id: int, version: str) -> BoardTable:
        """Read a table.

        Raises:
            UsageError: it is not kept (any more), or its files are damaged.
        """

    def details(self, project_id: int, version: str, rows: Sequence[int], *, has_masks: bool = True) -> list[RowDetail]:
        """Return what is shown of rows of a table, in this order; without `has_masks` faster, and without masks.

        Raises:
            UsageError: the table is not kept (any more), has no such row, or its files are damaged.
        """
