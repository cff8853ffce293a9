"""The learner of tags: out of sample by construction, calibrated a tag at a time."""

from dataclasses import fields

import numpy as np
import pytest
from scipy.sparse import csr_array

from errata_model.kinds.choices.examples import Examples
from errata_model.kinds.stored import load_model
from errata_model.kinds.tags.base_rates import deviations, rates_of_others, with_ones
from errata_model.kinds.tags.calibration import fit_sigmoids, sigmoid, standardise, uncalibrated
from errata_model.kinds.tags.learner import fit_tags
from errata_model.out_of_sample import leave_group_out


def made(n=240, seed=0, n_tags=4):
    """Embeddings, and tags that depend on them: the first common, the last rare."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 6)).astype(np.float32)
    directions = rng.normal(size=(6, n_tags))
    thresholds = np.linspace(0, 3.5, n_tags)
    return rows, (rows @ directions > thresholds).astype(float)


def words(n=240, seed=0, n_tags=3):
    """Counts of words, of which some go with a tag, and tags."""
    rng = np.random.default_rng(seed)
    tags = rng.random((n, n_tags)) < 0.4
    counts = rng.poisson(0.2, (n, 40))
    counts[:, : 8 * n_tags] += np.repeat(tags, 8, axis=1) * rng.poisson(0.5, (n, 8 * n_tags))
    return csr_array(counts.astype(np.float32)), tags.astype(float)


def fit(rows, tags, groups=None, **options):
    n = len(tags)
    groups = np.arange(n) if groups is None else groups
    return fit_tags(rows, tags, np.ones(n, bool), groups, **{"seed": 1, **options})


def log_loss(tags, probabilities):
    p = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return -np.mean(tags * np.log(p) + (1 - tags) * np.log(1 - p))


def test_learns_tags_out_of_sample():
    """Much better than base rates, each tag on its own, and as good as new rows of the same kind are predicted."""
    rows, tags = made(500)
    fitted = fit(rows[:300], tags[:300])
    seen, new = fitted.probabilities, fitted.model.predict(rows[300:])
    base = np.broadcast_to(tags[:300].mean(axis=0), tags[300:].shape)
    assert seen.dtype == new.dtype == np.float32
    assert ((seen >= 0) & (seen <= 1)).all()
    assert log_loss(tags[300:], new) < 0.6 * log_loss(tags[300:], base)
    assert log_loss(tags[:300], seen) == pytest.approx(log_loss(tags[300:], new), rel=0.35)


def test_no_row_has_seen_a_label_of_its_group():
    """Whatever the tags of a group of three are, what is believed about its rows stays."""
    rows, tags = made(330)
    groups = np.arange(330) // 3
    fitted = fit(rows, tags, groups)
    assert len(fitted.model.members) == 2
    before = fitted.probabilities
    turned = tags.copy()
    turned[30:33] = 1 - turned[30:33]
    after = fit(rows, turned, groups).probabilities
    np.testing.assert_allclose(after[30:33], before[30:33], atol=2e-5)
    assert np.abs(after - before).max() > 1e-3


def test_no_text_has_seen_a_label_of_its_group():
    """The same of counts, where naive Bayes takes part."""
    counts, tags = words(330)
    groups = np.arange(330) // 3
    before = fit(counts, tags, groups)
    assert len(before.model.members) == 2
    turned = tags.copy()
    turned[30:33] = 1 - turned[30:33]
    after = fit(counts, turned, groups).probabilities
    np.testing.assert_allclose(after[30:33], before.probabilities[30:33], atol=2e-5)
    assert np.abs(after - before.probabilities).max() > 1e-3


@pytest.mark.parametrize("make", [lambda: made(150), lambda: words(300)], ids=["embeddings", "counts"])
def test_rows_and_tags_permute(make):
    """The result permutes with the rows, and with the tags; another seed is another draw, not another belief."""
    rows, tags = make()
    before = fit(rows, tags).probabilities
    order = np.random.default_rng(3).permutation(len(tags))
    np.testing.assert_allclose(fit(rows[order], tags[order], order).probabilities, before[order], atol=1e-6)
    np.testing.assert_allclose(fit(rows, tags[:, ::-1]).probabilities, before[:, ::-1], atol=5e-3)
    assert np.abs(fit(rows, tags, seed=2).probabilities - before).mean() < 0.08


def test_wrong_tags_are_doubted_first():
    """Planted: of 300 items 12 lost a tag and 12 got one; nearly all stand among the first 30 cells."""
    rows, tags = made(300)
    rng = np.random.default_rng(4)
    margins = np.abs(fit(rows, tags).probabilities - 0.5)
    sure = np.argwhere(margins > 0.4)
    planted = sure[rng.choice(len(sure), 24, replace=False)]
    tags[tuple(planted.T)] = 1 - tags[tuple(planted.T)]
    quality = 1 - np.abs(tags - fit(rows, tags).probabilities)
    first = np.argsort(quality, axis=None)[:30]
    found = set(first.tolist()) & set(np.ravel_multi_index(tuple(planted.T), tags.shape).tolist())
    assert len(found) >= 18


def test_tags_that_all_or_none_have_stay_near_their_base_rate():
    """(n + 1/2) / (n + 1) and (1/2) / (n + 1), for known and for new rows."""
    rows, tags = made(100, n_tags=2)
    tags = np.column_stack((tags, np.zeros(100), np.ones(100)))
    fitted = fit(rows, tags)
    for found in (fitted.probabilities, fitted.model.predict(rows[:7] + 1)):
        assert found[:, 2].max() < 0.01
        assert found[:, 3].min() > 0.99


def test_a_row_that_is_not_labelled_teaches_nothing_and_is_predicted():
    """Whatever stands there; a row of zeros that is labelled says that no tag applies."""
    rows, tags = made(200)
    is_labelled = np.arange(200) % 4 > 0
    hidden = np.where(is_labelled[:, None], tags, np.nan)
    groups = np.arange(200)
    found = fit_tags(rows, hidden, is_labelled, groups, seed=1)
    again = fit_tags(rows, np.where(is_labelled[:, None], tags, 1), is_labelled, groups, seed=1)
    np.testing.assert_array_equal(found.probabilities, again.probabilities)
    base = np.broadcast_to(tags.mean(axis=0), tags.shape)
    assert log_loss(tags[~is_labelled], found.probabilities[~is_labelled]) < log_loss(tags, base)
    zeros = fit_tags(rows, np.nan_to_num(hidden), np.ones(200, bool), groups, seed=1)
    assert zeros.probabilities.mean() < found.probabilities.mean()


def test_sparse_counts_in_blocks():
    """Counts of words beside counts that say nothing: the first block has nearly the whole say."""
    rng = np.random.default_rng(5)
    tags = rng.random((200, 3)) < 0.4
    words = rng.poisson(0.2, (200, 30)) + np.repeat(tags, 10, axis=1) * rng.poisson(0.5, (200, 30))
    noise = rng.poisson(0.3, (200, 20))
    counts = csr_array(np.hstack((words, noise)).astype(np.float32))
    fitted = fit(counts, tags.astype(float), blocks=(30, 20))
    assert log_loss(tags, fitted.probabilities) < 0.75 * log_loss(tags, np.broadcast_to(tags.mean(axis=0), tags.shape))
    assert [block.stop for block in fitted.model.blocks] == [30, 50]
    assert [(member.block, member.predictor.kind) for member in fitted.model.members] == [
        (0, "kernel"),
        (0, "linear"),
        (1, "kernel"),
        (1, "linear"),
    ]
    assert sum(member.weight for member in fitted.model.members[:2]) > 0.6
    assert sum(member.weight for member in fitted.model.members) == pytest.approx(1)
    again = load_model(fitted.model.arrays())
    np.testing.assert_array_equal(again.predict(counts), fitted.model.predict(counts))


def test_a_model_comes_back_as_it_was():
    """`load_model` tells it from a model of single choice; what is missing is named."""
    rows, tags = made(80)
    model = fit(rows, tags).model
    arrays = model.arrays()
    again = load_model(arrays)
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))
    assert again.width == 6
    assert again.predict(rows[:0]).shape == (0, 4)
    with pytest.raises(ValueError, match="6 columns, got 5"):
        again.predict(rows[:, :5])
    for name in ("block_stops", "member0.coefficients"):
        with pytest.raises(ValueError, match=name.partition(".")[2] or name):
            load_model({key: array for key, array in arrays.items() if key != name})


@pytest.mark.parametrize("n", [2, 3, 9])
def test_few_rows(n):
    """Too few to fit anything by: still probabilities, out of sample."""
    rows, _ = made(n)
    tags = np.zeros((n, 2))
    tags[0, 0] = 1
    found = fit(rows, tags).probabilities
    assert np.isfinite(found).all()
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.zeros((10, 2))}, "some have and others have not"),
        ({"targets": np.zeros((9, 2))}, r"`targets` must be \(10, K\)"),
        ({"targets": np.full((10, 2), 2.0)}, "row 0 is"),
        ({"targets": np.full((10, 2), np.nan)}, "row 0 is"),
        ({"is_labelled": np.arange(10) < 1}, "at least 2 labelled rows"),
        ({"is_labelled": np.ones(10)}, "booleans"),
        ({"groups": np.zeros(9, int)}, "`groups`"),
        ({"blocks": (3, 2)}, "`blocks`"),
        ({"features": np.full((10, 6), np.nan)}, "`features` must be finite, row 0"),
    ],
)
def test_bad_input(change, message):
    """The message says what was expected and what came."""
    rows, tags = made(10)
    tags[0], tags[1] = 1, 0
    good = {
        "features": rows,
        "targets": tags,
        "is_labelled": np.ones(10, bool),
        "groups": np.arange(10),
        "blocks": None,
    }
    with pytest.raises(ValueError, match=message):
        fit_tags(**{**good, **change})


def test_deviations_are_those_of_a_ridge_fitted_to_centred_tags():
    """_reference: fitting is linear, so the base rate may be taken away after it."""
    rows, tags = made(60)
    examples = Examples(with_ones(tags, np.ones(60, bool)), np.arange(60), np.arange(60))
    everything = np.ones(60, bool)
    scores = leave_group_out(rows.astype(np.float64), examples.targets - 1 / 5, np.arange(60), everything, 1.0)
    rates = rates_of_others(examples)
    np.testing.assert_allclose(rates[7], (np.delete(tags, 7, axis=0).sum(axis=0) + 0.5) / 60)
    for row in (0, 7):
        centred = leave_group_out(rows.astype(np.float64), tags - rates[row], np.arange(60), everything, 1.0)
        np.testing.assert_allclose(deviations(scores, rates)[row], centred[row], atol=1e-9)


def test_sigmoids_find_what_made_the_tags():
    """Slopes and shifts of common tags come back; a tag that was given twice has nearly everybody's."""
    rng = np.random.default_rng(6)
    base = np.full((3000, 4), 0.3)
    base[:, 3] = 0.001
    scores = rng.normal(size=base.shape)
    true_slopes, true_shifts = np.array([2.0, 3.0, 4.0, 3.0]), np.array([0.5, 0.0, -0.5, 0.0])
    log_odds = np.log(base / (1 - base)) + true_slopes * scores + true_shifts
    tags = (rng.random(base.shape) < sigmoid(log_odds)).astype(float)
    tags[:, 3] = 0
    tags[:2, 3] = 1
    found = fit_sigmoids(scores, base, tags)
    np.testing.assert_allclose(found.slopes[:3], true_slopes[:3], rtol=0.15)
    np.testing.assert_allclose(found.shifts[:3], true_shifts[:3], atol=0.25)
    assert 0 <= found.slopes[3] < 5
    assert [np.shape(getattr(uncalibrated(4), each.name)) for each in fields(found)] == [(4,), (4,)]
    assert standardise(np.array([[0.5]]), np.array([0.5])).tolist() == [[1.0]]
    assert sigmoid(np.array([-2000.0, 2000.0])).tolist() == [0, 1]
