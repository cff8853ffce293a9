"""How well predicted probabilities support given labels of single choice: pure functions.

Everywhere: `given` is (N,) int, the column of the given label; `predicted` is (N, K) out-of-sample probabilities,
rows sum to 1. Low is bad. No rows in, no rows out. What is not a probability is an error, never a score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Given = NDArray[np.integer]
Predicted = NDArray[np.floating]
Quality = NDArray[np.float64]

_SUM_TOLERANCE = 1e-3


def label_quality(given: Given, predicted: Predicted) -> Quality:
    """Return how well the belief supports the given label: what an audit ranks by. It is `self_confidence`.

    Of the scores that need no other row, and so are comparable over audits, it ranked real errors best in our trials
    (photographs, handwriting; `benchmarks/find.py`): the margin, which spares labels that merely share their
    probability with several others, lost .08 to .12 of average precision.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: shapes do not agree, or a row is no probability distribution; names the row.
    """
    return self_confidence(given, predicted)


def self_confidence(given: Given, predicted: Predicted) -> Quality:
    """Return the probability of the given label.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: shapes do not agree, or a row is no probability distribution; names the row.

    Source:
        Northcutt et al., "Confident Learning", JAIR 2021, section 3.
    """
    rows = _check(given, predicted)
    return np.asarray(rows[np.arange(len(rows)), given])


def margin(given: Given, predicted: Predicted) -> Quality:
    """Return the normalized margin: (p_given - largest other p + 1) / 2.

    Returns:
        (N,) in [0, 1]; below 0.5 where another label is likelier. With one class alone, 1.

    Raises:
        ValueError: as `self_confidence`.

    Source:
        Northcutt et al., "Confident Learning", JAIR 2021, section 3.
    """
    rows = _check(given, predicted)
    supported = rows[np.arange(len(rows)), given]
    return np.asarray((supported - _largest_other(rows, given) + 1) / 2)


def adjusted_self_confidence(given: Given, predicted: Predicted) -> Quality:
    """Return self-confidence after each class is brought to the same mean confidence.

    From every column the mean self-confidence of the rows that were given that class is subtracted, the largest such
    mean is added, and rows are made to sum to 1 again. A class that the model is shy about is then not suspected
    as a whole. The result depends on the other rows: not comparable over audits.

    Returns:
        (N,) in [0, 1].

    Raises:
        ValueError: as `self_confidence`.

    Source:
        Kuan and Mueller, "Model-agnostic label quality scoring to detect real-world label errors", 2022, section 3.
    """
    rows = _check(given, predicted)
    if not len(rows):
        return np.zeros(0)
    n_given = np.bincount(given, minlength=rows.shape[1])
    supported = rows[np.arange(len(rows)), given]
    sums = np.bincount(given, weights=supported, minlength=rows.shape[1])
    means = np.divide(sums, n_given, out=np.zeros_like(sums), where=n_given > 0)
    means[n_given == 0] = means[n_given > 0].max()  # of a class without labels nothing is known
    shifted = rows - means + means.max()
    return np.asarray(shifted[np.arange(len(rows)), given] / shifted.sum(axis=1))


def _largest_other(rows: Quality, given: Given) -> Quality:
    others = rows.copy()
    others[np.arange(len(rows)), given] = -1
    return np.asarray(np.maximum(others.max(axis=1, initial=-1), 0))


def _check(given: Given, predicted: Predicted) -> Quality:
    given = np.asarray(given)
    rows = np.asarray(predicted, dtype=np.float64)
    if rows.ndim != 2 or given.shape != rows.shape[:1]:
        raise ValueError(f"`given` must be (N,) and `predicted` (N, K), got {given.shape} and {rows.shape}")
    if len(rows) and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"`given` must hold integers, got {given.dtype}")
    with np.errstate(invalid="ignore", over="ignore"):
        is_distribution = (
            np.isfinite(rows).all(axis=1)
            & (rows >= -_SUM_TOLERANCE).all(axis=1)
            & (np.abs(rows.sum(axis=1) - 1) <= _SUM_TOLERANCE)
        )
    if not is_distribution.all():
        row = int(np.argmin(is_distribution))
        raise ValueError(f"`predicted` must have finite rows >= 0 that sum to 1, row {row} is {rows[row].tolist()}")
    is_column = (given >= 0) & (given < rows.shape[1])
    if not is_column.all():
        row = int(np.argmin(is_column))
        raise ValueError(f"`given` must be columns of `predicted`, row {row} is {given[row]} of {rows.shape[1]}")
    return np.clip(rows, 0, 1)
