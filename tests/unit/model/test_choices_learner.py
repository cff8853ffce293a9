import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array

from errata_model.kinds.choices.kernel import kernel_values
from errata_model.kinds.choices.learner import fit_choices
from errata_model.kinds.choices.model import load_model
from errata_model.kinds.choices.rows import normalise


def blobs(n, n_classes=3, width=12, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    centres = 3 * rng.normal(size=(n_classes, width))
    rows = centres[labels] + rng.normal(size=(n, width))
    return rows.astype(np.float32), labels


def texts(n, width=100, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    means = np.where(np.arange(width) % 3 == labels[:, None], 0.6, 0.15)
    return csr_array(rng.poisson(means).astype(np.float32)), labels


def one_hot(labels, n_classes=3):
    return np.eye(n_classes)[labels]


def is_sound(probabilities, shape):
    assert probabilities.shape == shape
    assert probabilities.dtype == np.float32
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    return True


def test_planted_errors_are_doubted():
    """Labels that were changed get a low probability; the others stay believed."""
    rows, labels = blobs(200)
    wrong = np.arange(0, 200, 20)
    given_labels = labels.copy()
    given_labels[wrong] = (labels[wrong] + 1) % 3
    found = fit_choices(rows, one_hot(given_labels), np.arange(200)).probabilities
    assert is_sound(found, (200, 3))
    assert (found.argmax(axis=1) == labels).mean() > 0.97
    confidence = found[np.arange(200), given_labels]
    assert set(np.argsort(confidence)[:10]) == set(wrong)


def test_planted_errors_are_doubted_in_texts_of_two_blocks():
    """Counts of words beside counts of characters."""
    counts, labels = texts(200)
    wrong = np.arange(0, 200, 20)
    given_labels = labels.copy()
    given_labels[wrong] = (labels[wrong] + 1) % 3
    fitted = fit_choices(counts, one_hot(given_labels), np.arange(200), blocks=(60, 40))
    assert is_sound(fitted.probabilities, (200, 3))
    assert is_sound(fitted.model.predict(counts[:5]), (5, 3))
    confidence = fitted.probabilities[np.arange(200), given_labels]
    assert len(set(np.argsort(confidence)[:10]) & set(wrong)) >= 9


@pytest.mark.parametrize(("draw", "n"), [(blobs, 12), (blobs, 90), (texts, 90)])
def test_a_belief_does_not_move_when_its_own_label_changes(draw, n):
    """Neither a fit nor the choice of settings and shares has seen the label of the row, nor those of its group."""
    rows, labels = draw(n)
    groups = np.arange(n) // 2
    before = fit_choices(rows, one_hot(labels), groups).probabilities
    for row in (0, 1, 5, n - 1):
        changed = labels.copy()
        changed[groups == groups[row]] = (labels[row] + 1) % 3
        after = fit_choices(rows, one_hot(changed), groups).probabilities
        np.testing.assert_allclose(after[row], before[row], atol=1e-4)  # rounding in single precision


def test_a_duplicate_with_the_same_wrong_label_does_not_vouch():
    """Two copies of one image in one group, both labelled wrong, are both doubted."""
    rows, labels = blobs(120)
    rows[1] = rows[0]
    given_labels = labels.copy()
    given_labels[:2] = (labels[0] + 1) % 3
    groups = np.arange(120)
    groups[1] = 0
    found = fit_choices(rows, one_hot(given_labels), groups).probabilities
    assert (found[:2].argmax(axis=1) == labels[0]).all()


def test_an_unlabelled_duplicate_is_predicted_without_its_twin():
    """A row without a label gets what its labelled twin of the same group gets."""
    rows, labels = blobs(120)
    rows[1] = rows[0]
    targets = one_hot(labels)
    targets[1] = 0
    groups = np.arange(120)
    groups[1] = 0
    found = fit_choices(rows, targets, groups).probabilities
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_an_unlabelled_row_gets_what_the_model_says():
    """Where no label of the group exists, the belief is the prediction of the model that is kept."""
    rows, labels = blobs(100)
    targets = one_hot(labels)
    targets[:10] = 0
    fitted = fit_choices(rows, targets, np.arange(100))
    np.testing.assert_allclose(fitted.probabilities[:10], fitted.model.predict(rows[:10]), atol=1e-3)


@pytest.mark.parametrize(("draw", "n"), [(blobs, 40), (blobs, 300), (texts, 100)])
def test_results_permute_with_the_rows(draw, n):
    """To the last bit, with all learners and with the kernel alone."""
    rows, labels = draw(n, seed=4)
    rng = np.random.default_rng(5)
    groups = rng.integers(0, n // 2, n)
    targets = one_hot(labels) * (rng.random(n) < 0.9)[:, None]
    order = rng.permutation(n)
    first = fit_choices(rows, targets, groups)
    second = fit_choices(rows[order], targets[order], groups[order])
    np.testing.assert_array_equal(second.probabilities, first.probabilities[order])
    np.testing.assert_array_equal(second.model.predict(rows), first.model.predict(rows))


def test_equal_input_and_seed_give_equal_results():
    """Deterministic; another seed draws other halves and folds."""
    rows, labels = blobs(150)
    fits = [fit_choices(rows, one_hot(labels), np.arange(150), seed=seed) for seed in (1, np.int64(1), 2)]
    np.testing.assert_array_equal(fits[0].probabilities, fits[1].probabilities)
    assert not np.array_equal(fits[0].probabilities, fits[2].probabilities)


def test_inputs_are_left_unchanged():
    """The caller's arrays are read only."""
    rows, labels = blobs(30)
    targets, groups = one_hot(labels), np.arange(30)
    copies = rows.copy(), targets.copy(), groups.copy()
    for array in (rows, targets, groups):
        array.setflags(write=False)
    fit_choices(rows, targets, groups)
    for array, copy in zip((rows, targets, groups), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_two_labels_in_all():
    """Each label is judged by one other alone: nothing is claimed with confidence; new rows follow the nearer label."""
    rows = np.array([[1, 0, 0], [0, 1, 0], [0.9, 0.1, 0]], dtype=np.float32)
    targets = np.array([[1, 0], [0, 1], [0, 0]], dtype=float)
    fitted = fit_choices(rows, targets, np.arange(3))
    assert is_sound(fitted.probabilities, (3, 2))
    assert fitted.probabilities[:2].max() < 0.8
    assert fitted.probabilities[2, 0] > 0.5


def test_a_class_with_one_label_and_more_classes_than_rows():
    """Rare and empty classes are no trouble."""
    rows, labels = blobs(30)
    labels = np.where(np.arange(30) == 7, 50, labels)
    assert is_sound(fit_choices(rows, one_hot(labels, 60), np.arange(30)).probabilities, (30, 60))


@pytest.mark.parametrize("groups", [np.zeros(40, dtype=int), np.arange(40)], ids=["one group", "no group"])
@pytest.mark.parametrize("value", [0.0, 1.0, -3e38])
def test_constant_embeddings(groups, value):
    """Where nothing tells rows apart the belief is finite."""
    rows = np.full((40, 5), value, dtype=np.float32)
    fitted = fit_choices(rows, one_hot(np.arange(40) % 3), groups)
    assert is_sound(fitted.probabilities, (40, 3))
    assert is_sound(fitted.model.predict(rows[:3]), (3, 3))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_hostile_finite_embeddings(data):
    """Whatever finite numbers come, probabilities come out."""
    n = data.draw(st.integers(2, 50))
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
    rows = data.draw(hnp.arrays(np.float32, (n, 3), elements=floats))
    groups = data.draw(hnp.arrays(np.int64, n, elements=st.integers(-3, 60)))
    fitted = fit_choices(rows, one_hot(np.arange(n) % 3), groups)
    assert is_sound(fitted.probabilities, (n, 3))
    assert is_sound(fitted.model.predict(rows), (n, 3))


@pytest.mark.parametrize(
    ("rows", "targets", "groups", "message"),
    [
        (np.ones((3, 2)), np.zeros((3, 2)), np.arange(3), "at least 2 labelled rows"),
        (np.ones((3, 2)), np.array([[1, 0], [0, 0], [0, 0]]), np.arange(3), "at least 2 labelled rows"),
        (np.ones((3, 2)), np.array([[1, 0], [1, 0], [0, 0]]), np.arange(3), "at least 2 classes"),
        (np.array([[1, 1], [np.nan, 1]]), np.eye(2), np.arange(2), "`features` must be finite, row 1"),
        (np.array([[1, 1], [1e300, 1]]), np.eye(2), np.arange(2), "`features` must be finite, row 1"),
        (np.ones((2, 2)), np.array([[1, 0], [np.nan, 1]]), np.arange(2), "row 1"),
        (np.ones((2, 2)), np.array([[1, 0], [1, 1]]), np.arange(2), "row 1"),
        (np.ones((2, 2)), np.array([[2, -1], [0, 1]]), np.arange(2), "row 0"),
        (np.ones((2, 2)), np.eye(3), np.arange(2), "`targets` must be"),
        (np.ones((2, 2)), np.eye(2), np.arange(3), "`groups` must be"),
        (np.ones((2, 2)), np.eye(2), np.array([0.5, 1]), "`groups` must be"),
        (np.ones(2), np.eye(2), np.arange(2), "`features` must be"),
        (csr_array([[1.0, 0], [0, -2]]), np.eye(2), np.arange(2), "counts >= 0 where they are sparse, row 1"),
        (csr_array([[1.0, 0], [0, np.nan]]), np.eye(2), np.arange(2), "counts >= 0 where they are sparse, row 1"),
        (np.zeros((0, 4)), np.zeros((0, 2)), np.zeros(0, dtype=int), "at least 2 labelled rows"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(rows, targets, groups, message):
    """In words that name the array, and the row where there is one."""
    with pytest.raises(ValueError, match=message):
        fit_choices(rows, targets, groups)


@pytest.mark.parametrize("blocks", [(1, 2), (), (2, 0), (3, -1)])
def test_blocks_that_do_not_fit_are_refused(blocks):
    """They must be parts of every row."""
    with pytest.raises(ValueError, match=r"`blocks` must be widths >= 1 that add up to 2"):
        fit_choices(np.ones((2, 2)), np.eye(2), np.arange(2), blocks=blocks)


def test_a_block_of_noise_does_little_harm():
    """The likelier block has the larger share."""
    rows, labels = blobs(200)
    noise = np.random.default_rng(8).normal(size=(200, 6)).astype(np.float32)
    fitted = fit_choices(np.hstack((noise, rows)), one_hot(labels), np.arange(200), blocks=(6, 12))
    assert (fitted.probabilities.argmax(axis=1) == labels).mean() > 0.97
    shares = [sum(member.weight for member in fitted.model.members if member.block == n) for n in (0, 1)]
    assert shares[0] < 0.4 < shares[1]


@pytest.mark.parametrize("n", [2, 30])
def test_texts_without_a_word(n):
    """Where nothing is counted the belief is finite, for new rows, too."""
    counts = csr_array((n, 7), dtype=np.float32)
    fitted = fit_choices(counts, one_hot(np.arange(n) % 2, 2), np.arange(n))
    assert is_sound(fitted.probabilities, (n, 2))
    assert is_sound(fitted.model.predict(csr_array(np.ones((2, 7)))), (2, 2))


def test_a_group_that_holds_a_whole_class():
    """Its rows are doubted, for nobody else vouches for the class; the rest is believed."""
    rows, labels = blobs(120, n_classes=2)
    labels[:6] = 2
    groups = np.r_[np.zeros(6, dtype=int), np.arange(1, 115)]
    found = fit_choices(rows, one_hot(labels), groups).probabilities
    assert (found[:6].argmax(axis=1) != 2).all()
    assert (found[6:].argmax(axis=1) == labels[6:]).mean() > 0.95


def test_no_time_at_all_still_gives_a_belief():
    """`minutes` bounds the search for settings, not whether there is a result."""
    rows, labels = blobs(100)
    found = fit_choices(rows, one_hot(labels), np.arange(100), minutes=0).probabilities
    assert (found.argmax(axis=1) == labels).mean() > 0.95


@pytest.mark.parametrize("draw", [blobs, texts])
def test_the_model_survives_a_file_without_pickle(draw):
    """Saved and loaded, it predicts the same, from several threads at once, too."""
    rows, labels = draw(160)  # enough for every learner
    model = fit_choices(rows, one_hot(labels), np.arange(160)).model
    file = io.BytesIO()
    np.savez(file, **model.arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = load_model(arrays)
    expected = model.predict(rows)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: again.predict(rows), range(8)):
            np.testing.assert_allclose(found, expected, rtol=1e-5)  # products depend on where arrays begin


def test_a_model_of_the_first_version_is_still_read():
    """It was a lone kernel over embeddings that were not centred."""
    rows, labels = blobs(60)
    landmarks = normalise(rows)
    coefficients = np.linalg.solve(kernel_values(landmarks, landmarks, 0.7) + np.eye(60), one_hot(labels) - 1 / 3)
    arrays = {
        "landmarks": landmarks,
        "coefficients": coefficients.astype(np.float32),
        "width": np.array(0.7),
        "temperature": np.array(0.1),
    }
    model = load_model(arrays)
    assert model.width == 12
    assert (model.predict(rows).argmax(axis=1) == labels).mean() > 0.97


def test_a_model_refuses_what_it_cannot_read():
    """Other widths, rows that are not finite, arrays that are missing."""
    rows, labels = blobs(30)
    model = fit_choices(rows, one_hot(labels), np.arange(30)).model
    assert model.predict(np.zeros((0, 12))).shape == (0, 3)
    with pytest.raises(ValueError, match="12 columns, got 5"):
        model.predict(np.zeros((1, 5)))
    with pytest.raises(ValueError, match="row 1"):
        model.predict(np.array([[0.0] * 12, [np.inf] * 12]))
    with pytest.raises(ValueError, match="landmarks"):
        load_model({"width": np.array(1.0)})


def test_planted_errors_among_digits_come_first():
    """On the digits of scikit-learn with planted errors, 85 of the first 90 findings are planted."""
    datasets = pytest.importorskip("sklearn.datasets")
    digits = datasets.load_digits()
    seed = 11
    print("seed", seed)
    rng = np.random.default_rng(seed)
    planted = rng.choice(len(digits.target), 90, replace=False)
    labels = digits.target.copy()
    labels[planted] = (labels[planted] + rng.integers(1, 10, 90)) % 10
    found = fit_choices(digits.data, one_hot(labels, 10), np.arange(len(labels))).probabilities
    first = np.argsort(found[np.arange(len(labels)), labels])[:90]
    assert len(set(first) & set(planted)) >= 85


def test_short_texts_of_few_words_are_learned_from():
    """Their kernel has fewer directions than rows, and single precision rounds its eigenvalues below the jitter."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 2000)
    counts = rng.poisson(0.3, (2000, 12)) + 2 * np.eye(3, 12, dtype=int)[labels]
    found = fit_choices(csr_array(counts.astype(np.float32)), np.eye(3)[labels], np.arange(2000), minutes=0)
    assert (found.probabilities.argmax(axis=1) == labels).mean() > 0.9
