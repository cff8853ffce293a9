from functools import partial

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression as Oracle

from errata_model.kinds.choices.choice import share
from errata_model.kinds.choices.discriminant import DiscriminantAnalysis
from errata_model.kinds.choices.examples import N_FOLDS, Examples
from errata_model.kinds.choices.kernel import LINEAR, kernel_values
from errata_model.kinds.choices.kernel_ridge import KernelRidge, KernelSetting
from errata_model.kinds.choices.logistic import MOST_AXES, Axes, generalised_cross_entropy, standardise
from errata_model.kinds.choices.logistic_regression import LogisticRegression
from errata_model.kinds.choices.rows import inverse_document_frequencies, normalise, weigh_terms
from errata_model.kinds.choices.softmax import softmax


def embeddings(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    return normalise(2 * rng.normal(size=(3, 8))[labels] + rng.normal(size=(n, 8))), labels


def texts(n, seed=0, width=40):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    counts = csr_array(rng.poisson(np.where(np.arange(width) % 3 == labels[:, None], 0.8, 0.2)).astype(np.float32))
    return weigh_terms(counts, inverse_document_frequencies(counts)), labels


def examples_of(labels, groups):
    ranks = np.unique(groups, return_inverse=True)[1]
    return Examples(np.eye(3)[labels], np.asarray(groups), ranks)


def regression(rows, examples, **losses):
    axes = Axes.of(rows, MOST_AXES)
    return LogisticRegression(axes, axes.along(rows), examples, **losses)


def test_logistic_regression_is_scikit_learns_on_the_same_folds():
    """Out of sample and for new rows, with whole groups in a fold; an exponent of nearly 0 is cross-entropy."""
    rows, labels = embeddings(150)
    examples = examples_of(labels, np.arange(150) // 2)
    scores, model = regression(rows, examples, losses=partial(generalised_cross_entropy, exponent=1e-3)).fit(0.3)
    scale = standardise(rows)
    scaled = np.column_stack(((rows - scale.means) * scale.factors, np.ones(150)))  # the intercept is penalised, too
    oracle = Oracle(C=1 / 0.3, fit_intercept=False, max_iter=2000, tol=1e-8)
    for fold in range(N_FOLDS):
        mine = examples.folds == fold
        expected = oracle.fit(scaled[~mine], labels[~mine]).predict_proba(scaled[mine])
        np.testing.assert_allclose(softmax(scores[mine]), expected, atol=0.01)
    np.testing.assert_allclose(softmax(model.scores(rows)), oracle.fit(scaled, labels).predict_proba(scaled), atol=0.01)


@pytest.mark.parametrize("exponent", [0.3, 0.7])
def test_the_slope_of_the_generalised_cross_entropy_is_its_slope(exponent):
    """By finite differences, for labels that are shared out, too."""
    rng = np.random.default_rng(0)
    scores, wanted = 2 * rng.normal(size=(5, 4)), rng.dirichlet(np.ones(4), size=5)
    slope = scores.copy()
    generalised_cross_entropy(slope, wanted, exponent)
    for cell in np.ndindex(scores.shape):
        step = np.zeros_like(scores)
        step[cell] = 1e-5
        above, below = (generalised_cross_entropy(scores + side * step, wanted, exponent) for side in (1, -1))
        assert slope[cell] == pytest.approx((above - below) / 2e-5, abs=1e-6)


def test_a_wrong_label_pulls_less_at_the_regression_than_cross_entropy_lets_it():
    """What fits no label of its kind weighs less the surer the others are."""
    sure = np.array([[6.0, 0.0]])
    wrong = np.array([[0.0, 1.0]])
    pulls = []
    for exponent in (1e-3, 0.3):
        slope = sure.copy()
        generalised_cross_entropy(slope, wrong, exponent)
        pulls.append(abs(slope[0, 1]))
    assert pulls[1] < pulls[0] / 4


def test_discriminant_analysis_is_scikit_learns_on_the_same_folds():
    """But for the one row that every class is given, which tells less the more labels there are."""
    rows, labels = embeddings(3000)
    examples = examples_of(labels, np.arange(3000) // 2)
    axes = Axes.of(rows, MOST_AXES)
    along = axes.along(rows)
    scores, model = DiscriminantAnalysis(axes, along, examples).fit(0.3)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)
    for fold in range(N_FOLDS):
        mine = examples.folds == fold
        expected = oracle.fit(along[~mine], labels[~mine]).predict_proba(along[mine])
        np.testing.assert_allclose(softmax(scores[mine]), expected, atol=0.02)
    np.testing.assert_allclose(softmax(model.scores(rows)), oracle.fit(along, labels).predict_proba(along), atol=0.02)


def test_discriminant_analysis_survives_rows_that_are_all_equal():
    """Nothing varies: it says what is frequent."""
    rows = np.ones((40, 4), dtype=np.float32) / 2
    labels = np.array([0] * 30 + [1] * 10)
    axes = Axes.of(rows, MOST_AXES)
    scores, _ = DiscriminantAnalysis(axes, axes.along(rows), examples_of(labels, np.arange(40))).fit(0.3)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == 0).all()


@pytest.mark.parametrize(("draw", "width"), [(embeddings, 0.8), (texts, LINEAR)])
def test_kernel_ridge_is_a_refit_without_the_group(draw, width):
    """With few rows the kernel is exact, and so is leaving a group out."""
    rows, labels = draw(60)
    examples = examples_of(labels, np.arange(60) // 3)
    scores, model = KernelRidge(rows, examples).fit(KernelSetting(width, 0.3))
    kernel = kernel_values(model.landmarks, model.landmarks, width)
    targets = examples.targets - 1 / 3
    for row in range(60):
        others = examples.groups != examples.groups[row]
        inner = kernel[np.ix_(others, others)] + 0.3 * np.eye(others.sum())
        expected = kernel[row, others] @ np.linalg.solve(inner, targets[others])
        np.testing.assert_allclose(scores[row], expected, atol=1e-3)


def test_logistic_regression_is_left_out_where_it_would_take_too_long():
    """What many classes cost is known before anything is fitted."""
    rows, _ = embeddings(60)
    assert LogisticRegression.is_affordable(rows, 1000)
    assert not LogisticRegression.is_affordable(rows, 10_000_000)


def test_a_class_in_one_group_alone_is_believed_nowhere_in_it():
    """Nobody else vouches for it; the other rows are believed as ever."""
    rows, labels = embeddings(90)
    labels[:5] = 2
    labels[5:] = labels[5:] % 2
    examples = examples_of(labels, np.r_[np.zeros(5, dtype=int), np.arange(1, 86)])
    for learner, setting in ((KernelRidge, KernelSetting(0.8, 0.3)), (regression, 0.3)):
        scores, _ = learner(rows, examples).fit(setting)
        assert (scores[:5].argmax(axis=1) != 2).all()
        assert np.isfinite(scores).all()


def test_shares_lie_half_way_from_even_to_the_likeliest():
    """Of two members, the likeliest as a search over all shares finds them."""
    seed = 2
    print("seed", seed)
    likelihoods = np.random.default_rng(seed).beta([[5], [3]], [[2], [3]], size=(2, 5000))
    found = share(list(np.log(likelihoods)), np.ones(5000))
    grid = np.linspace(0, 1, 201)
    best = grid[np.argmax([np.log(w * likelihoods[0] + (1 - w) * likelihoods[1]).sum() for w in grid])]
    np.testing.assert_allclose(found, [best / 2 + 0.25, 0.75 - best / 2], atol=0.01)


def test_few_labels_leave_the_average_nearly_even():
    """What three labels say about two members counts little."""
    found = share([np.log(np.full(3, 0.9)), np.log(np.full(3, 0.1))], np.ones(3))
    assert 0.5 < found[0] < 0.56
