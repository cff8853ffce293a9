from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from errata.boards.ports import Figure
from errata.boards.shelf import Shelf
from errata.boards.table import BoardTable, RowDetail
from errata.boards.view import View
from errata.errors import UsageError

Make = Callable[..., BoardTable]


@dataclass
class Kept:
    """Tables and verdict records in memory; counts what is read."""

    tables: dict[tuple[int, str], BoardTable] = field(default_factory=dict)
    details_of: dict[tuple[int, str], list[RowDetail]] = field(default_factory=dict)
    latest: dict[int, str] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)
    n_loads: int = 0
    n_details: int = 0

    def save(self, table: BoardTable, details: Any) -> None:
        key = (table.project_id, table.version)
        self.tables[key], self.details_of[key] = table, list(details)
        self.latest[table.project_id] = table.version

    def active(self, project_id: int) -> str | None:
        return self.latest.get(project_id)

    def load(self, project_id: int, version: str) -> BoardTable:
        self.n_loads += 1
        try:
            return self.tables[project_id, version]
        except KeyError:
            raise UsageError("It is gone.") from None

    def details(self, project_id: int, version: str, rows: Sequence[int], *, has_masks: bool = True) -> list[RowDetail]:
        self.n_details += len(rows)
        return [self.details_of[project_id, version][row] for row in rows]

    def projects(self) -> list[int]:
        return sorted(self.latest)

    def glance(self, project_id: int) -> None:
        return None

    def changed_since(self, project_id: int, revision: int) -> tuple[int, list[Figure]]:
        return len(self.figures) - 1, self.figures[revision + 1 :]

    def decided(self, project_ids: Sequence[int]) -> dict[int, int]:
        return {}


def given_in(examples: Sequence[Any]) -> list[int]:
    return [tile["row"] for tile in examples]


@pytest.fixture
def open_view(board_details: Callable[..., list[RowDetail]]) -> Callable[[BoardTable], tuple[View, Kept]]:
    def start(table: BoardTable) -> tuple[View, Kept]:
        kept = Kept()
        kept.save(table, board_details(table))
        return View(table, kept, kept), kept

    return start


def test_a_group_is_headed_by_confirmed_examples_of_its_class(make_board: Make, open_view) -> None:
    """First what a reviewer kept, then what the belief has least against, of several tasks where there are.

    No suspects, and nothing that was found wrong; of a cell, examples of the given class.
    """
    rows = [("cat", "cat", n / 10) for n in range(6)] + [("cat", "dog", 0.9), ("dog", "dog", 0.2)]
    tasks = np.array([1, 1, 2, 3, 4, 5, 6, 7])
    table = make_board(rows, tasks=tasks)
    view, kept = open_view(table)

    def examples(by: str, value: str) -> list[int]:
        groups, _ = view.groups(None, by, "all", "", 0, 100)
        return next(given_in(group.examples) for group in groups if group.counted.name.value == value)

    assert examples("given", "cat") == [0, 2, 3]  # row 1 shows the same task as row 0
    assert examples("predicted", "dog") == [7]
    assert examples("cell", '["cat","dog"]') == [0, 2, 3]
    assert examples("annotator", "ann") == []
    kept.figures += [
        Figure(table.keys[6].decode(), 1, "verdict", False, "keep"),  # a suspect that was right
        Figure(table.keys[2].decode(), 1, "verdict", True, "wrong"),
        Figure(table.keys[3].decode(), 1, "scan", False, "keep"),
    ]
    assert examples("given", "cat") == [6, 0, 3]


def test_a_tile_is_read_once(make_board: Make, open_view) -> None:
    """What was shown is shown again from memory, and two who ask get each their own."""
    table = make_board([("cat", "dog", 0.5)] * 9)
    view, kept = open_view(table)
    first, again = view.tiles([3, 1, 3])[0], view.tiles([1, 3])[1]
    assert kept.n_details == 2
    assert first == again
    first["standing"] = "changed"
    assert again["standing"] is None


def test_a_reader_waits_for_a_table_that_is_being_read(make_board: Make, board_details) -> None:
    """It is read once however many ask at the same time; the oldest of many leave memory; a newer version is seen."""
    kept = Kept()
    for project_id in range(1, 6):
        table = make_board([("cat", "dog", 0.5)] * project_id, project_id=project_id)
        kept.save(table, board_details(table))
    shelf = Shelf(kept, kept, most_rows=9)
    views: list[View] = []
    threads = [threading.Thread(target=lambda: views.append(shelf.latest(1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (kept.n_loads, len({id(view) for view in views})) == (1, 1)
    for project_id in (2, 3):
        assert len(shelf.latest(project_id).table) == project_id
    assert shelf.latest(1) is views[0]
    shelf.latest(4)  # of ten rows nine stay: those of project 2 were asked for longest ago
    assert kept.n_loads == 4
    assert (shelf.latest(1) is views[0], kept.n_loads) == (True, 4)
    shelf.latest(2)
    assert kept.n_loads == 5
    newer = make_board([("cat", "dog", 0.5)] * 99, project_id=1, version="v2")
    kept.save(newer, board_details(newer))
    assert (len(shelf.latest(1).table), shelf.latest(1)) == (
        99,
        shelf.latest(1),
    )  # too large, and kept while it is used
    assert kept.n_loads == 6
    for ask in (lambda: shelf.latest(99), lambda: shelf.of_version(1, "v0")):
        with pytest.raises(UsageError):
            ask()
    with pytest.raises(UsageError, match="errata audit 99"):
        shelf.latest(99)


def test_a_project_without_labels_has_nothing_to_show(make_board: Make, open_view) -> None:
    """And says so without failing."""
    view, _ = open_view(make_board([]))
    assert view.groups(None, "given", "all", "", 0, 9) == ([], 0)
    assert view.rows(None, None, None, "all").tolist() == []
    assert view.row("feed") is None
    assert view.confusion(None, "all") == {"labels": [], "blocks": [], "cells": []}
    assert view.points(0).column("xy") == b""
