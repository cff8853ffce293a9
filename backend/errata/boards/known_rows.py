"""Finds the labels that the pages name, by their keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from errata.boards.ports import Boards
from errata.boards.shelf import Shelf
from errata.boards.table import NONE
from errata_model.records import Control, Finding


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A label that the pages show.

    Attributes:
        finding: as the pages show it.
        control: that it answers.
        is_suspect: it stands in the queue.
    """

    finding: Finding
    control: Control
    is_suspect: bool


class KnownRows:
    """Finds rows in the latest table of a project. Thread-safe.

    Args:
        boards: where the tables are.
        shelf: keeps those open that are looked at.
    """

    def __init__(self, boards: Boards, shelf: Shelf) -> None:
        self._boards = boards
        self._shelf = shelf

    def find(self, project_id: int, keys: Sequence[str]) -> dict[str, KnownRow]:
        """Return key -> label for those that the project's latest audit has; none before the first.

        Raises:
            TableGone: the table's files are damaged.
        """
        version = self._boards.active(project_id)
        if version is None or not keys:
            return {}
        view = self._shelf.of_version(project_id, version)
        table, unique = view.table, list(dict.fromkeys(keys))
        found = {key: row for key, row in zip(unique, view.rows_of_keys(unique).tolist(), strict=True) if row != NONE}
        details = self._boards.details(project_id, version, list(found.values()), has_masks=False)
        return {
            key: KnownRow(detail.finding, table.controls[table.control[row]], bool(table.queue[row] != NONE))
            for (key, row), detail in zip(found.items(), details, strict=True)
        }
