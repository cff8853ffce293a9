"""Pairing regions off."""

import itertools

import numpy as np
from scipy.optimize import linear_sum_assignment

from errata_model.regions.matching import match
from errata_model.regions.overlap import Pairs


def pairs_of(table: np.ndarray) -> Pairs:
    first, second = np.nonzero(table > 0)
    return Pairs(first, second, table[first, second])


def worth_of(table: np.ndarray) -> float:
    """Return what the matching is worth, having seen that nothing is matched twice."""
    pairs = pairs_of(table)
    chosen = match(pairs, pairs.overlap, *table.shape)
    rows = chosen[chosen >= 0]
    assert (pairs.first[rows] == np.flatnonzero(chosen >= 0)).all()
    assert len(np.unique(pairs.second[rows])) == len(rows)
    return float(pairs.overlap[rows].sum())


def test_the_best_whole_beats_the_best_pair():
    """Greedily, 0 would take its better partner and 1 get none."""
    table = np.array([[0.9, 0.8], [0.7, 0.0]])
    assert worth_of(table) == 1.5


def test_no_other_matching_is_worth_more():
    rng = np.random.default_rng(0)
    for _ in range(60):
        table = rng.random((4, 5)) * (rng.random((4, 5)) < rng.random())
        best = max(
            sum(table[row, column] for row, column in enumerate(order)) for order in itertools.permutations(range(5), 4)
        )
        assert np.isclose(worth_of(table), best)


def test_clusters_are_solved_as_if_they_were_alone():
    rng = np.random.default_rng(1)
    tables = [rng.random((3, 4)) * (rng.random((3, 4)) < 0.5) for _ in range(30)]
    whole = np.zeros((90, 120))
    for number, table in enumerate(tables):
        whole[3 * number : 3 * number + 3, 4 * number : 4 * number + 4] = table
    assert np.isclose(worth_of(whole), sum(worth_of(table) for table in tables))


def test_what_is_worth_nothing_is_not_matched():
    pairs = Pairs(np.array([0, 1]), np.array([0, 1]), np.array([0.4, 0.4]))
    assert match(pairs, np.array([0.0, -1.0]), 2, 2).tolist() == [-1, -1]
    nothing = np.zeros(0, dtype=np.int64)
    assert match(Pairs(nothing, nothing, np.zeros(0)), np.zeros(0), 2, 0).tolist() == [-1, -1]


def test_a_large_cluster_is_solved_as_exactly():
    """700 things in a chain, each overlapping the next ones: what the whole table says is what is found without it."""
    rng = np.random.default_rng(2)
    apart = np.arange(700)[:, None] - np.arange(800)
    table = rng.random((700, 800)) * (np.abs(apart) < 4)
    rows, columns = linear_sum_assignment(table, maximize=True)
    assert np.isclose(worth_of(table), table[rows, columns].sum())
