"""The confusion map: labels as given by labels as predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import NONE, BoardTable
from errata_model.map.confusion import block_order

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Cells of a confusion matrix, and the order of its labels.

    Attributes:
        labels: K of them in an order in which blocks show; None, the last where it is there, stands for no label.
        blocks: places in `labels` where blocks begin.
        rows: (n,) int64, the table's rows that are in it.
        cells: (C, 2) int64, given and predicted, into `labels`.
        cell: (n,) int64, into `cells`.
    """

    labels: tuple[str | None, ...]
    blocks: tuple[int, ...]
    rows: NDArray[np.int64]
    cells: NDArray[np.int64]
    cell: NDArray[np.int64]

    def as_json(self, shown: Flags, flags: Sequence[Flags]) -> dict[str, Any]:
        """Return it as docs/board.md says.

        Args:
            shown: (N,) which of the table's rows count.
            flags: (N,) each: suspects, decided, wrong.
        """
        figures = [
            np.bincount(self.cell[each[self.rows]], minlength=len(self.cells))
            for each in (shown, *(shown & flag for flag in flags))
        ]
        there = figures[0] > 0
        cells = np.column_stack((self.cells, *figures))[there]
        return {"labels": list(self.labels), "blocks": list(self.blocks), "cells": cells.tolist()}


def matrix(table: BoardTable, rows: NDArray[np.int64]) -> Matrix:
    """Return the cells of a table's rows; their order is that of all of them, whatever is shown later.

    Labels that no row has, given or predicted, are left out.
    """
    ends = np.stack((table.given[rows], table.predicted[rows]), axis=1).astype(np.int64)
    present = np.unique(ends)
    names = present[present != NONE]
    code = np.searchsorted(present, ends) - (len(present) - len(names))  # NONE is the least: -1 where it is there
    n = len(names)
    code[code < 0] = n
    pairs, cell = np.unique(code[:, 0] * (n + 1) + code[:, 1], return_inverse=True)
    of_pair = np.column_stack((pairs // (n + 1), pairs % (n + 1)))
    counts = np.zeros((n, n), dtype=np.int64)
    both = (of_pair < n).all(axis=1)
    counts[tuple(of_pair[both].T)] = np.bincount(cell.reshape(-1), minlength=len(pairs))[both]
    order, starts = block_order(counts)
    place = np.empty(n + 1, dtype=np.int64)
    place[order] = np.arange(n)
    place[n] = n
    labels: list[str | None] = [table.labels[names[each]] for each in order.tolist()]
    blocks = starts.tolist()
    if len(names) < len(present):
        labels.append(None)
        blocks.append(n)
    return Matrix(tuple(labels), tuple(blocks), rows, place[of_pair], cell.reshape(-1).astype(np.int64))
