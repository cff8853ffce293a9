"""The confusion map: labels as given by labels as predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import NONE, BoardTable
from errata_model.map.confusion import block_order

MOST_ORDERED = 2000  # labels; their order takes seconds, and time and memory grow with the square of their number

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
            flags: (N,) each: suspects, decided, scanned, wrong.
        """
        figures = [
            np.bincount(self.cell[each[self.rows]], minlength=len(self.cells))
            for each in (shown, *(shown & flag for flag in flags))
        ]
        there = figures[0] > 0
        cells = np.column_stack((self.cells, *figures))[there]
        return {"labels": list(self.labels), "blocks": list(self.blocks), "cells": cells.tolist()}


def matrix(table: BoardTable, rows: NDArray[np.int64], most_ordered: int = MOST_ORDERED) -> Matrix:
    """Return the cells of a table's rows; their order is that of all of them, whatever is shown later.

    Labels that no row has, given or predicted, are left out. Those that are taken for another one come first, in an
    order in which blocks show; the others follow in their own order.

    Args:
        table: whose rows they are.
        rows: ascending.
        most_ordered: so many labels, those that are mistaken most often, are put into blocks at most.
    """
    ends = np.stack((table.given[rows], table.predicted[rows]), axis=1).astype(np.int64)
    present = np.unique(ends)
    names = present[present != NONE]
    n = len(names)
    code = np.searchsorted(names, ends)
    code[ends == NONE] = n
    pairs, cell = np.unique(code[:, 0] * (n + 1) + code[:, 1], return_inverse=True)
    of_pair = np.column_stack((pairs // (n + 1), pairs % (n + 1)))
    order, blocks = _order(of_pair, np.bincount(cell.reshape(-1), minlength=len(pairs)), n, most_ordered)
    place = np.append(np.argsort(order), n)
    labels: list[str | None] = [table.labels[names[each]] for each in order.tolist()]
    if n < len(present):
        labels.append(None)
        blocks.append(n)
    return Matrix(tuple(labels), tuple(blocks), rows, place[of_pair], cell.reshape(-1).astype(np.int64))


def _order(
    cells: NDArray[np.int64], counts: NDArray[np.int64], n: int, most_ordered: int
) -> tuple[NDArray[np.int64], list[int]]:
    """Return the order of n labels and where its blocks begin; `cells` (C, 2) of n and above are of no label."""
    off = (cells[:, 0] != cells[:, 1]) & (cells < n).all(axis=1)
    mistaken = sum(np.bincount(cells[off, end], counts[off], minlength=n) for end in (0, 1)) + np.zeros(n)
    chosen = np.argsort(-mistaken, kind="stable")[: min(most_ordered, int((mistaken > 0).sum()))]
    chosen.sort()
    place = np.full(n + 1, NONE, dtype=np.int64)
    place[chosen] = np.arange(len(chosen))
    both = (place[cells] != NONE).all(axis=1)
    square = np.zeros((len(chosen), len(chosen)), dtype=np.int64)
    square[tuple(place[cells[both]].T)] = counts[both]
    order, starts = block_order(square)
    rest = np.flatnonzero(place[:n] == NONE)
    blocks: list[int] = starts.tolist()
    return np.concatenate((chosen[order], rest)), [*blocks, *([len(chosen)] if len(rest) else [])]
