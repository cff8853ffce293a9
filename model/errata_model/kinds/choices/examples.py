"""What every learner of single choice learns from, in canonical order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HALVES = (0, 1)
N_FOLDS = 5
UNLABELLED = 2  # the part of rows whose group has no label, beside the halves

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Examples:
    """Labels, and which of them must not vouch for one another.

    Attributes:
        targets: (N, K) rows that sum to 1, zeros where there is no label.
        groups: (N,) rows of one group are believed about without one another's labels.
        ranks: (N,) the place of the row's group among those with a label, -1 where it has none. Groups of equal
            content share a place.
    """

    targets: Floats
    groups: NDArray[np.int64]
    ranks: NDArray[np.int64]

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Say which rows can be learned from: (N,)."""
        return np.asarray(self.targets.any(axis=1))

    @property
    def parts(self) -> NDArray[np.int64]:
        """Return (N,) the half of each row's group, UNLABELLED where it has no label."""
        return np.where(self.ranks < 0, UNLABELLED, self.ranks % 2)

    @property
    def folds(self) -> NDArray[np.int64]:
        """Return (N,) the fold of each row's group, -1 where it has no label. Every half has rows of every fold."""
        return np.where(self.ranks < 0, -1, self.ranks % N_FOLDS)

    def take(self, rows: NDArray[np.integer]) -> Examples:
        """Return some of the rows."""
        return Examples(self.targets[rows], self.groups[rows], self.ranks[rows])


def check_groups(groups: NDArray[np.integer], n: int) -> NDArray[np.int64]:
    """Return the groups of n rows as (n,) int64.

    Raises:
        ValueError: they are not (n,) integers.
    """
    members = np.asarray(groups)
    if members.shape != (n,) or not np.issubdtype(members.dtype, np.integer):
        raise ValueError(f"`groups` must be ({n},) integers, got {members.shape} {members.dtype}")
    return members.astype(np.int64)
