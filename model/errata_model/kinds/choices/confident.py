"""Confident learning: how many labels of each class belong to which other class, and which ones those are.

Arrays as in `scoring`: `given` is (N,) int, `predicted` is (N, K) out-of-sample probabilities.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.blocks import Given, Predicted, blocks, check_given
from errata_model.kinds.choices.scoring import mean_by_class, self_confidence

_SLACK = 1e-6  # below a threshold that counts as reaching it: means are rounded


def confident_thresholds(given: Given, predicted: Predicted) -> NDArray[np.float64]:
    """Return how probable each class must be for a row to count as of that class: its mean self-confidence.

    Returns:
        (K,) in [0, 1]; infinite for a class without labels, which no row reaches.

    Raises:
        ValueError: as `label_quality`.

    Source:
        Northcutt et al., "Confident Learning", JAIR 2021, equation 2.
    """
    given, predicted = check_given(given, predicted)
    means = mean_by_class(given, self_confidence(given, predicted), predicted.shape[1])
    return np.where(np.isnan(means), np.inf, means)


def confident_counts(given: Given, predicted: Predicted) -> NDArray[np.int64]:
    """Count the rows that are confidently of a class, by their given label.

    A row counts for the class whose threshold it reaches; for its likeliest class where it reaches several; not at
    all where it reaches none.

    Returns:
        (K, K), given labels by confident ones.

    Raises:
        ValueError: as `label_quality`.

    Source:
        Northcutt et al., equation 1; of several classes the likeliest of all, as cleanlab counts, where the paper has
        the likeliest among them.
    """
    given, predicted = check_given(given, predicted)
    n_classes = predicted.shape[1]
    thresholds = confident_thresholds(given, predicted) - _SLACK
    cells = np.full(len(given), -1)
    for block in blocks(given, predicted):
        is_reached = block.rows >= thresholds
        n_reached = np.count_nonzero(is_reached, axis=1)
        found = np.where(n_reached > 1, block.rows.argmax(axis=1), is_reached.argmax(axis=1))
        cells[block.where] = np.where(n_reached > 0, block.given * n_classes + found, -1)
    return np.bincount(cells[cells >= 0], minlength=n_classes**2).reshape(n_classes, n_classes)


def confident_joint(given: Given, predicted: Predicted) -> NDArray[np.float64]:
    """Estimate how many of all rows have each pair of given and right label.

    The confident counts, at least 1 on the diagonal, each row scaled to how often the label was given.

    Returns:
        (K, K) at least 0, given labels by right ones; row sums are the counts of the given labels. What is beside
        the diagonal adds up to the estimated number of wrong labels.

    Raises:
        ValueError: as `label_quality`.

    Source:
        Northcutt et al., equation 3, before its division by N.
    """
    given, predicted = check_given(given, predicted)
    joint = confident_counts(given, predicted).astype(np.float64)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    joint *= (np.bincount(given, minlength=len(joint)) / joint.sum(axis=1))[:, None]
    return joint


def find_label_errors(given: Given, predicted: Predicted) -> NDArray[np.bool_]:
    """Flag the labels that are likely wrong ("prune by noise rate").

    Of each pair of given and other class as many rows as the confident joint estimates: those where the other class
    leads most, with all that lead as much as the last of them, so that flags permute with the rows. A label that no
    other class leads is never flagged, nor is the only label of a class.

    Returns:
        (N,) bool.

    Raises:
        ValueError: as `label_quality`.

    Source:
        Northcutt et al., section 3.2, method 4.
    """
    given, predicted = check_given(given, predicted)
    joint = confident_joint(given, predicted)
    is_wrong = np.zeros(len(given), dtype=np.bool_)
    by_class = np.argsort(given, kind="stable")
    ends = np.cumsum(np.bincount(given, minlength=len(joint)))
    for label, rows in enumerate(np.split(by_class, ends[:-1]) if len(joint) else []):
        n_wrong = _round_keeping_sum(joint[label]) if len(rows) > 1 else np.zeros(len(joint), dtype=np.int64)
        n_wrong[label] = 0
        own = predicted[rows, label]
        for other in np.flatnonzero(n_wrong):
            lead = predicted[rows, other] - own
            least = np.partition(lead, len(rows) - n_wrong[other])[len(rows) - n_wrong[other]]
            is_wrong[rows[(lead >= least) & (lead > 0)]] = True
    return is_wrong


def _round_keeping_sum(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round to integers with the same sum: up where most is cut off, the first among equals."""
    whole = np.floor(values + 1e-9)
    n_up = round(float((values - whole).sum()))
    whole[np.argsort(whole - values, kind="stable")[:n_up]] += 1
    return whole.astype(np.int64)
