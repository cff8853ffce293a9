"""In which order labels are shown. It depends on the table alone: a verdict moves nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import NONE, BoardTable

BLOCK = 60  # labels that are about as likely wrong; inside a block like stands beside like

Rows = NDArray[np.int64]


def alike(table: BoardTable, rows: Rows) -> Rows:
    """Return rows such that like stands beside like, each control's together."""
    return np.asarray(rows[np.lexsort((rows, table.leaf[rows], table.control[rows]))])


def in_blocks(table: BoardTable, rows: Rows) -> Rows:
    """Return rows in blocks of 60, most likely errors first; inside a block like stands beside like.

    Suspects stand by their place in the queue; others follow by disagreement.
    """
    queue = table.queue[rows].astype(np.int64)
    place = np.where(queue == NONE, np.iinfo(np.int64).max, queue)
    likely = rows[np.lexsort((rows, -table.disagreement[rows], place))]
    block = np.arange(len(likely)) // BLOCK
    return np.asarray(likely[np.lexsort((likely, table.leaf[likely], table.control[likely], block))])


def page_with(ordered: Rows, row: int, limit: int) -> int | None:
    """Return where the page of `limit` rows begins on which a row stands; None where it stands on none."""
    found = np.flatnonzero(ordered == row)
    return int(found[0]) // limit * limit if len(found) else None


def similar(table: BoardTable, row: int, vectors: NDArray[np.float32], n: int) -> Rows:
    """Return a row, and after it the rows of its control that are the most similar to it in the full space.

    All labels of a whole task look alike, so of another task there is one, about the same label where there is, and
    of the row's own task none. Rows of which nothing is known are left out; where nothing is known of the row itself,
    it stands alone.

    Args:
        table: N rows.
        row: one of them.
        vectors: (N, D), the table's.
        n: how many are returned at most.
    """
    first = np.array([row], dtype=np.int64)
    likeness = vectors @ vectors[row]
    is_other = (table.control == table.control[row]) & (likeness != 0)
    is_of_regions = table.controls[table.control[row]].has_regions
    if is_of_regions:
        is_other[row] = False
    else:
        is_other &= table.tasks != table.tasks[row]
    others = np.flatnonzero(is_other)
    n_looked_at = n
    while True:
        found = _most(others, likeness, n_looked_at)
        if not is_of_regions:
            found = _one_a_task(table, row, found)
        if len(found) >= n - 1 or n_looked_at >= len(others):
            return np.concatenate((first, found))[:n]
        n_looked_at *= 8


def _most(rows: Rows, likeness: NDArray[np.float32], n: int) -> Rows:
    """Return the n rows of the greatest likeness, and those that are as like as the last of them, greatest first."""
    if len(rows) > n:
        least = np.partition(likeness[rows], len(rows) - n)[len(rows) - n]
        rows = rows[likeness[rows] >= least]
    return np.asarray(rows[np.lexsort((rows, -likeness[rows]))])


def _one_a_task(table: BoardTable, row: int, found: Rows) -> Rows:
    """Keep of each task the first row that is about the label of `row`, else its first; in the order of `found`."""
    label = table.given[row] if table.given[row] != NONE else table.predicted[row]
    is_about = (table.given[found] == label) | ((table.given[found] == NONE) & (table.predicted[found] == label))
    by_choice = np.lexsort((np.arange(len(found)), ~is_about))
    _, chosen = np.unique(table.tasks[found[by_choice]], return_index=True)
    return np.asarray(found[np.sort(by_choice[chosen])])
