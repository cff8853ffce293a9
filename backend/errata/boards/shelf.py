"""The tables that are in memory, those that were asked for last."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from errata.boards.ports import Boards, Figures
from errata.boards.view import View
from errata.errors import TableGone

MOST_ROWS = 600_000  # of all tables in memory: half a kilobyte each
_MOST = 24  # tables, however small


@dataclass(slots=True)
class _Place:
    lock: threading.Lock = field(default_factory=threading.Lock)
    view: View | None = None


class Shelf:
    """Opens tables, and keeps a few of them open. Thread-safe: who asks for one that is being read waits for it.

    Args:
        boards: where the tables are.
        figures: the verdict records.
        most_rows: so many rows are kept at most, but for the table that was asked for last.
    """

    def __init__(self, boards: Boards, figures: Figures, most_rows: int = MOST_ROWS) -> None:
        self._boards = boards
        self._figures = figures
        self._most_rows = most_rows
        self._places: OrderedDict[tuple[int, str], _Place] = OrderedDict()
        self._lock = threading.Lock()

    def latest(self, project_id: int) -> View:
        """Return the table of a project's latest audit.

        Raises:
            TableGone: there is none yet, or its files are damaged.
        """
        version = self._boards.active(project_id)
        if version is None:
            raise TableGone(
                f"Nothing is known of project {project_id} yet; run `errata audit {project_id}`, and reload the page."
            )
        return self.of_version(project_id, version)

    def of_version(self, project_id: int, version: str) -> View:
        """Return a table by its version.

        Raises:
            TableGone: it is not kept (any more), or its files are damaged.
        """
        key = (project_id, version)
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if place.view is not None:
                return place.view
            try:
                place.view = View(self._boards.load(project_id, version), self._boards, self._figures)
            except TableGone:
                with self._lock:
                    if self._places.get(key) is place:
                        del self._places[key]
                raise
        self._make_room()
        return place.view

    def _make_room(self) -> None:
        """Let go of the tables that were asked for longest ago."""
        with self._lock:
            rows = {key: len(place.view.table) for key, place in self._places.items() if place.view is not None}
            for key in list(self._places)[:-1]:
                if sum(rows.values()) <= self._most_rows and len(self._places) <= _MOST:
                    return
                if key in rows:
                    del self._places[key], rows[key]
