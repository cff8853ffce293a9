import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from errata_model.map.order import similarity_order


def step(rows, order):
    """The mean distance of those that stand side by side."""
    return float(np.linalg.norm(np.diff(rows[order], axis=0), axis=1).mean())


def main_direction(rows):
    _, _, directions = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return np.argsort(rows @ directions[0])


@pytest.mark.parametrize("name", ["digits", "crowd"])
def test_like_stands_beside_like(name, request):
    """Neighbours are little farther apart than an item's nearest of all, where a line along the main direction is
    hardly better than chance; every item is there once, and again in the same place."""
    found = request.getfixturevalue(name)
    rows = found[0] if name == "digits" else found
    order = similarity_order(rows)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(rows)))
    np.testing.assert_array_equal(order, similarity_order(rows.copy()))
    similar = rows @ rows.T
    np.fill_diagonal(similar, -1)
    nearest = float(np.sqrt(2 - 2 * similar.max(axis=1)).mean())
    chance = step(rows, np.random.default_rng(0).permutation(len(rows)))
    assert step(rows, order) < 1.35 * nearest
    assert step(rows, order) < 0.65 * min(chance, step(rows, main_direction(rows)))


def test_the_same_stands_together(crowd):
    """Many copies of a few items, more than are ordered at once, and single ones between them: copies are neighbours,
    in the order in which they came."""
    rng = np.random.default_rng(1)
    which = rng.permutation(np.concatenate([np.repeat(np.arange(3), 700), np.arange(3, 203)]))
    order = similarity_order(crowd[which])
    for copy in range(3):
        places = np.flatnonzero(which[order] == copy)
        np.testing.assert_array_equal(np.diff(places), 1)
        assert (np.diff(order[places]) > 0).all()


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 9), st.integers(0, 3)), elements=st.floats(-1e3, 1e3, width=32)))
def test_few_rows_of_any_sort(rows):
    """Also of none, of no columns, and of equal rows every one is there once."""
    np.testing.assert_array_equal(np.sort(similarity_order(rows)), np.arange(len(rows)))


def test_what_is_no_table_is_refused():
    """The shape is named."""
    with pytest.raises(ValueError, match=r"must be \(N, D\), got \(3,\)"):
        similarity_order(np.zeros(3, dtype=np.float32))
