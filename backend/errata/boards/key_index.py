"""Finds rows by their keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errata.boards.table import NONE


class KeyIndex:
    """Where each key of a table is.

    Args:
        keys: (N,) bytes, each once.
    """

    def __init__(self, keys: NDArray[np.bytes_]) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def rows(self, keys: Sequence[str]) -> NDArray[np.int64]:
        """Return (n,) the keys' rows, NONE for those that are not there."""
        asked = np.array([key.encode() for key in keys], dtype=np.bytes_)
        if not len(self._sorted) or not len(asked):
            return np.full(len(asked), NONE, dtype=np.int64)
        at = np.minimum(np.searchsorted(self._sorted, asked), len(self._sorted) - 1)
        return np.where(self._sorted[at] == asked, self._order[at], NONE)
