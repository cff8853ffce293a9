import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array
from sklearn.naive_bayes import ComplementNB

from errata_model.kinds.choices import complement
from errata_model.kinds.choices.complement import ComplementModel, leave_group_out_scores


@st.composite
def labelled_counts(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, width, n_classes = draw(st.integers(1, 25)), draw(st.integers(1, 9)), draw(st.integers(1, 5))
    counts = rng.poisson(draw(st.sampled_from([0.1, 0.7, 4.0])), (n, width)) * rng.choice([1.0, 0.37])
    targets = np.eye(n_classes)[rng.integers(0, n_classes, n)]
    if draw(st.booleans()):
        targets = rng.dirichlet(np.ones(n_classes), n)
    targets[rng.random(n) < draw(st.sampled_from([0, 0.4]))] = 0
    return counts, targets, rng.integers(0, draw(st.integers(1, n)), n)


def _reference_refit(counts, targets, groups):
    """scikit-learn's ComplementNB without each group, every row once for each class with the class's share."""
    n_classes = targets.shape[1]
    occurring = counts[:, counts.any(axis=0)]
    scores = np.zeros(targets.shape)
    for row, group in enumerate(groups):
        others = np.flatnonzero(targets.any(axis=1) & (groups != group))
        model = ComplementNB(alpha=0.5)
        weights = np.concatenate([targets[others].T.ravel(), np.full(n_classes, 1e-300)])
        features = np.concatenate([*[occurring[others]] * n_classes, np.zeros((n_classes, occurring.shape[1]))])
        labels = np.concatenate([np.repeat(np.arange(n_classes), len(others)), np.arange(n_classes)])
        model.fit(features, labels, weights)  # a row without counts makes each class known
        scores[row] = occurring[row] @ model.feature_log_prob_.T
    return scores


def differences(scores, is_known):
    """Return how far known classes are above the least likely of them; 0 for the others."""
    least = np.where(is_known, scores, np.inf).min(axis=1, keepdims=True)
    return np.where(is_known, scores - least, 0)


@settings(max_examples=40, deadline=None)
@given(labelled_counts())
def test_closed_form_equals_a_refit_without_each_group(drawn):
    """Soft targets, rows without labels or counts, and groups of any size included; unknown classes come last."""
    counts, targets, groups = drawn
    if not counts.any():
        return
    counting = (targets > 0) & counts.any(axis=1)[:, None]
    is_known = np.array([counting[groups != group].any(axis=0) for group in groups])
    found = leave_group_out_scores(csr_array(counts), targets, groups)
    expected = _reference_refit(counts, targets, groups)
    np.testing.assert_allclose(differences(found, is_known), differences(expected, is_known), atol=1e-8)
    gaps = np.where(is_known, found, np.inf).min(axis=1) - np.where(is_known, -np.inf, found).max(axis=1)
    assert (gaps[counts.any(axis=1)] > 0).all()


def test_pieces_add_up():
    """More than is held at a time is taken in pieces of whole groups: the same as a fit without each group."""
    rng = np.random.default_rng(4)
    counts = csr_array(random_array((3000, 4000), density=0.03, rng=rng, dtype=np.float64, format="csr"))
    labels, groups = rng.integers(0, 20, 3000), rng.integers(0, 1500, 3000)
    targets = np.eye(20)[labels]
    assert counts.nnz * 20 > 1.5 * complement._ENTRIES
    found = leave_group_out_scores(counts, targets, groups)
    for group in (0, 700, 1499):
        mine = groups == group
        expected = ComplementModel.fit(counts, np.where(mine[:, None], 0, targets)).scores(counts[mine])
        np.testing.assert_allclose(differences(found[mine], True), differences(expected, True), atol=1e-8)


def test_many_classes_and_columns_stay_sparse():
    """With 500 classes and 100,000 columns, a table of all of them is never made."""
    rng = np.random.default_rng(5)
    counts = csr_array(random_array((1000, 100_000), density=2e-4, rng=rng, dtype=np.float32, format="csr"))
    labels = rng.integers(0, 500, 1000)
    targets = np.zeros((1000, 500))
    targets[np.arange(1000), labels] = 1
    assert ComplementModel.fit(counts, targets).gains.nnz <= counts.nnz
    assert np.isfinite(leave_group_out_scores(counts, targets, np.arange(1000))).all()
