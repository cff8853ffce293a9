"""Groups that are joined, against a search from item to item."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata_model.groups import join_groups

GROUPINGS = st.integers(0, 12).flatmap(lambda n: st.tuples(*[st.lists(st.integers(-5, 5), min_size=n, max_size=n)] * 2))


def _reference_reachable(first: list[int], second: list[int], start: int) -> set[int]:
    reached, border = {start}, [start]
    while border:
        at = border.pop()
        near = {n for n in range(len(first)) if first[n] == first[at] or second[n] == second[at]} - reached
        reached |= near
        border += near
    return reached


@given(GROUPINGS)
def test_who_is_reached_by_either_grouping_shares_a_group(groupings: tuple[list[int], list[int]]) -> None:
    """Transitively, whatever the numbers; numbers of the result begin at 0 and leave none out."""
    first, second = groupings
    joined = join_groups(np.array(first, dtype=np.int64), np.array(second, dtype=np.int64))
    for n in range(len(first)):
        assert set(np.flatnonzero(joined == joined[n]).tolist()) == _reference_reachable(first, second, n)
    assert set(joined.tolist()) == set(range(len(set(joined.tolist()))))


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="got 2 and 3"):
        join_groups(np.zeros(2, dtype=np.int64), np.zeros(3, dtype=np.int64))
