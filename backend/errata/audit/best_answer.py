"""What the belief itself would answer, for predictions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errata_model.records import Control

LIKELY = 0.5  # a tag with this probability or more is given


@dataclass(frozen=True, slots=True)
class BestAnswer:
    """What the belief would answer a control with.

    Attributes:
        labels: each with its probability: the likeliest; of tags all that are likely, which may be none.
        score: how sure the belief is of the answer, in [0, 1]: of tags, of the least sure one, given or not.
    """

    labels: Sequence[tuple[str, float]]
    score: float


def best_answer(
    control: Control, probabilities: NDArray[np.float32], has: Collection[str] | None = None
) -> BestAnswer | None:
    """Return the best answer.

    Args:
        control: what is believed about.
        probabilities: (K,) of its labels; of tags each on its own.
        has: the labels that the label config still has; None: all. Probabilities stay what they were.

    Returns:
        None where the config has none of the labels, or nothing is believed about one (NaN).
    """
    left = [k for k, label in enumerate(control.labels) if has is None or label in has]
    if not left or not np.isfinite(probabilities[left]).all():
        return None
    if control.kind == "tags":
        sure = [max(float(probabilities[k]), 1.0 - float(probabilities[k])) for k in left]
        given = [k for k in left if probabilities[k] >= LIKELY]
        return BestAnswer([(control.labels[k], _score(probabilities[k])) for k in given], _score(min(sure)))
    best = max(left, key=lambda k: float(probabilities[k]))
    score = _score(probabilities[best])
    return BestAnswer([(control.labels[best], score)], score)


def _score(probability: np.floating | float) -> float:
    return round(min(max(float(probability), 0.0), 1.0), 4)
