"""An answer among others to the same question: how much speaks against it, and which one is best supported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Heard:
    """What follows for one answer from the others.

    Attributes:
        disagreement: the share of all voices that speaks against it, each as far as its answer differs; in [0, 1].
        best: which of the others is best supported.
        support: the share of all voices that speaks for that one, each as far as its answer is alike; in [0, 1].
        is_outvoted: that one differs, and is supported at least as well.
    """

    disagreement: float
    best: int
    support: float
    is_outvoted: bool


def hear(similarities: NDArray[np.floating], weights: NDArray[np.floating], own: float = 1.0) -> Heard:
    """Weigh the first of some answers to the same question against the others.

    The answer's own voice counts, so that one other person who differs makes it as likely wrong as right, and two who
    agree with each other make it twice as likely wrong. An answer is supported by every voice as far as its answer is
    alike.

    Args:
        similarities: (1 + N, 1 + N) in [0, 1], symmetric: of the answers, the judged one first.
        weights: (N,) at least 0, of the others' voices.
        own: the weight of the judged answer's voice. 1 - w beside a single other voice of weight w makes that one's
            certainty the chance that it is right.

    Raises:
        ValueError: there is no other answer, or the shapes do not agree.
    """
    similar, voices = np.asarray(similarities, dtype=np.float64), np.array([own, *weights], dtype=np.float64)
    if len(voices) < 2 or similar.shape != (len(voices), len(voices)):
        raise ValueError(f"`similarities` must be (1 + N, 1 + N) of N > 0 `weights`, got {similar.shape}")
    total = voices.sum()
    if total <= 0:
        return Heard(0.0, 0, 0.0, False)
    support = similar @ voices / total
    best = 1 + int(support[1:].argmax())
    is_outvoted = bool(similar[0, best] < 1 and support[best] >= support[0])
    against = float(np.clip((1 - similar[0]) @ voices / total, 0, 1))
    return Heard(against, best - 1, float(min(support[best], 1)), is_outvoted)
