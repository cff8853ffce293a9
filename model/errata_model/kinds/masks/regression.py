"""Logistic regression on few rows, as an array of weights."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NEVER = -50.0  # log-odds of an outcome that was never seen
LEAST_DEVIATION = 0.3  # of a feature: what hardly differs on this project weighs little on another item
_STRENGTH = 10.0  # inverse, of what draws weights to 0


def with_constant(features: Floats) -> Floats:
    """Return features with a column of ones behind."""
    return np.column_stack([features, np.ones(len(features))])


def fit(features: Floats, outcomes: NDArray[np.int64], n_outcomes: int) -> Floats:
    """Return (F + 1, C) weights for log-odds of outcomes, all as likely before; the constant's last.

    Args:
        features: (R, F)
        outcomes: (R,) from 0; those that never were are never expected.
        n_outcomes: C.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - takes a second

    weights = np.zeros((features.shape[1] + 1, n_outcomes))
    there, counts = np.unique(outcomes, return_counts=True)
    weights[-1, np.setdiff1d(np.arange(n_outcomes), there)] = NEVER
    if len(there) > 1:
        mean, deviation = features.mean(axis=0), np.maximum(features.std(axis=0), LEAST_DEVIATION)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged to the last digit
            model = LogisticRegression(C=_STRENGTH, max_iter=300).fit((features - mean) / deviation, outcomes)
        slopes, constants = model.coef_, model.intercept_
        if len(there) == 2:
            slopes, constants = np.concatenate([-slopes, slopes]) / 2, np.concatenate([-constants, constants]) / 2
        weights[:-1, there] = (slopes / deviation).T
        weights[-1, there] = constants - (slopes * (mean / deviation)).sum(axis=1)
    weights[-1, there] -= np.log(counts)
    return weights
