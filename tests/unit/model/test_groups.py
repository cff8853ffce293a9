"""Groups that are joined, against a search from item to item."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata_model.groups import join_groups, whole_groups

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


@given(st.lists(st.tuples(st.integers(-3, 9), st.integers(0, 5)), max_size=30))
def test_whole_groups_come_once_each_in_pieces_of_bounded_size(rows: list[tuple[int, int]]) -> None:
    """No piece is larger than asked for but one group alone; none leaves room for the first group of the next."""
    groups, sizes = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    pieces = list(whole_groups(groups, sizes, 7))
    assert sorted(np.concatenate([*pieces, []]).tolist()) == list(range(len(rows)))
    for n, piece in enumerate(pieces):
        assert set(np.flatnonzero(np.isin(groups, groups[piece])).tolist()) == set(piece.tolist())
        assert sizes[piece].sum() <= 7 or len(set(groups[piece].tolist())) == 1
        if n + 1 < len(pieces):
            assert sizes[piece].sum() + sizes[groups == groups[pieces[n + 1][0]]].sum() > 7
