import numpy as np
import pytest
from scipy.sparse import csr_array, hstack

from errata_model.map.reduce import WIDTH, reduced
from errata_model.neighbours import nearest_neighbours
from errata_model.similarity import unit_features


def purity(rows, digit):
    nearest, _ = nearest_neighbours(rows, 15, np.arange(rows.shape[0]))
    return (digit[nearest] == digit[:, None]).mean()


def test_little_is_lost(digits):
    """Wide embeddings with a large part that all share, and counts of many columns: the neighbours in 64 dimensions are
    of the same digit as often as those in all of them. Rows that say nothing stay zeros."""
    rows, digit = digits
    rng = np.random.default_rng(0)
    wide = rows @ rng.standard_normal((64, 300)).astype(np.float32) + 3
    wide[5] = 0
    found = reduced(wide)
    assert found.shape == (len(rows), WIDTH)
    assert not found[5].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(found, 5, axis=0), axis=1), 1, atol=1e-5)
    assert purity(found, digit) > purity(wide, digit) - 0.01
    place = np.repeat(np.arange(len(rows)), 8), rng.integers(0, 40_000, 8 * len(rows))
    rare = csr_array((np.ones(8 * len(rows), dtype=np.float32), place), shape=(len(rows), 40_000))
    counts = csr_array(hstack([(rows * 30).round(), rare], format="csr"))
    assert reduced(counts).shape == (len(rows), WIDTH)
    assert purity(reduced(counts), digit) > purity(unit_features(counts), digit) - 0.05


@pytest.mark.parametrize("n", [0, 1, 2, 30])
@pytest.mark.parametrize("make", [np.asarray, csr_array])
def test_few_rows(n, make):
    """Distances stay what they are, as far as a dimension for each row can say them."""
    rows = np.abs(np.random.default_rng(1).standard_normal((n, 500))).astype(np.float32)
    found = reduced(make(rows))
    assert len(found) == n
    assert np.isfinite(found).all()
    if make is csr_array and n > 1:
        whole = unit_features(make(rows)).toarray()
        np.testing.assert_allclose(found @ found.T, whole @ whole.T, atol=1e-5)
