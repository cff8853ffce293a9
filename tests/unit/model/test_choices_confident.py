import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errata_model.kinds.choices.confident import (
    confident_counts,
    confident_joint,
    confident_thresholds,
    find_label_errors,
)


def beliefs(n, k, seed, share_wrong=0.15):
    """A model that is right about most rows, and labels of which some are wrong; every class is given twice."""
    rng = np.random.default_rng(seed)
    right = np.r_[np.repeat(np.arange(k), 2), rng.integers(0, k, n)]
    labels = np.where(rng.random(len(right)) < share_wrong, rng.integers(0, k, len(right)), right)
    labels[: 2 * k] = right[: 2 * k]
    predicted = rng.dirichlet(np.full(k, 0.3), len(right)) + 1.2 * np.eye(k)[right] * rng.random((len(right), 1))
    return labels, predicted / predicted.sum(axis=1, keepdims=True)


def _reference_cleanlab_joint(labels, predicted, calibrate):
    count = pytest.importorskip("cleanlab.count")
    return count.compute_confident_joint(labels, predicted, calibrate=calibrate)


def _reference_cleanlab_prune_by_noise_rate(labels, predicted):
    kind = pytest.importorskip("cleanlab.filter")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about small classes
        return kind.find_label_issues(labels, predicted, filter_by="prune_by_noise_rate", n_jobs=1)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 200), k=st.integers(2, 12), seed=st.integers(0, 2**32 - 1))
def test_thresholds_counts_and_joint_agree_with_cleanlab(n, k, seed):
    """_reference_cleanlab: the same counts; the joint before cleanlab rounds it to integers."""
    count = pytest.importorskip("cleanlab.count")
    labels, predicted = beliefs(n, k, seed)
    thresholds = confident_thresholds(labels, predicted)
    np.testing.assert_allclose(thresholds, count.get_confident_thresholds(labels, predicted), atol=1e-9)
    counts = confident_counts(labels, predicted)
    np.fill_diagonal(counts, np.maximum(counts.diagonal(), 1))
    np.testing.assert_array_equal(counts, _reference_cleanlab_joint(labels, predicted, calibrate=False))
    joint = confident_joint(labels, predicted)
    np.testing.assert_allclose(joint, _reference_cleanlab_joint(labels, predicted, calibrate=True), atol=1)
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(labels, minlength=k))


@pytest.mark.parametrize("seed", range(6))
def test_flags_agree_with_cleanlab(seed):
    """_reference_cleanlab: prune by noise rate, but for which of two equal remainders is rounded up."""
    k = 2 + seed
    labels, predicted = beliefs(1500, k, seed)
    found = find_label_errors(labels, predicted)
    expected = _reference_cleanlab_prune_by_noise_rate(labels, predicted)
    assert expected.sum() > 50
    assert (found != expected).sum() <= k


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 60), k=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
def test_flags_permute_with_rows_and_spare_what_leads(n, k, seed):
    """Ties included; inputs unchanged; no label is flagged that the belief puts first."""
    labels, predicted = beliefs(n, k, seed)
    predicted = np.round(predicted, 1)
    predicted[:, 0] += 1 - predicted.sum(axis=1)
    predicted = np.maximum(predicted, 0) / np.maximum(predicted, 0).sum(axis=1, keepdims=True)
    labels.setflags(write=False)
    predicted.setflags(write=False)
    found = find_label_errors(labels, predicted)
    order = np.random.default_rng(seed).permutation(len(labels))
    np.testing.assert_array_equal(find_label_errors(labels[order], predicted[order]), found[order])
    assert not found[predicted[np.arange(len(labels)), labels] == predicted.max(axis=1)].any()


def test_planted_errors_are_flagged():
    """Most that is flagged is wrong, and most that is wrong is flagged."""
    rng = np.random.default_rng(0)
    right = rng.integers(0, 5, 2000)
    labels = np.where(rng.random(2000) < 0.1, (right + 1) % 5, right)
    predicted = 0.1 / 5 + 0.9 * np.eye(5)[np.where(rng.random(2000) < 0.03, rng.integers(0, 5, 2000), right)]
    found = find_label_errors(labels, predicted)
    is_wrong = labels != right
    assert is_wrong[found].mean() > 0.75
    assert found[is_wrong].mean() > 0.9
    joint = confident_joint(labels, predicted)
    assert 0.07 < 1 - joint.trace() / joint.sum() < 0.15


@pytest.mark.parametrize(
    ("labels", "k"),
    [([], 3), ([1] * 6, 3), ([0, 1, 1, 1, 1], 3), ([0, 0], 1), ([3, 9, 40], 41)],
    ids=["none", "all equal", "one of a class", "one class", "more classes than rows"],
)
def test_odd_projects(labels, k):
    """No threshold, no row and no column is made up for a class without labels; the only label of one stands."""
    labels = np.array(labels, dtype=int)
    predicted = np.full((len(labels), k), 1 / k)
    thresholds = confident_thresholds(labels, predicted)
    assert np.isinf(np.delete(thresholds, np.unique(labels))).all()
    joint = confident_joint(labels, predicted)
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(labels, minlength=k))
    assert not find_label_errors(labels, predicted).any()


def test_what_is_no_probability_is_refused():
    """The row is named."""
    for ask in (confident_thresholds, confident_counts, confident_joint, find_label_errors):
        with pytest.raises(ValueError, match="row 1 has nan"):
            ask(np.array([0, 0]), np.array([[1, 0], [np.nan, 1]]))
