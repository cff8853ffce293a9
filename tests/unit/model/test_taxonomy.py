"""How near paths are, and how well a belief supports a given path."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errata_model.kinds.choices.scoring import self_confidence
from errata_model.kinds.choices.taxonomy import path_quality, path_similarity

PATHS = ("animal", "animal > cat", "animal > dog", "animal > dog > poodle", "thing > car", "thing > cart")


def test_similarity_counts_shared_levels():
    """Twice what two paths share by what both have; equal names below other parents are other nodes."""
    similar = path_similarity(PATHS)
    np.testing.assert_array_equal(np.diag(similar), np.ones(6))
    np.testing.assert_array_equal(similar, similar.T)
    assert similar[0].tolist() == pytest.approx([1, 2 / 3, 2 / 3, 1 / 2, 0, 0])
    assert similar[2, 3] == pytest.approx(4 / 5)
    assert similar[4, 5] == pytest.approx(1 / 2)
    assert path_similarity(("cat > left", "dog > left"))[0, 1] == 0


def test_a_near_miss_is_not_a_far_miss():
    """Of labels that the belief is equally sure are wrong the sibling, and still more the parent, is less wrong."""
    sure_of_poodle = np.eye(6)[[3, 3, 3, 3]]
    quality = path_quality(np.array([3, 2, 1, 4]), sure_of_poodle, PATHS)
    assert quality.tolist() == pytest.approx([1, 4 / 5, 2 / 5, 0])


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 20), k=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_quality_is_the_expected_similarity(n, k, seed):
    """Of any paths it is between the given path's probability and 1; without levels it is that probability."""
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(0, k, n), rng.dirichlet(np.full(k, 0.4), n)
    paths = [" > ".join(map(str, rng.integers(0, 2, rng.integers(1, 4)))) + f" > {name}" for name in range(k)]
    supported = self_confidence(labels, predicted)
    found = path_quality(labels, predicted, paths)
    np.testing.assert_allclose(found, (predicted * path_similarity(paths)[labels]).sum(axis=1), atol=1e-12)
    assert ((found >= supported - 1e-12) & (found <= 1)).all()
    np.testing.assert_allclose(path_quality(labels, predicted, [str(name) for name in range(k)]), supported, atol=1e-12)
    order = rng.permutation(n)
    np.testing.assert_allclose(path_quality(labels[order], predicted[order], paths), found[order], atol=1e-12)


def test_arrays_that_do_not_fit():
    """The message says what was expected."""
    with pytest.raises(ValueError, match="must name the 2 columns"):
        path_quality(np.array([0]), np.array([[0.5, 0.5]]), ["a"])
    with pytest.raises(ValueError, match="row 0"):
        path_quality(np.array([0]), np.array([[0.5, np.nan]]), ["a", "b"])
