"""Who learns tags, each against another library or against a fit anew without the group."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from errata_model.kinds.choices.examples import Examples
from errata_model.kinds.choices.logistic import fit_logistic, steepness
from errata_model.kinds.choices.rows import normalise
from errata_model.kinds.tags.base_rates import with_ones
from errata_model.kinds.tags.members import Kernel, NaiveBayes, Regression, binomial_loss
from errata_model.kinds.tags.naive_bayes import fit_ratios, leave_group_out_ratios


def examples_of(tags, groups=None, is_labelled=None):
    n = len(tags)
    asked = np.ones(n, bool) if is_labelled is None else is_labelled
    own = np.arange(n) if groups is None else groups
    return Examples(with_ones(tags.astype(float), asked), own, np.where(asked, own, -1))


def counts_and_tags(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return csr_array(rng.poisson(0.4, (n, 25)).astype(float)), rng.random((n, 3)) < (0.5, 0.3, 0.05)


def test_every_tag_is_regressed_by_itself():
    """_reference_scikit_learn: the ridge logistic regression of each tag alone, its intercept penalised as well."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(300, 5)).astype(np.float32)
    tags = (rows @ rng.normal(size=(5, 3)) + rng.normal(size=(300, 3)) > (0, 1, 2)).astype(np.float32)
    is_used = np.arange(300) % 5 > 0
    found = fit_logistic(rows, tags, is_used, 2.0, steepness(rows, 3), losses=binomial_loss)
    for k in range(3):
        model = linear_model.LogisticRegression(C=0.5, solver="liblinear", tol=1e-8)
        model.fit(rows[is_used], tags[is_used, k])
        np.testing.assert_allclose(found.columns[:, k], model.coef_[0], atol=0.02)
        np.testing.assert_allclose(found.intercepts[k], model.intercept_[0], atol=0.02)


def test_the_loss_is_that_of_a_sigmoid_a_tag():
    """Its slope is what differences say, and scores that are sure do not overflow."""
    rng = np.random.default_rng(2)
    scores, wanted = rng.normal(size=(4, 3)), rng.random((4, 3))
    slope = scores.copy()
    at = binomial_loss(slope, wanted)
    expected = -(wanted * np.log(1 / (1 + np.exp(-scores))) + (1 - wanted) * np.log(1 / (1 + np.exp(scores)))).sum()
    assert at == pytest.approx(expected)
    for place in np.ndindex(scores.shape):
        moved = scores.copy()
        moved[place] += 1e-6
        assert (binomial_loss(moved, wanted) - at) / 1e-6 == pytest.approx(slope[place], abs=1e-4)
    sure = np.array([[-1e4, 1e4]], dtype=np.float32)
    assert binomial_loss(sure, np.array([[0, 1]], dtype=np.float32)) == 0
    assert sure.tolist() == [[0, 0]]


def test_what_words_say_is_what_bernoulli_naive_bayes_says_of_those_that_are_there():
    """_reference_scikit_learn: the difference of its log-probabilities that a column is held."""
    naive_bayes = pytest.importorskip("sklearn.naive_bayes")
    counts, tags = counts_and_tags()
    found = fit_ratios(counts, with_ones(tags.astype(float), np.ones(40, bool)))
    for k in range(3):
        model = naive_bayes.BernoulliNB(alpha=1.0).fit(counts.toarray(), tags[:, k])
        np.testing.assert_allclose(found[:, k], np.subtract(*model.feature_log_prob_[::-1]), atol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 40])
def test_leaving_a_group_out_is_a_fit_without_it(size):
    """Exactly, of soft tags and rows without a label too; 0 where nothing is known without the group."""
    counts, tags = counts_and_tags()
    shares = tags * np.random.default_rng(3).choice((0.5, 1.0), tags.shape)
    is_labelled = np.arange(40) % 4 > 0
    groups = np.random.default_rng(4).permutation(np.arange(40) // size)
    examples = examples_of(shares, groups, is_labelled)
    found = leave_group_out_ratios(counts, examples)
    for row in range(40):
        others = np.where((groups != groups[row])[:, None], examples.targets, 0)
        expected = (counts[[row]] @ fit_ratios(counts, others))[0]
        np.testing.assert_allclose(found[row], expected, atol=1e-9)
    if size == 40:
        assert not found.any()


def test_a_tag_that_nobody_or_everybody_else_has_says_nothing():
    """Words that never met it are no evidence against it."""
    counts, tags = counts_and_tags()
    tags = np.column_stack((tags[:, 0], np.zeros(40), np.ones(40), np.arange(40) == 7))
    found = leave_group_out_ratios(counts, examples_of(tags))
    assert not found[:, 1:3].any()
    assert found[7, 3] == 0
    assert found[8, 3] != 0


def test_new_rows_are_scored_as_those_that_were_left_out():
    """What each keeps scores rows that it has not learned from much as it scored those that it left out."""
    rng = np.random.default_rng(5)
    rows = normalise(rng.normal(size=(400, 6)))
    tags = rows @ rng.normal(size=(6, 3)) > (0, 0.3, 0.8)
    is_labelled = np.arange(400) < 300
    examples = examples_of(np.where(is_labelled[:, None], tags, 0), is_labelled=is_labelled)
    trial = examples.take(np.flatnonzero(is_labelled))
    for learner in (Kernel(rows, examples), Regression(rows, examples)):
        setting, _ = next(learner.candidates(trial))
        scores, predictor = learner.fit(setting)
        np.testing.assert_allclose(predictor.scores(rows[300:]), scores[300:], atol=0.15)
        assert np.corrcoef(scores[:300].ravel(), tags[:300].ravel())[0, 1] > 0.6
    counts, tags = counts_and_tags(300)
    of_texts = examples_of(np.where(is_labelled[:300, None] & (np.arange(300) < 200)[:, None], tags, 0))
    learner = NaiveBayes(counts, of_texts)
    scores, predictor = learner.fit(None)
    assert np.abs(predictor.scores(counts) - scores).mean() < 0.2


def test_what_is_too_much_is_left_out():
    """Both say so before they begin."""
    assert Regression.is_affordable(np.zeros((50_000, 256), dtype=np.float32), 50)
    assert not Regression.is_affordable(np.zeros((50_000, 256), dtype=np.float32), 500)
    counts = csr_array(np.ones((200, 100)))
    assert NaiveBayes.is_affordable(counts, 50)
    assert not NaiveBayes.is_affordable(counts, 100_000)
