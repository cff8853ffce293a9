import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse

from errata_model import neighbours
from errata_model.inverted_file import build, search
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


def alike(n, width, seed):
    """Rows as encoders make them: of few directions, in clusters."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(40, 8))[rng.integers(0, 40, n)] + 0.6 * rng.normal(size=(n, 8))
    return (latent @ rng.normal(size=(8, width)) + 0.05 * rng.normal(size=(n, width))).astype(np.float32)


def test_sparse_rows_have_the_neighbours_of_dense_ones():
    """Counts: the same similarities, whatever the order and repetition of a row's entries; rows of zeros included."""
    rng = np.random.default_rng(2)
    dense = rng.poisson(0.4, (70, 12)).astype(np.float32)
    dense[5] = 0
    halves = np.tile(np.arange(12), 2)  # every entry of a row twice, by halves
    twice = sparse.csr_array(
        (np.tile(dense / 2, 2).ravel(), np.tile(halves, 70), np.arange(71) * 24), shape=dense.shape
    )
    groups = rng.integers(0, 40, 70)
    indices, similarities = nearest_neighbours(twice, 6, groups)
    expected, values = nearest_neighbours(dense, 6, groups)
    np.testing.assert_allclose(similarities, values, atol=1e-6)
    assert (groups[indices] != groups[:, None]).all()
    assert (indices == expected).mean() > 0.9  # but for ties
    assert similarities.dtype == np.float32
    with pytest.raises(ValueError, match="row 7 is not"):
        nearest_neighbours(sparse.csr_array(np.where(np.arange(70)[:, None] == 7, np.nan, dense)), 2, groups)


def test_among_very_many_rows_nearly_all_neighbours_are_found():
    """At least 95 of 100, none of the own group, with exact similarities, most similar first."""
    rows, groups = alike(6000, 24, 0), np.arange(6000) // 2
    indices, similarities = search(build(rows, np.arange(6000)), np.arange(6000), 10, groups)
    asked = np.arange(0, 6000, 13)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    everything = unit[asked] @ unit.T
    everything[groups[asked][:, None] == groups[None]] = -np.inf
    exact = np.argsort(-everything, axis=1)[:, :10]
    recall = np.mean([len(set(a) & set(b)) for a, b in zip(indices[asked], exact, strict=True)]) / 10
    assert recall >= 0.95
    assert (groups[indices] != groups[:, None]).all()
    np.testing.assert_allclose(similarities, np.einsum("nd,nkd->nk", unit, unit[indices]), atol=1e-5)
    assert (np.diff(similarities, axis=1) <= 0).all()


@settings(max_examples=40, deadline=None)
@given(
    rows=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 40), st.integers(1, 4)),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    ),
    k=st.integers(1, 12),
    n_groups=st.integers(1, 8),
)
def test_search_by_lists_takes_hostile_rows(rows, k, n_groups):
    """Equal rows, zeros, the smallest and largest floats, fewer others than asked for, a few queries and candidates."""
    groups = np.arange(len(rows)) % n_groups
    queries, candidates = np.arange(0, len(rows), 2), np.arange(len(rows)) % 3 != 1
    indices, similarities = search(build(rows, np.flatnonzero(candidates)), queries, k, groups)
    is_found = indices >= 0
    assert (similarities[~is_found] == 0).all()
    assert (np.abs(similarities) <= 1).all()
    assert candidates[indices[is_found]].all()
    assert (groups[indices] != groups[queries][:, None])[is_found].all()
    found = [row[row >= 0].tolist() for row in indices]
    assert all(len(set(row)) == len(row) for row in found)
