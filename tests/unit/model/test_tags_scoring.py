"""Scores of tags against cleanlab as an oracle, on random and hostile arrays."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from errata_model.kinds.tags.scoring import (
    adjusted_self_confidence,
    label_quality,
    self_confidence,
    softmin,
    task_quality,
)

PER_TAG = [self_confidence, adjusted_self_confidence, label_quality]
PER_ITEM = [task_quality]
HOSTILE = st.sampled_from([0.0, 1.0, 0.5, 5e-324, 1e-300, np.nextafter(1.0, 0), 2.0**-53])


@st.composite
def tagged(draw):
    """Given tags and probabilities, hostile values among them, in any memory layout."""
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=6))
    predicted = draw(arrays(np.float64, shape, elements=st.one_of(HOSTILE, st.floats(0, 1))))
    tags = draw(arrays(np.bool_, shape))
    if draw(st.booleans()):
        predicted, tags = np.asfortranarray(predicted), np.asfortranarray(tags)
    return tags, predicted


def _reference_cleanlab(tags, predicted, **settings):
    scorer = pytest.importorskip("cleanlab.internal.multilabel_scorer")
    adjusts = settings.pop("adjust_pred_probs", False)
    base = scorer.ClassLabelScorer.from_str(settings.pop("method", "self_confidence"))
    pooled = scorer.MultilabelScorer(base, scorer.Aggregator(scorer.softmin, **settings), strict=False)
    kwargs = {"adjust_pred_probs": adjusts}
    per_tag = pooled.get_class_label_quality_scores(tags.astype(np.int64), predicted, kwargs)
    return per_tag, pooled.aggregate(per_tag)


@settings(max_examples=40, deadline=None)
@given(tagged())
def test_tags_agree_with_cleanlab(case):
    """_reference_cleanlab: self-confidence and the normalized margin of a tag are the same, and so is the softmin."""
    tags, predicted = case
    expected, pooled = _reference_cleanlab(tags, predicted)
    margins, _ = _reference_cleanlab(tags, predicted, method="normalized_margin")
    np.testing.assert_allclose(label_quality(tags, predicted), expected, atol=1e-12)
    np.testing.assert_allclose(label_quality(tags, predicted), margins, atol=1e-12)
    np.testing.assert_allclose(task_quality(tags, predicted), pooled, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(tagged(), st.sampled_from([0.02, 0.1, 1.0, 50.0]))
def test_softmin_agrees_with_cleanlab(case, temperature):
    """_reference_cleanlab: at any temperature; and it lies between the minimum and the mean."""
    quality = label_quality(*case)
    found = softmin(quality, temperature)
    _, expected = _reference_cleanlab(*case, temperature=temperature)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert (found >= quality.min(axis=1) - 1e-12).all()
    assert (found <= quality.mean(axis=1) + 1e-12).all()


@settings(max_examples=40, deadline=None)
@given(tagged())
def test_adjusted_agrees_with_cleanlab(case):
    """_reference_cleanlab: where a tag has both answers; otherwise there is nothing to adjust by."""
    tags, predicted = case
    has_both = tags.any(axis=0) & ~tags.all(axis=0)
    found = adjusted_self_confidence(tags, predicted)
    if has_both.any():
        expected, _ = _reference_cleanlab(tags[:, has_both], predicted[:, has_both], adjust_pred_probs=True)
        np.testing.assert_allclose(found[:, has_both], expected, atol=2e-6)  # it keeps thresholds >= 1e-6
    np.testing.assert_array_equal(found[:, ~has_both], self_confidence(tags, predicted)[:, ~has_both])


def test_public_scores_of_cleanlab():
    """_reference_cleanlab: what its users call, on lists of tags, gives the same for more rows than fit in a block."""
    multilabel = pytest.importorskip("cleanlab.multilabel_classification")
    rng = np.random.default_rng(5)
    predicted = rng.random((9000, 12))
    tags = rng.random((9000, 12)) < predicted
    lists = [np.flatnonzero(row).tolist() for row in tags]
    pooling = {"method": "softmin", "temperature": 0.1}
    expected = multilabel.get_label_quality_scores(lists, predicted, aggregator_kwargs=pooling)
    np.testing.assert_allclose(task_quality(tags, predicted), expected, atol=1e-12)
    np.testing.assert_allclose(softmin(label_quality(tags, predicted)), expected, atol=1e-12)
    per_tag = multilabel.rank.get_label_quality_scores_per_class(lists, predicted)
    np.testing.assert_allclose(label_quality(tags, predicted), per_tag, atol=1e-12)
    adjusted = multilabel.rank.get_label_quality_scores_per_class(lists, predicted, adjust_pred_probs=True)
    np.testing.assert_allclose(adjusted_self_confidence(tags, predicted), adjusted, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(tagged())
def test_public_scores_of_cleanlab_on_hostile_tags(case):
    """_reference_cleanlab: as its users call it, where it takes the tags: at least two, each given and left out."""
    multilabel = pytest.importorskip("cleanlab.multilabel_classification")
    tags, predicted = case
    assume(tags.shape[1] > 1)
    tags = np.vstack((tags, np.ones((1, tags.shape[1]), bool), np.zeros((1, tags.shape[1]), bool)))
    predicted = np.vstack((predicted, np.full((2, tags.shape[1]), 0.5)))
    lists = [np.flatnonzero(row).tolist() for row in tags]
    pooling = {"method": "softmin", "temperature": 0.1}
    expected = multilabel.get_label_quality_scores(lists, predicted, aggregator_kwargs=pooling)
    np.testing.assert_allclose(task_quality(tags, predicted), expected, atol=1e-12)
    per_tag = multilabel.rank.get_label_quality_scores_per_class(lists, predicted)
    np.testing.assert_allclose(label_quality(tags, predicted), per_tag, atol=1e-12)


@pytest.mark.parametrize("score", [*PER_TAG, *PER_ITEM])
@pytest.mark.parametrize("fill", [True, False])
def test_all_tags_equal(score, fill):
    """Everything given, or nothing: the belief's own support, finite, and equal for equal rows."""
    predicted = np.repeat([[0.9, 0.2, 0.5]], 7, axis=0)
    found = score(np.full((7, 3), fill), predicted)
    expected = predicted if fill else 1 - predicted
    np.testing.assert_allclose(found, expected if score in PER_TAG else softmin(expected), atol=1e-12)


@pytest.mark.parametrize("score", [*PER_TAG, *PER_ITEM])
@settings(max_examples=25, deadline=None)
@given(tagged(), st.randoms(use_true_random=False))
def test_every_score_keeps_the_contract(score, case, random):
    """Shape kept, finite, in [0, 1], inputs unchanged; rows permute with rows, tags with tags."""
    tags, predicted = case
    before = tags.copy(), predicted.copy()
    found = score(tags, predicted)
    np.testing.assert_array_equal(tags, before[0])
    np.testing.assert_array_equal(predicted, before[1])
    assert found.shape == (tags.shape if score in PER_TAG else tags.shape[:1])
    assert ((found >= 0) & (found <= 1)).all()
    rows, columns = (np.array(random.sample(range(n), n)) for n in tags.shape)
    np.testing.assert_allclose(score(tags[rows], predicted[rows]), found[rows], atol=1e-12)
    of_columns = found[:, columns] if score in PER_TAG else found
    np.testing.assert_allclose(score(tags[:, columns], predicted[:, columns]), of_columns, atol=1e-12)


@pytest.mark.parametrize("score", [*PER_TAG, *PER_ITEM])
@pytest.mark.parametrize("shape", [(0, 3), (0, 0), (2, 0)])
def test_nothing_to_score(score, shape):
    """No items, or no tags: an empty result; an item of which nothing was said is as good as can be."""
    found = score(np.zeros(shape, bool), np.zeros(shape))
    assert found.shape == (shape if score in PER_TAG else shape[:1])
    assert (found == 1).all()


@pytest.mark.parametrize("score", [*PER_TAG, *PER_ITEM])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -0.01, 1.01])
def test_what_is_no_probability_is_an_error(score, wrong):
    """It names the row, also beyond the first block, and the column."""
    predicted = np.full((20_000, 3), 0.5)
    predicted[18_000, 1] = wrong
    with pytest.raises(ValueError, match=r"row 18000, column 1"):
        score(np.zeros(predicted.shape, bool), predicted)


def test_rounding_is_forgiven():
    """Single precision may end up a little beyond 1 or below 0."""
    predicted = np.array([[1.0000002, -1e-7]], dtype=np.float32)
    np.testing.assert_array_equal(label_quality(np.array([[True, True]]), predicted), [[1, 0]])


@pytest.mark.parametrize("score", [*PER_TAG, *PER_ITEM])
@pytest.mark.parametrize(
    ("tags", "predicted", "message"),
    [
        (np.zeros((2, 3), bool), np.zeros((3, 2)), r"both be \(N, K\)"),
        (np.zeros(3, bool), np.zeros(3), r"both be \(N, K\)"),
        (np.zeros((2, 3), int), np.zeros((2, 3)), "must hold booleans"),
        (np.zeros((2, 3), bool), np.zeros((2, 3), int), "floating-point"),
    ],
)
def test_arrays_that_do_not_fit(score, tags, predicted, message):
    """The message says what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        score(tags, predicted)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_softmin_needs_a_temperature(temperature):
    """Above 0 and finite."""
    with pytest.raises(ValueError, match="temperature"):
        softmin(np.ones((1, 1)), temperature)


def test_softmin_is_led_by_the_worst_tags():
    """Where the worst tag is worse, so is the item, however good the rest; the mean would not say so."""
    quality = np.array([[0.05, *[0.95] * 49], [0.3, *[0.4] * 49], [0.95] * 50])
    pooled = softmin(quality)
    assert pooled[0] < pooled[1] < pooled[2]
    assert quality.mean(axis=1)[0] > quality.mean(axis=1)[1]
    assert softmin(quality, 1e-9) == pytest.approx(quality.min(axis=1))
