"""How often each tag is given, without the labels of a row's own group, and scores as deviations from it.

A ridge regression without an intercept falls back on 0 where it knows nothing; a tag should fall back on its base rate
c. What is fitted to targets is linear in them, so no base rate need be known before: with t what was fitted to the tag
and u what was fitted to a column of ones, t - c u is what would have been fitted to the tag minus c.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.examples import Examples, Floats


def with_ones(targets: Floats, is_labelled: NDArray[np.bool_]) -> Floats:
    """Return (N, K + 1): the targets, and a column of ones; rows of zeros where there is no label."""
    return np.asarray(np.column_stack((targets, np.ones(len(targets)))) * is_labelled[:, None])


def overall_rates(examples: Examples) -> Floats:
    """Return (K,) how often each tag is given: (n_given + 1/2) / (n + 1), inside (0, 1)."""
    totals = examples.targets.sum(axis=0)
    return np.asarray((totals[:-1] + 0.5) / (totals[-1] + 1))


def rates_of_others(examples: Examples, pools: NDArray[np.integer] | None = None) -> Floats:
    """Return (N, K) how often each tag is given in other groups of a row's pool; all rows are one pool by default."""
    pool_of = (
        np.zeros(len(examples.groups), dtype=np.int64) if pools is None else np.unique(pools, return_inverse=True)[1]
    )
    _, group_of = np.unique(examples.groups, return_inverse=True)
    of_pools = np.zeros((int(pool_of.max(initial=0)) + 1, examples.targets.shape[1]))
    of_groups = np.zeros((int(group_of.max(initial=0)) + 1, examples.targets.shape[1]))
    np.add.at(of_pools, pool_of, examples.targets)
    np.add.at(of_groups, group_of, examples.targets)
    others = np.maximum(of_pools[pool_of] - of_groups[group_of], 0)
    return np.asarray((others[:, :-1] + 0.5) / (others[:, -1:] + 1))


def deviations(scores: Floats, rates: Floats) -> Floats:
    """Return (N, K) what would have been fitted to the tags minus their base rates.

    Args:
        scores: (N, K + 1) what was fitted to tags and ones, all of them minus 1 / (K + 1), as learners of single
            choice centre targets.
        rates: (N, K) or (K,).
    """
    n_columns = scores.shape[1]
    of_ones = scores[:, -1:] * (n_columns / max(n_columns - 1, 1))  # the column of ones was 1 - 1 / (K + 1) of itself
    return np.asarray(scores[:, :-1] + of_ones * (1 / n_columns - rates))
