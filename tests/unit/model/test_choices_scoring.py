import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from errata_model.kinds.choices import blocks
from errata_model.kinds.choices.scoring import (
    adjusted_self_confidence,
    class_shares,
    label_quality,
    log_margin,
    margin,
    neighbour_agreement,
    self_confidence,
)

SCORES = [self_confidence, adjusted_self_confidence, margin, log_margin, label_quality]


def beliefs(n, k, seed):
    """Some rows are certain, some of the others have zeros: what softmax makes of large logits."""
    rng = np.random.default_rng(seed)
    predicted = rng.dirichlet(np.full(k, 0.4), n)
    predicted[predicted < 0.1 / k] = 0
    predicted /= predicted.sum(axis=1, keepdims=True)
    sure = rng.random(n) < 0.2
    predicted[sure] = np.eye(k)[rng.integers(0, k, n)][sure]
    return rng.integers(0, k, n), predicted


def hostile_beliefs():
    """Rows over ten orders of magnitude, of any number of classes, more of them than rows at times."""
    shapes = st.tuples(st.integers(1, 12), st.integers(2, 40))
    weights = hnp.arrays(np.float64, shapes, elements=st.floats(-10, 0, width=32))

    def normalise(logs):
        rows = 10.0**logs
        return rows / rows.sum(axis=1, keepdims=True)

    return weights.map(normalise).flatmap(
        lambda rows: st.tuples(
            hnp.arrays(np.int64, len(rows), elements=st.integers(0, rows.shape[1] - 1)), st.just(rows)
        )
    )


def _reference_cleanlab_self_confidence(labels, predicted):
    return _cleanlab(labels, predicted, method="self_confidence")


def _reference_cleanlab_normalized_margin(labels, predicted):
    return _cleanlab(labels, predicted, method="normalized_margin")


def _reference_scipy_log_margin(labels, predicted):
    special = pytest.importorskip("scipy.special")
    logs = np.log(np.maximum(predicted, 1e-300))
    rows = np.arange(len(labels))
    own = logs[rows, labels].copy()
    logs[rows, labels] = -np.inf
    return special.expit(own - logs.max(axis=1))


def _reference_plain_label_quality(labels, predicted):
    shares = np.array([(labels == k).sum() + 1 for k in range(predicted.shape[1])], dtype=float)
    found = []
    for label, row in zip(labels, predicted, strict=True):
        among_equals = row / shares / (row / shares).sum()
        found.append((row[label] + among_equals[label]) / 2)
    return np.array(found)


def _cleanlab(labels, predicted, **asked):
    return pytest.importorskip("cleanlab.rank").get_label_quality_scores(labels, predicted, **asked)


REFERENCES = [
    (self_confidence, _reference_cleanlab_self_confidence),
    (margin, _reference_cleanlab_normalized_margin),
    (log_margin, _reference_scipy_log_margin),
    (label_quality, _reference_plain_label_quality),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 30), k=st.integers(1, 50), seed=st.integers(0, 2**32 - 1))
def test_every_score_keeps_the_contract(score, dtype, n, k, seed):
    """Length and precision kept, finite, in [0, 1], inputs unchanged, empty input taken, rows permute with rows."""
    labels, predicted = beliefs(n, k, seed)
    predicted = predicted.astype(dtype)
    labels.setflags(write=False)
    predicted.setflags(write=False)
    found = score(labels, predicted)
    assert found.shape == (n,)
    assert found.dtype == dtype
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    order = np.random.default_rng(seed).permutation(n)
    tolerance = 1e-12 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(score(labels[order], predicted[order]), found[order], atol=tolerance)


@pytest.mark.parametrize(("score", "reference"), REFERENCES)
@pytest.mark.parametrize("k", [2, 5, 32, 33, 200])
def test_scores_agree_with_their_references(score, reference, k):
    """The definitions are the same, on either side of the width at which maxima are taken differently."""
    labels, predicted = beliefs(500, k, k)
    np.testing.assert_allclose(score(labels, predicted), reference(labels, predicted), atol=1e-12)


@pytest.mark.parametrize(("score", "reference"), REFERENCES)
@settings(max_examples=50, deadline=None)
@given(hostile_beliefs())
def test_scores_agree_with_their_references_on_hostile_rows(score, reference, belief):
    """Tiny and large probabilities, absent classes, single rows, more classes than rows."""
    np.testing.assert_allclose(score(*belief), reference(*belief), atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(hostile_beliefs())
def test_adjusted_self_confidence_agrees_with_cleanlab(belief):
    """_reference_cleanlab: adjusted for each class's mean self-confidence, where every class was given."""
    labels, predicted = belief
    k = predicted.shape[1]
    labels, predicted = np.r_[labels, np.arange(k)], np.r_[predicted, np.eye(k) * 0.5 + 0.5 / k]
    expected = _cleanlab(labels, predicted, method="self_confidence", adjust_pred_probs=True)
    np.testing.assert_allclose(adjusted_self_confidence(labels, predicted), expected, atol=1e-9)


def test_an_overused_class_is_suspected_and_a_rare_one_is_not_worn_down():
    """At the same self-confidence the overused class has the lower quality; never below half the self-confidence."""
    labels = np.array([0] * 90 + [1] * 10 + [0, 1])
    predicted = np.r_[np.eye(2)[labels[:100]], [[0.6, 0.4], [0.4, 0.6]]]
    overused, rare = label_quality(labels, predicted)[-2:]
    assert overused < 0.6 < rare
    assert overused > 0.3


def test_equal_shares_leave_self_confidence():
    """There is nothing to weigh then."""
    labels, predicted = beliefs(60, 3, 5)
    found = label_quality(labels, predicted, shares=np.full(3, 20.0))
    np.testing.assert_allclose(found, self_confidence(labels, predicted), atol=1e-12)


def test_with_its_shares_a_label_quality_needs_no_other_row():
    """A new label is scored as it would have been in the audit that the shares are from."""
    labels, predicted = beliefs(50, 4, 3)
    shares = class_shares(predicted)
    np.testing.assert_allclose(shares, (predicted.sum(axis=0) + 1) / 54)
    alone = [label_quality(labels[n : n + 1], predicted[n : n + 1], shares=shares)[0] for n in range(50)]
    np.testing.assert_allclose(label_quality(labels, predicted, shares=shares), alone, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_share_next_to_nothing_does_not_overflow(dtype):
    """What is certain stays certain."""
    found = label_quality(np.array([0, 1]), np.eye(2, dtype=dtype), shares=np.array([1e-320, 1]))
    np.testing.assert_array_equal(found, [1, 1])


@pytest.mark.parametrize("shares", [[1.0, 2.0], [1, 0, 1], [1, np.nan, 1], [[1, 1, 1]]])
def test_what_is_no_share_is_refused(shares):
    """One finite share above 0 a class."""
    with pytest.raises(ValueError, match=r"`shares` must be \(3,\)"):
        label_quality(np.array([0]), np.array([[1.0, 0, 0]]), shares=np.array(shares))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("labels", "k"),
    [([1] * 6, 3), ([0, 1, 1, 1, 1, 1], 3), ([0, 0, 0, 0, 0, 0], 1), ([3, 9, 40], 41)],
    ids=["all equal", "one of a class", "one class", "more classes than rows"],
)
def test_odd_projects_are_ranked(score, labels, k):
    """A better supported label has the better quality, whatever is missing."""
    labels = np.array(labels)
    predicted = np.full((len(labels), k), 0.4 / k)
    predicted[np.arange(len(labels)), labels] += 0.6
    predicted[-1] = 1 / k
    found = score(labels, predicted)
    assert np.isfinite(found).all()
    is_single = len(set(labels.tolist())) == len(labels)
    if score is adjusted_self_confidence and is_single:
        np.testing.assert_allclose(found, found[0])  # each is as confident as its class is
    else:
        assert (found[-1] < found[:-1]).all() or k == 1


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("labels", "predicted", "message"),
    [
        ([0, 0], [[1, 0], [np.nan, 1]], "row 1 has nan"),
        ([0, 0], [[1, 0], [np.inf, -np.inf]], "row 1 has inf"),
        ([0, 0], [[0.5, 0.4], [1, 0]], "row 0 sums to 0.9"),
        ([0, 0], [[0, 1], [1.5, -0.5]], "row 1 has -0.5"),
        ([0, 2], [[0, 1], [1, 0]], "row 1 is 2 of 2"),
        ([0, -1], [[0, 1], [1, 0]], "row 1 is -1 of 2"),
        ([0], [[0, 1], [1, 0]], "must be"),
        ([0], [[]], "row 0 is 0 of 0"),
        ([0.0, 1.0], [[0, 1], [1, 0]], "integers"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_is_no_probability_is_refused(score, labels, predicted, message, dtype):
    """The row is named."""
    with pytest.raises(ValueError, match=message):
        score(np.array(labels), np.array(predicted, dtype=dtype))


@pytest.mark.parametrize("score", SCORES)
def test_rounding_is_forgiven(score):
    """Sums and signs within a thousandth: what half precision and arithmetic leave."""
    found = score(np.array([0, 1]), np.array([[1.0004, -0.0002, 0], [0.3, 0.6995, 0]]))
    assert ((found >= 0) & (found <= 1)).all()
    half = score(np.array([0, 1]), np.array([[0.9, 0.1], [0.3, 0.7]], dtype=np.float16))
    assert half.dtype == np.float32
    rounded = np.array([[1.0005, -0.001], [1.0005, -0.001], [-0.001, 1.0005]])
    assert score(np.array([0, 0, 1]), rounded).max() <= 1


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("kind", ["columns first", "every other row", "reversed"])
def test_memory_order_makes_no_difference(score, kind):
    """Transposed and strided arrays are taken as they are."""
    labels, predicted = beliefs(400, 40, 9)
    odd = {
        "columns first": np.asfortranarray(predicted),
        "every other row": np.repeat(predicted, 2, axis=0)[::2],
        "reversed": predicted[::-1].copy()[::-1],
    }[kind]
    np.testing.assert_allclose(score(labels.astype(np.uint8), odd), score(labels, predicted), atol=1e-12)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("k", [10, 1000])
def test_large_arrays_are_scored_by_threads_in_little_memory(score, k):
    """As their parts are; beside the probabilities there are at most four vectors of N; the first bad row is named."""
    n = blocks._MANY_CELLS // k + 1
    labels, predicted = beliefs(n // 10, k, 4)
    labels, predicted = np.resize(labels, n), np.resize(predicted, (n, k)).astype(np.float32)
    own_blocks = 8 * blocks._BLOCK_CELLS * 4 * blocks._MOST_THREADS
    tracemalloc.start()
    try:
        found = score(labels, predicted)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 8 * n + own_blocks + 8 * k * 10
    threads = threading.active_count()
    np.testing.assert_allclose(found[: n // 10], found[n // 10 : 2 * (n // 10)], atol=1e-5)
    predicted[[n // 3, n - 1]] = np.nan
    with pytest.raises(ValueError, match=f"row {n // 3} "):
        score(labels, predicted)
    assert threading.active_count() == threads


def _reference_sklearn_neighbours(rows, labels, n, k):
    neighbours = pytest.importorskip("sklearn.neighbors")
    others = np.delete(np.arange(len(rows)), n)
    voters = neighbours.KNeighborsClassifier(
        k, metric="cosine", algorithm="brute", weights=lambda d: np.maximum(1 - d, 0)
    )
    voters.fit(rows[others], labels[others])
    return dict(zip(voters.classes_, voters.predict_proba(rows[n : n + 1])[0], strict=True)).get(labels[n], 0.0)


def test_neighbour_agreement_agrees_with_sklearn():
    """_reference_sklearn: the weighted vote for the given label of the nearest other rows."""
    from errata_model.neighbours import nearest_neighbours  # noqa: PLC0415

    rng = np.random.default_rng(0)
    rows, labels = rng.random((60, 5)), rng.integers(0, 3, 60)
    found = neighbour_agreement(labels, *nearest_neighbours(rows, 7, np.arange(60)))
    expected = [_reference_sklearn_neighbours(rows, labels, n, 7) for n in range(60)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_where_nobody_has_a_say_the_label_stands():
    """No neighbours, or opposite ones only."""
    neighbours = np.array([[1, -1], [0, 2], [-1, -1]])
    found = neighbour_agreement(np.array([0, 1, 0]), neighbours, np.array([[-0.5, 0], [0.5, 0.25], [0, 0]]))
    np.testing.assert_array_equal(found, [1, 0, 1])
    assert neighbour_agreement(np.zeros(0, dtype=int), np.zeros((0, 3), dtype=int), np.zeros((0, 3))).shape == (0,)


def test_what_are_no_neighbours_is_refused():
    """In words that name the array or the row."""
    with pytest.raises(ValueError, match="of row 1 are not"):
        neighbour_agreement(np.array([0, 0]), np.array([[1], [2]]), np.ones((2, 1)))
    with pytest.raises(ValueError, match="of row 0 are not"):
        neighbour_agreement(np.array([0, 0]), np.array([[1], [0]]), np.array([[np.nan], [1]]))
    with pytest.raises(ValueError, match="`similarities`"):
        neighbour_agreement(np.array([0, 0]), np.array([[1], [0]]), np.ones((2, 2)))
