"""A number that somebody else measured of each task, and what it holds against the task's labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from errata.audit.detectors.scene import Scene, Signal

FIRES_AT = 0.5
USUAL_SPREADS = 4.0
_FEWEST = 20  # values; of fewer there is no telling what is usual


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of numbers, higher meaning more suspicious. It speaks against the tags that a task has, not for others.

    A column whose values all lie in [0, 1] holds scores as they are. Of any other column the score is z / (z + 4), z
    being how many robust standard deviations a value is above the column's median; 0 below it. Either fires from 0.5.

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
        is_score = bool(column.min() >= 0 and column.max() <= 1)
        if not is_score and len(column) < _FEWEST:
            return {}
        median = float(np.median(column))
        above = column[column > median] - median
        spread = 1.4826 * float(np.median(above)) if len(above) else 0.0
        found = {}
        for n, label in enumerate(scene.labels):
            value = self.values.get(label.task_id, median)
            score = value if is_score else _score((value - median) / spread if spread else 0.0)
            if score >= FIRES_AT and label.task_id in self.values and label.label is not None:
                usual = "" if is_score else f", where {median:.4g} is usual"
                found[n] = Signal(score, f"{self.name.removeprefix('metric:')} is {value:.4g}{usual}.")
        return found


def _score(spreads: float) -> float:
    return max(spreads, 0.0) / (max(spreads, 0.0) + USUAL_SPREADS)
