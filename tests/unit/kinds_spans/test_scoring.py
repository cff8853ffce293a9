"""Scores of tokens and spans as pure functions."""

from __future__ import annotations

import numpy as np
import pytest
from cleanlab.token_classification.rank import get_label_quality_scores

from errata_model.kinds.spans.scoring import span_quality, token_quality, worst_token_quality


def test_the_worst_token_is_cleanlabs() -> None:
    """The oracle is cleanlab's token_classification.rank with its defaults; a text without tokens is beyond doubt."""
    rng = np.random.default_rng(0)
    lengths = np.array([3, 0, 1, 7])
    probabilities = rng.dirichlet(np.ones(4), int(lengths.sum()))
    given = rng.integers(0, 4, len(probabilities))
    ends = np.cumsum(lengths)
    parts = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True) if length]
    expected = get_label_quality_scores(
        [given[part].tolist() for part in parts], [probabilities[part] for part in parts]
    )
    found = worst_token_quality(given, probabilities, lengths)
    np.testing.assert_allclose(found[lengths > 0], expected[0])
    assert found[1] == 1


def test_a_spans_quality_is_the_geometric_mean_over_its_tokens() -> None:
    """Of one token it is its probability; one impossible token makes it 0."""
    probabilities = np.array([[0.1, 0.9], [0.6, 0.4], [1.0, 0.0]])
    found = span_quality(np.array([1, 1, 1]), probabilities, np.array([0, 0, 1]), np.array([1, 2, 3]))
    np.testing.assert_allclose(found, [0.9, 0.6, 0.0])


def test_no_tokens_and_no_spans() -> None:
    """Nothing in, nothing out."""
    none = np.zeros(0, dtype=np.int64)
    assert len(worst_token_quality(none, np.zeros((0, 3)), none)) == 0
    assert len(span_quality(none, np.zeros((0, 3)), none, none)) == 0


def test_arrays_that_do_not_fit_are_refused() -> None:
    """Errors say what was wanted."""
    probabilities = np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match=r"`given` must be in 0\.\.2"):
        token_quality(np.array([0, 3]), probabilities)
    with pytest.raises(ValueError, match=r"must be \(T,\)"):
        token_quality(np.array([0]), probabilities)
    with pytest.raises(ValueError, match="sum to 2"):
        worst_token_quality(np.array([0, 1]), probabilities, np.array([1]))
    with pytest.raises(ValueError, match="must have tokens"):
        span_quality(np.array([1]), probabilities, np.array([1]), np.array([1]))
