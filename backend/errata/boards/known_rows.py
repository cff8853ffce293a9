"""Finds the labels that the pages name, by their keys."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.boards.key_index import KeyIndex
from errata.boards.ports import Boards
from errata.boards.table import NONE
from errata_model.records import Control, Finding

_MOST_PROJECTS = 8  # in memory: 24 bytes a label


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


@dataclass(frozen=True, slots=True, eq=False)
class _Index:
    version: str
    controls: tuple[Control, ...]
    keys: KeyIndex
    control: NDArray[np.int16]
    is_suspect: NDArray[np.bool_]


class KnownRows:
    """Finds rows in the latest table of a project. Thread-safe."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards
        self._lock = threading.Lock()
        self._of_project: OrderedDict[int, _Index] = OrderedDict()

    def find(self, project_id: int, keys: Sequence[str]) -> dict[str, KnownRow]:
        """Return key -> label for those that the project's latest audit has; none before the first.

        Raises:
            TableGone: the table's files are damaged.
        """
        version = self._boards.active(project_id)
        if version is None or not keys:
            return {}
        index = self._index(project_id, version)
        unique = list(dict.fromkeys(keys))
        found = {key: row for key, row in zip(unique, index.keys.rows(unique).tolist(), strict=True) if row != NONE}
        details = self._boards.details(project_id, version, list(found.values()), has_masks=False)
        return {
            key: KnownRow(detail.finding, index.controls[index.control[row]], bool(index.is_suspect[row]))
            for (key, row), detail in zip(found.items(), details, strict=True)
        }

    def _index(self, project_id: int, version: str) -> _Index:
        with self._lock:
            known = self._of_project.get(project_id)
            if known is not None and known.version == version:
                self._of_project.move_to_end(project_id)
                return known
        table = self._boards.load(project_id, version)
        index = _Index(version, table.controls, KeyIndex(table.keys), table.control, table.queue != NONE)
        with self._lock:
            self._of_project[project_id] = index
            self._of_project.move_to_end(project_id)
            if len(self._of_project) > _MOST_PROJECTS:
                self._of_project.popitem(last=False)
        return index
