"""The field beside all taggings written out."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from scipy.sparse import csr_array

from errata_model.kinds.spans.crf import fit_field, lay_out, run_chains
from errata_model.kinds.spans.tagging import allowed_tags

LENGTHS = np.array([2, 4, 1, 3])


def _reference_marginals(
    scores: np.ndarray, first: np.ndarray, moves: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, float]:
    """Sum over every tagging of every sequence."""
    marginals, total, start = np.zeros_like(scores), 0.0, 0
    for length in lengths.tolist():
        weights = np.zeros((length, scores.shape[1]))
        for tags in product(range(scores.shape[1]), repeat=length):
            weight = first[tags[0]] * np.prod([moves[pair] for pair in pairwise(tags)])
            weight *= np.exp(scores[np.arange(start, start + length), tags].sum())
            weights[np.arange(length), tags] += weight
        marginals[start : start + length] = weights / weights[0].sum()
        total += np.log(weights[0].sum())
        start += length
    return marginals, float(total)


def test_marginals_are_sums_over_all_taggings() -> None:
    """Forward and backward passes give what writing every tagging out gives, for sequences of several lengths."""
    rng = np.random.default_rng(0)
    allowed_first, allowed_moves = allowed_tags(1)
    scores = rng.normal(0, 3, (LENGTHS.sum(), 3))
    first, moves = np.exp(rng.normal(size=3)) * allowed_first, np.exp(rng.normal(size=(3, 3))) * allowed_moves
    batch = lay_out(LENGTHS)
    chains = run_chains(scores[batch.order], first, moves, batch)
    expected, log_sum = _reference_marginals(scores, first, moves, LENGTHS)
    found = np.empty_like(scores)
    found[batch.order] = chains.marginals
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert chains.log_sum == pytest.approx(log_sum)


def test_extreme_scores_do_not_overflow() -> None:
    """Probabilities stay probabilities."""
    batch = lay_out(np.array([3]))
    chains = run_chains(np.array([[900.0, -900.0], [-900.0, 900.0], [0.0, 0.0]]), np.ones(2), np.ones((2, 2)), batch)
    np.testing.assert_allclose(chains.marginals, [[1, 0], [0, 1], [0.5, 0.5]], atol=1e-12)


def test_what_decides_the_tags_is_learned() -> None:
    """A column that tells the tag, and moves that always follow one another."""
    tags = np.array([1, 2, 0, 0, 1, 0] * 20)
    lengths = np.full(20, 6)
    columns = csr_array((np.ones(len(tags), dtype=np.float32), (np.arange(len(tags)), (tags > 0).astype(int))))
    first, moves = allowed_tags(1)
    field = fit_field(columns, tags, lengths, first, moves, penalty=0.1)
    batch = lay_out(lengths)
    scores = np.asarray(columns @ field.weights, dtype=np.float64)[batch.order]
    found = np.empty((len(tags), 3))
    found[batch.order] = run_chains(scores, np.exp(field.first), np.exp(field.moves), batch).marginals
    assert (found.argmax(axis=1) == tags).mean() > 0.95


def test_time_that_is_up_leaves_what_was_reached() -> None:
    """After the deadline no step is taken but the first."""
    columns = csr_array(np.eye(4, dtype=np.float32))
    first, moves = allowed_tags(1)
    tags, lengths = np.array([0, 1, 2, 0]), np.array([4])
    short = fit_field(columns, tags, lengths, first, moves, penalty=0.01, deadline=0.0)
    long = fit_field(columns, tags, lengths, first, moves, penalty=0.01)
    assert 0 < np.abs(short.weights).max() < np.abs(long.weights).max()
