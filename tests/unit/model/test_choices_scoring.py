import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errata_model.kinds.choices.scoring import adjusted_self_confidence, label_quality, margin, self_confidence

SCORES = [self_confidence, adjusted_self_confidence, margin, label_quality]
CLEANLAB = {self_confidence: "self_confidence", margin: "normalized_margin"}


def beliefs(n, k, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.full(k, 0.4), n)


@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 30), k=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_every_score_keeps_the_contract(score, n, k, seed):
    """Length kept, finite, in [0, 1], inputs unchanged, empty input taken, rows permute with rows."""
    labels, predicted = beliefs(n, k, seed)
    labels.setflags(write=False)
    predicted.setflags(write=False)
    found = score(labels, predicted)
    assert found.shape == (n,)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    order = np.random.default_rng(seed).permutation(n)
    np.testing.assert_allclose(score(labels[order], predicted[order]), found[order], atol=1e-12)


@pytest.mark.parametrize("score", CLEANLAB)
def test_scores_agree_with_cleanlab(score):
    """_reference_cleanlab: the definitions are the same."""
    rank = pytest.importorskip("cleanlab.rank")
    labels, predicted = beliefs(500, 5, 1)
    expected = rank.get_label_quality_scores(labels, predicted, method=CLEANLAB[score])
    np.testing.assert_allclose(score(labels, predicted), expected, atol=1e-12)


def test_adjusted_self_confidence_agrees_with_cleanlab():
    """_reference_cleanlab: adjusted for each class's mean self-confidence."""
    rank = pytest.importorskip("cleanlab.rank")
    labels, predicted = beliefs(500, 5, 2)
    expected = rank.get_label_quality_scores(labels, predicted, method="self_confidence", adjust_pred_probs=True)
    np.testing.assert_allclose(adjusted_self_confidence(labels, predicted), expected, atol=1e-9)


def test_a_label_quality_does_not_depend_on_other_rows():
    """It is comparable over audits: alone or in company, the same."""
    labels, predicted = beliefs(50, 4, 3)
    alone = [label_quality(labels[n : n + 1], predicted[n : n + 1])[0] for n in range(50)]
    np.testing.assert_array_equal(label_quality(labels, predicted), alone)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 0], [[1, 0], [np.nan, 1]], "row 1"),
        ([0, 0], [[1, 0], [np.inf, -np.inf]], "row 1"),
        ([0, 0], [[0.5, 0.4], [1, 0]], "row 0"),
        ([0, 0], [[0, 1], [1.5, -0.5]], "row 1"),
        ([0, 2], [[0, 1], [1, 0]], "row 1 is 2 of 2"),
        ([0, -1], [[0, 1], [1, 0]], "row 1 is -1 of 2"),
        ([0], [[0, 1], [1, 0]], "must be"),
        ([0.0, 1.0], [[0, 1], [1, 0]], "integers"),
    ],
)
def test_what_is_no_probability_is_refused(score, labels, predicted, message):
    """The row is named."""
    with pytest.raises(ValueError, match=message):
        score(np.array(labels), np.array(predicted, dtype=float))
