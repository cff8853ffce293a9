import numpy as np
import pytest

from errata_model.map.confusion import block_order


def confused(groups, n_labels, rng):
    """Counts in which the labels of a group are taken for one another, and others now and then by chance."""
    counts = rng.poisson(0.05, (n_labels, n_labels)) + np.diag(rng.integers(80, 120, n_labels))
    for group in groups:
        counts[np.ix_(group, group)] += rng.integers(5, 15, (len(group), len(group)))
    return counts


def test_blocks_show():
    """Labels that are taken for one another stand together, and a block begins with each group; those that are taken
    for none stand together, too. Whatever order the labels come in, the groups are the same."""
    rng = np.random.default_rng(2)
    groups = [[0, 7, 12], [3, 4], [9, 1, 15, 18]]
    counts = confused(groups, 20, rng)
    for shuffle in (np.arange(20), rng.permutation(20)):
        order, starts = block_order(counts[np.ix_(shuffle, shuffle)])
        np.testing.assert_array_equal(np.sort(order), np.arange(20))
        assert starts[0] == 0
        blocks = [set(shuffle[part].tolist()) for part in np.split(order, starts[1:])]
        for group in groups:
            assert set(group) in blocks
        assert len(blocks) <= 2 * len(groups) + 1


def test_one_way_is_enough():
    """A label that is often believed another one stands beside it, though never the other way round."""
    counts = np.diag([50] * 6)
    counts[0, 5] = 20
    order, starts = block_order(counts)
    assert abs(int(np.flatnonzero(order == 0)[0]) - int(np.flatnonzero(order == 5)[0])) == 1
    assert {0, 5} in [set(part.tolist()) for part in np.split(order, starts[1:])]


@pytest.mark.parametrize("n", [0, 1, 2])
def test_very_few_labels(n):
    """They stay as they are."""
    order, starts = block_order(np.ones((n, n), dtype=int))
    np.testing.assert_array_equal(order, np.arange(n))
    np.testing.assert_array_equal(starts, [0][:n])


def test_no_square_is_refused():
    """The shape is named."""
    with pytest.raises(ValueError, match=r"must be \(K, K\), got \(2, 3\)"):
        block_order(np.ones((2, 3), dtype=int))
