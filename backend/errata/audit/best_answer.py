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
        labels: each with its probability: the likeliest; of tags all that are likely, which may be none, or the
            likeliest of them where the form does not take all.
        score: how sure the belief is of the answer, in [0, 1]: of tags, of the least sure one, given or not.
    """

    labels: Sequence[tuple[str, float]]
    score: float


def best_answer(control: Control, probabilities: NDArray[np.float32], lost: Collection[str] = ()) -> BestAnswer | None:
    """Return the best answer.

    Args:
        control: what is believed about.
        probabilities: (K,) of its labels; of tags each on its own.
        lost: labels that the label config does not have any more. The others' probabilities stay what they were.

    Returns:
        None where the config has none of the labels, or nothing is believed about them (NaN).
    """
    left = [label not in lost for label in control.labels] if lost else None
    if left is not None and not any(left):
        return None
    if control.kind == "tags":
        return _best_tags(control, probabilities, left)
    best = int((probabilities if left is None else np.where(left, probabilities, -1)).argmax())
    if not np.isfinite(probabilities[best]):
        return None
    score = _score(probabilities[best])
    return BestAnswer([(control.labels[best], score)], score)


def _best_tags(control: Control, probabilities: NDArray[np.float32], left: list[bool] | None) -> BestAnswer | None:
    known = probabilities if left is None else probabilities[left]
    if not np.isfinite(known).all():
        return None
    likely = (probabilities >= LIKELY) & (True if left is None else np.array(left))
    best = np.flatnonzero(likely)
    if control.most is not None:
        best = np.sort(best[np.argsort(-probabilities[best], kind="stable")[: control.most]])
    given = [(control.labels[k], _score(probabilities[k])) for k in best]
    return BestAnswer(given, _score(np.maximum(known, 1 - known).min()))


def _score(probability: np.floating | float) -> float:
    return round(min(max(float(probability), 0.0), 1.0), 4)
