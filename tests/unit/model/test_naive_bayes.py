import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array
from sklearn.naive_bayes import ComplementNB

from errata_model.kinds.choices import complement
from errata_model.kinds.choices.complement import ComplementModel, leave_group_out_scores
from errata_model.kinds.choices.naive_bayes import NaiveBayes, fit_naive_bayes


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


def test_pieces_add_up(monkeypatch):
    """Taken in pieces of whole groups, the scores are the same as taken at once."""
    rng = np.random.default_rng(4)
    counts = csr_array(rng.poisson(0.5, (60, 20)).astype(float))
    targets, groups = np.eye(3)[rng.integers(0, 3, 60)], rng.integers(0, 25, 60)
    at_once = leave_group_out_scores(counts, targets, groups)
    for most in (1, 200, 1000):
        monkeypatch.setattr(complement, "_ENTRIES", most)
        np.testing.assert_allclose(leave_group_out_scores(counts, targets, groups), at_once, atol=1e-12)


def topics(n=240, n_classes=3, seed=0):
    """Counts of 60 columns; each class favours 12 of its own."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    rates = np.full((n_classes, 60), 0.15)
    for k in range(n_classes):
        rates[k, 12 * k : 12 * k + 12] = 0.9
    return csr_array(rng.poisson(rates[labels]).astype(np.float32)), labels


def confidence(probabilities, labels):
    return probabilities[np.arange(len(labels)), labels]


def test_planted_errors_are_doubted():
    """Labels that were changed get the lowest probabilities, and a duplicate in the same group does not vouch."""
    counts, labels = topics()
    wrong = np.arange(0, 240, 20)
    given_labels = labels.copy()
    given_labels[wrong] = (labels[wrong] + 1) % 3
    groups = np.arange(240)
    groups[wrong[1]] = groups[wrong[0]]
    found, _ = fit_naive_bayes(counts, np.eye(3)[given_labels], groups)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert set(np.argsort(confidence(found, given_labels))[:8]) <= set(wrong)


def test_probabilities_are_calibrated():
    """The mean probability of the likeliest class is the share of rows where it is right."""
    counts, labels = topics(1500)
    found, model = fit_naive_bayes(counts, np.eye(3)[labels], np.arange(1500))
    new_counts, new_labels = topics(1500, seed=1)
    for probabilities, right in ((found, labels), (model.predict(new_counts), new_labels)):
        share = (probabilities.argmax(axis=1) == right).mean()
        assert 0.75 < share < 0.999
        assert abs(probabilities.max(axis=1).mean() - share) < 0.03


@pytest.mark.parametrize("n", [12, 90])
def test_a_belief_does_not_move_when_its_own_label_changes(n):
    """Neither the counts nor the temperature that a row is believed by have seen its label, nor those of its group."""
    counts, labels = topics(n)
    groups = np.arange(n) // 2
    before, _ = fit_naive_bayes(counts, np.eye(3)[labels], groups)
    for row in (0, 1, 5, n - 1):
        changed = labels.copy()
        changed[groups == groups[row]] = (labels[row] + 1) % 3
        after, _ = fit_naive_bayes(counts, np.eye(3)[changed], groups)
        np.testing.assert_allclose(after[row], before[row], atol=1e-12)


def test_permuting_rows_permutes_results():
    """The order of rows is of no account."""
    counts, labels = topics(100)
    targets = np.eye(3)[labels]
    targets[::7] = 0
    groups = np.random.default_rng(2).integers(0, 60, 100)
    order = np.random.default_rng(3).permutation(100)
    found, _ = fit_naive_bayes(counts, targets, groups)
    permuted, _ = fit_naive_bayes(counts[order], targets[order], groups[order])
    np.testing.assert_allclose(permuted, found[order], atol=1e-7)


def test_rows_without_labels_are_predicted_by_all_labels():
    """An unlabelled row of a group of its own gets what the model says of it."""
    counts, labels = topics(80)
    targets = np.eye(3)[labels]
    targets[60:] = 0
    found, model = fit_naive_bayes(counts, targets, np.arange(80))
    np.testing.assert_allclose(found[60:], model.predict(counts[60:]), atol=1e-6)


def test_one_class_alone_is_believed():
    """Where every label is of one class, that class is the likeliest everywhere."""
    counts, labels = topics(40)
    found, _ = fit_naive_bayes(counts, np.eye(3)[np.ones_like(labels)], np.arange(40))
    has_counts = np.diff(counts.indptr) > 0
    assert (found[has_counts].argmax(axis=1) == 1).all()


def test_a_class_with_one_row_is_doubted_there():
    """Without its only row nothing is known of a class: the row is believed to be of its neighbours' class."""
    counts, labels = topics(60, n_classes=2)
    labels[0] = 2
    found, _ = fit_naive_bayes(counts, np.eye(3)[labels], np.arange(60))
    assert found[0].argmax() != 2
    assert np.isfinite(found).all()


def test_rows_without_counts_are_undecided():
    """An empty row gets the same probability for every class, and so does everything where there is no label."""
    counts, labels = topics(30)
    counts = csr_array(counts.multiply(np.arange(30)[:, None] > 3))
    targets = np.eye(3)[labels]
    found, model = fit_naive_bayes(counts, targets, np.arange(30))
    np.testing.assert_allclose(found[:4], 1 / 3)
    np.testing.assert_allclose(model.predict(csr_array((2, 60), dtype=np.float32)), 1 / 3)
    nothing, _ = fit_naive_bayes(counts, np.zeros_like(targets), np.arange(30))
    np.testing.assert_allclose(nothing, 1 / 3)
    assert fit_naive_bayes(counts[:0], targets[:0], np.arange(0))[0].shape == (0, 3)


def test_a_saved_model_predicts_the_same():
    """Through a file and back."""
    counts, labels = topics()
    _, model = fit_naive_bayes(counts, np.eye(3)[labels], np.arange(240))
    file = io.BytesIO()
    np.savez(file, **model.arrays())
    file.seek(0)
    with np.load(file) as arrays:
        restored = NaiveBayes.from_arrays(arrays)
    np.testing.assert_allclose(restored.predict(counts), model.predict(counts), atol=1e-6)
    with pytest.raises(ValueError, match="gains"):
        ComplementModel.from_arrays({})
    with pytest.raises(ValueError, match="temperature"):
        NaiveBayes.from_arrays(model.model.arrays())


@pytest.mark.parametrize("broken", [np.nan, np.inf, -1.0])
def test_what_is_no_count_is_an_error(broken):
    """The row is named."""
    counts, labels = topics(20)
    counts = counts.toarray()
    counts[7, 3] = broken
    with pytest.raises(ValueError, match="row 7"):
        fit_naive_bayes(csr_array(counts), np.eye(3)[labels], np.arange(20))
    _, model = fit_naive_bayes(topics(20)[0], np.eye(3)[labels], np.arange(20))
    with pytest.raises(ValueError, match="60 columns"):
        model.predict(csr_array((2, 9), dtype=np.float32))


def test_many_classes_and_columns_stay_sparse():
    """With 500 classes and 100,000 columns, a table of all of them is never made."""
    rng = np.random.default_rng(5)
    counts = csr_array(random_array((1000, 100_000), density=2e-4, rng=rng, dtype=np.float32, format="csr"))
    labels = rng.integers(0, 500, 1000)
    targets = np.zeros((1000, 500))
    targets[np.arange(1000), labels] = 1
    assert ComplementModel.fit(counts, targets).gains.nnz <= counts.nnz
    assert np.isfinite(leave_group_out_scores(counts, targets, np.arange(1000))).all()
