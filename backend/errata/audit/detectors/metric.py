"""A number that somebody else measured of each task, and what it holds against the task's labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata.audit.detectors.scene import Scene, Signal

P_WRONG = "metric:p_wrong"  # the column that holds what others estimate of what errata calibrates by that name
FIRES_AT = 0.5
USUAL_SPREADS = 4.0
EXTREME = 0.05  # of the values: more are not told, however far they lie, or a long tail would fill the queue
_FURTHEST = 1e9  # standard deviations, of which no more are counted
_FEWEST = 20  # values; of fewer there is no telling what is usual


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of numbers, higher meaning more suspicious. It speaks against the tags that a task has, not for others.

    A column called `p_wrong` whose values all lie in [0, 1] holds scores as they are. Of any other column the score is
    z / (z + 4), z being how many robust standard deviations a value is above the column's median; 0 below it, and of
    all but the highest 5 % of the values. Where values all lie in [0, 1] it is no higher than the value, so that shares
    near 0 are told by no distance among them. Where there are two values alone the higher one is a flag and scores 0.5.
    It fires from 0.5.

    Attributes:
        name: `metric:` and the column.
        control: whose labels it speaks about.
        values: task id -> number, finite.
    """

    name: str
    control: str
    values: Mapping[int, float]

    def detect(self, scene: Scene) -> Mapping[int, Signal]:
        """See `Detector.detect`. Says nothing about tasks without a number."""
        if scene.belief.control.name != self.control or not self.values:
            return {}
        column = np.array(list(self.values.values()))
        lies_within = bool(column.min() >= 0 and column.max() <= 1)
        is_score = lies_within and self.name == P_WRONG
        scores = column if is_score else _scores(column, lies_within)
        score_of = dict(zip(self.values, scores.tolist(), strict=True))
        usual = "" if is_score else f", where {np.median(column):.4g} is usual"
        found = {}
        for n, label in enumerate(scene.labels):
            score = score_of.get(label.task_id, 0.0)
            if score >= FIRES_AT and label.label is not None:
                value = self.values[label.task_id]
                found[n] = Signal(score, f"{self.name.removeprefix('metric:')} is {value:.4g}{usual}.")
        return found


def _scores(column: NDArray[np.float64], lies_within: bool) -> NDArray[np.float64]:
    """Return (N,) scores in [0, 1] of N numbers; see `Metric`."""
    median = float(np.median(column))
    above = column[column > median] - median
    if len(column) < _FEWEST or not len(above):
        return np.zeros(len(column))
    n_as_high = len(column) - np.searchsorted(np.sort(column), column, "left")
    is_extreme = n_as_high <= EXTREME * len(column)
    if len(np.unique(column)) == 2:
        return np.where(is_extreme, FIRES_AT, 0.0)
    with np.errstate(over="ignore"):
        spreads = np.minimum(np.maximum(column - median, 0) / (1.4826 * float(np.median(above))), _FURTHEST)
    scores = spreads / (spreads + USUAL_SPREADS)
    return np.where(is_extreme, np.minimum(scores, column) if lies_within else scores, 0.0)
