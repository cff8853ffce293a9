"""How similar two orders of items are, each perhaps sorted into buckets first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

Ranking = Mapping[str, Sequence[str]]  # bucket -> items, best first


def ranking_similarity(one: Ranking, other: Ranking) -> float:
    """Return the share of items in the same bucket, times the share of pairs of these that stand in the same order.

    Pairs are counted within buckets. Without buckets it is (tau + 1) / 2 of Kendall's rank correlation where both hold
    the same items.

    Returns:
        In [0, 1]; 1 where both hold nothing.

    Source:
        Kendall, "A new measure of rank correlation", Biometrika 30, 1938.
    """
    left, right = _places(one), _places(other)
    items = left.keys() | right.keys()
    if not items:
        return 1.0
    together = sorted(item for item in left.keys() & right.keys() if left[item][0] == right[item][0])
    pairs = [
        (left[a][1] < left[b][1]) == (right[a][1] < right[b][1])
        for a, b in combinations(together, 2)
        if left[a][0] == left[b][0]
    ]
    in_order = sum(pairs) / len(pairs) if pairs else 1.0
    return len(together) / len(items) * in_order


def _places(ranking: Ranking) -> dict[str, tuple[str, int]]:
    return {item: (bucket, n) for bucket, items in ranking.items() for n, item in enumerate(items)}
