import numpy as np
import pytest
from scipy.sparse import csr_array

from errata_model.map.trust import shares_among, trustworthiness


def _reference_sklearn(rows, xy, k):
    manifold = pytest.importorskip("sklearn.manifold")
    return manifold.trustworthiness(rows, xy, n_neighbors=k)


def test_trustworthiness_is_the_published_one(digits):
    """_reference_sklearn agrees, of a good map, of one by chance, and within .01 where a sample is asked."""
    rows = digits[0][:600]
    by_chance = np.random.default_rng(0).random((600, 2)).astype(np.float32)
    for xy in (rows[:, [20, 43]], by_chance):
        exact = _reference_sklearn(rows, xy, 15)
        assert trustworthiness(rows, xy, n_asked=600) == pytest.approx(exact, abs=2e-3)  # ties are cut otherwise
        assert trustworthiness(rows, xy, n_asked=300) == pytest.approx(exact, abs=0.02)
    assert trustworthiness(rows, by_chance) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 20])
def test_a_perfect_map(n):
    """1.0 where the map is the space, also for fewer items than have fifteen neighbours."""
    angle = np.linspace(0, 3, n)
    rows = np.column_stack((np.cos(angle), np.sin(angle))).astype(np.float32)
    assert trustworthiness(rows, rows) == 1.0


def test_what_neighbours_say():
    """The mean of their shares; of an item without neighbours nothing."""
    said = csr_array(np.array([[1.0, 0], [0, 1.0], [0.5, 0.5]]))
    neighbours = np.array([[1, 2], [0, -1], [-1, -1]])
    np.testing.assert_allclose(shares_among(neighbours, said).toarray(), [[0.25, 0.75], [1, 0], [0, 0]])
