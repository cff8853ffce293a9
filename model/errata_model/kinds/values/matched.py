"""How similar two collections are whose members correspond in no known way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def matched_similarity(
    one: Sequence[T], other: Sequence[T], alike: Callable[[T, T], float], weigh: Callable[[T], float]
) -> float:
    """Return how similar two collections are under the best matching of their members, in [0, 1].

    Sum of `alike` times the weights of both over the pairs that are matched, by the weights of all members: a member
    that is left over counts as one that has nothing in common with any. The Dice coefficient where members are either
    equal or not, and all of one weight.

    Args:
        one: members in any order.
        other: likewise.
        alike: similarity of two members in [0, 1], symmetric.
        weigh: how much a member counts, above 0.

    Returns:
        1 where both are empty, 0 where one of them is.
    """
    total = sum(map(weigh, one)) + sum(map(weigh, other))
    if not one or not other:
        return 1.0 if not one and not other else 0.0
    gains = np.array([[alike(a, b) * (weigh(a) + weigh(b)) for b in other] for a in one], dtype=np.float64)
    return float(min(1.0, sum(gains[pair] for pair in best_pairs(gains)) / total))


def best_pairs(gains: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return (row, column) of the pairs whose gains are the most in all, each row and column once.

    Args:
        gains: (rows, columns), 0 or more; pairs that gain nothing are none.
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415  slow to import

    rows, columns = linear_sum_assignment(gains, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if gains[row, column] > 0]
