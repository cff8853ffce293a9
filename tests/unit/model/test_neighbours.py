import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from errata_model import neighbours
from errata_model.neighbours import nearest_neighbours


def _reference_sklearn(rows, k, groups):
    pairwise = pytest.importorskip("sklearn.metrics.pairwise")
    similar = pairwise.cosine_similarity(rows)
    similar[groups[:, None] == groups[None]] = -np.inf
    return np.sort(similar, axis=1)[:, ::-1][:, :k]


def test_neighbours_are_exact():
    """_reference_sklearn: the same similarities, and indices that have them, none of the own group."""
    rng = np.random.default_rng(0)
    rows, groups = rng.normal(size=(80, 6)).astype(np.float32), rng.integers(0, 30, 80)
    indices, similarities = nearest_neighbours(rows, 7, groups)
    np.testing.assert_allclose(similarities, _reference_sklearn(rows, 7, groups), atol=1e-5)
    assert (groups[indices] != groups[:, None]).all()
    assert indices.dtype == np.int64
    assert similarities.dtype == np.float32


def test_blocks_make_no_difference():
    """More rows than one block holds give what single rows give."""
    rng = np.random.default_rng(1)
    n = int(neighbours._BLOCK_CELLS**0.5) + 200
    rows = rng.normal(size=(n, 3)).astype(np.float32)
    _, similarities = nearest_neighbours(rows, 3, np.arange(n))
    for row in (0, n // 2, n - 1):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        expected = np.sort(np.delete(unit @ unit[row], row))[::-1][:3]
        np.testing.assert_allclose(similarities[row], expected, atol=1e-5)


def test_too_few_others_are_padded():
    """-1 and 0 stand where there is nobody."""
    indices, similarities = nearest_neighbours(np.eye(3, dtype=np.float32), 4, np.array([0, 0, 1]))
    np.testing.assert_array_equal(indices, [[2, -1, -1, -1], [2, -1, -1, -1], [0, 1, -1, -1]])
    np.testing.assert_array_equal(similarities, np.zeros((3, 4)))
    indices, _ = nearest_neighbours(np.zeros((0, 5)), 2, np.zeros(0, dtype=int))
    assert indices.shape == (0, 2)


@settings(max_examples=50, deadline=None)
@given(
    rows=hnp.arrays(
        np.float32,
        st.tuples(st.integers(0, 12), st.integers(1, 3)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_hostile_finite_embeddings(rows):
    """Similarities of zeros, of the smallest and of the largest floats are in [-1, 1]."""
    indices, similarities = nearest_neighbours(rows, 3, np.arange(len(rows)))
    assert np.isfinite(similarities).all()
    assert (np.abs(similarities) <= 1).all()
    assert (indices != np.arange(len(rows))[:, None]).all()


def test_wrong_use_is_refused():
    """In words that name the array or the row."""
    with pytest.raises(ValueError, match="row 1"):
        nearest_neighbours(np.array([[1.0], [np.nan]]), 1, np.arange(2))
    with pytest.raises(ValueError, match="`k`"):
        nearest_neighbours(np.eye(2), 0, np.arange(2))
    with pytest.raises(ValueError, match="`groups`"):
        nearest_neighbours(np.eye(2), 1, np.arange(3))
