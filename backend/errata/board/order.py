"""In which order labels are shown. It depends on the table alone: a verdict moves nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata.board.table import NONE, BoardTable

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


def similar(table: BoardTable, row: int, vectors: NDArray[np.float32], n: int) -> tuple[Rows, int]:
    """Return a row, and after it the rows of its control that are the most similar to it in the full space.

    Rows of which nothing is known are left out; where nothing is known of the row itself, it stands alone.

    Args:
        table: N rows.
        row: one of them.
        vectors: (N, D), the table's.
        n: how many are returned at most.

    Returns:
        The rows, and how many there are with those that were cut off.
    """
    first = np.array([row], dtype=np.int64)
    if not vectors[row].any():
        return first[:n], 1
    likeness = vectors @ vectors[row]
    others = np.flatnonzero((table.control == table.control[row]) & (likeness != 0))
    others = others[others != row]
    total = len(others) + 1
    if len(others) > n:
        least = np.partition(likeness[others], len(others) - n)[len(others) - n]
        others = others[likeness[others] >= least]
    return np.concatenate((first, others[np.lexsort((others, -likeness[others]))]))[:n], total
