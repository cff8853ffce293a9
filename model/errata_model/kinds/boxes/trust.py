"""What a detector's scores are worth: how often people mark what it says so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAME = 0.5  # overlap from which a found box is a marked one
_FEWEST = 30  # boxes of either sort, to learn from
_LEAST = 1e-6


def is_marked(
    corners: Floats, classes: NDArray[np.int64], marked_corners: Floats, marked_classes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which boxes found on one picture are marked there, (R,).

    Args:
        corners: (R, 4) x0, y0, x1, y1 of what was found, best first: each takes the marked box of its class, not taken
            yet, that it overlaps most, as detection benchmarks have it.
        classes: (R,).
        marked_corners: (M, 4) in the same unit.
        marked_classes: (M,).
    """
    low = np.maximum(corners[:, None, :2], marked_corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], marked_corners[None, :, 2:])
    common = np.maximum(high - low, 0).prod(axis=2)
    areas = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (corners, marked_corners)]
    overlap = common / np.maximum(areas[0][:, None] + areas[1][None] - common, _LEAST**2)
    overlap[(classes[:, None] != marked_classes[None]) | (overlap < SAME)] = 0
    found = np.zeros(len(corners), dtype=bool)
    for row in np.flatnonzero(overlap.any(axis=1)).tolist():
        best = int(overlap[row].argmax())
        if overlap[row, best] > 0:
            found[row] = True
            overlap[:, best] = 0
    return found


def learn_trust(said: Floats, quality: Floats, marked: NDArray[np.bool_]) -> Floats:
    """Learn by logistic regression how probably people mark what is found.

    Args:
        said: (R,) probability of its class, as a detector says that was not shown the picture.
        quality: (R,) how well its box fits, in [0, 1], likewise.
        marked: (R,) of `is_marked`.

    Returns:
        (3,) weights of the two log-odds and a constant; empty where there is too little to learn from.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - takes long

    if min(int(marked.sum()), int((~marked).sum())) < _FEWEST:
        return np.zeros(0)
    model = LogisticRegression(C=100.0).fit(np.column_stack((_log_odds(said), _log_odds(quality))), marked)
    return np.append(model.coef_[0], model.intercept_[0])


def trust(said: Floats, quality: Floats, weights: Floats) -> Floats:
    """Return scores, (R,) in [0, 1]: by weights of `learn_trust`, or the product where there are none."""
    if not len(weights):
        return said * quality
    odds = _log_odds(said) * weights[0] + _log_odds(quality) * weights[1] + weights[2]
    return np.asarray(1 / (1 + np.exp(-odds)))


def _log_odds(values: Floats) -> Floats:
    inside = np.clip(values, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(inside / (1 - inside)))
