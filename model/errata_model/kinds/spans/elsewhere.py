"""How the same words are labelled in other texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.spans.features import Hashes

Counts = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Memory:
    """How often each string of tokens has each label.

    Attributes:
        strings: (M,) uint64 hashes, ascending.
        counts: (M, K + 1) of no label and of each.
    """

    strings: Hashes
    counts: Counts

    def recall(self, strings: Hashes) -> Counts:
        """Return (N, J, K + 1) counts for (N, J) strings; zeros for those that were never seen."""
        if len(self.strings) == 0:
            return np.zeros((*strings.shape, self.counts.shape[1]), dtype=np.float32)
        places = np.minimum(np.searchsorted(self.strings, strings), len(self.strings) - 1)
        is_known = self.strings[places] == strings
        return np.where(is_known[..., None], self.counts[places], np.float32(0))


def remember(strings: Hashes, classes: NDArray[np.int64], n_classes: int) -> Memory:
    """Count the classes, (N,), of tokens with (N, J) strings; each string counts for the token it is of."""
    flat, of = np.unique(strings, return_inverse=True)
    counts = np.zeros((len(flat), n_classes), dtype=np.float32)
    np.add.at(counts, (of.reshape(strings.shape), np.broadcast_to(classes[:, None], strings.shape)), 1)
    return Memory(flat, counts)


def recall_elsewhere(
    memory: Memory,
    strings: Hashes,
    classes: NDArray[np.int64],
    groups: NDArray[np.int64],
    is_labelled: NDArray[np.bool_],
) -> Counts:
    """Return (N, J, K + 1) counts in the texts of other groups than the token's own.

    Args:
        memory: of all labelled tokens.
        strings: (N, J) of tokens.
        classes: (N,) of tokens.
        groups: (N,) group of each token's text, from 0.
        is_labelled: (N,) tokens that the memory has.
    """
    counts = memory.recall(strings)
    for j in range(strings.shape[1]):
        _, of = np.unique(strings[:, j], return_inverse=True)
        _, own = np.unique(of.astype(np.int64) * (int(groups.max(initial=0)) + 1) + groups, return_inverse=True)
        within = np.zeros((int(own.max(initial=-1)) + 1, counts.shape[2]), dtype=np.float32)
        np.add.at(within, (own[is_labelled], classes[is_labelled]), 1)
        counts[:, j] -= within[own]
    return counts
