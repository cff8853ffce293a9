"""Which pictures a network must not see: folds of whole groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.records import Region

N_FOLDS = 5


def deal(
    given: Sequence[Sequence[Region]],
    labels: Sequence[str],
    groups: NDArray[np.integer],
    is_labelled: NDArray[np.bool_],
    seed: int,
) -> NDArray[np.int64]:
    """Return each picture's fold, (N,): whole groups, as many as five folds, and labelled pictures in every one.

    Raises:
        ValueError: lengths do not fit, nothing is marked, or labelled pictures are of one group.
    """
    n = len(given)
    if groups.shape != (n,) or is_labelled.shape != (n,) or is_labelled.dtype != np.bool_:
        raise ValueError(f"`groups` and `is_labelled` must be of {n} pictures, one each")
    known = set(labels)
    if not any(region.label in known for row in np.flatnonzero(is_labelled) for region in given[row]):
        raise ValueError("nothing is marked that could be learned")
    numbers = np.unique(groups, return_inverse=True)[1].reshape(-1)
    is_teaching = np.zeros(numbers.max() + 1, dtype=bool)
    is_teaching[numbers[is_labelled]] = True
    n_folds = min(N_FOLDS, int(is_teaching.sum()))
    if n_folds < 2:
        raise ValueError("labelled pictures of at least two groups are needed, so that others are left to learn from")
    shuffled = np.random.default_rng(seed).permutation(len(is_teaching))
    dealt = np.empty(len(is_teaching), dtype=np.int64)
    dealt[shuffled[np.argsort(~is_teaching[shuffled], kind="stable")]] = np.arange(len(is_teaching)) % n_folds
    return np.asarray(dealt[numbers])
