"""Items that look like nothing else."""

from __future__ import annotations

import random

import numpy as np
import pytest

from errata_model.encoders.text import load_text_encoder
from errata_model.outliers import LEAST, outlyingness


@pytest.fixture
def rng() -> np.random.Generator:
    seed = random.randrange(2**32)
    print("seed", seed)
    return np.random.default_rng(seed)


def clusters(rng: np.random.Generator, sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    centres = rng.normal(size=(len(sizes), 30)) * 5
    return (centres[classes] + rng.normal(size=(len(classes), 30))).astype(np.float32), classes


def test_what_fits_nowhere_is_far(rng: np.random.Generator) -> None:
    """Of 1,500 items of five tight classes, exactly the five that were drawn from nowhere stand out."""
    rows, given = clusters(rng, [300] * 5)
    strange = rng.normal(size=(5, 30)).astype(np.float32) * 5
    far = outlyingness(np.vstack((rows, strange)), np.append(given, [0, 1, 2, 3, 4]), np.arange(1505))
    assert (far[-5:] >= LEAST).all()
    assert not far[:-5].any()


def test_chance_makes_no_outliers(rng: np.random.Generator) -> None:
    """Items of a normal distribution are all in place."""
    for width in (2, 10, 100):
        rows = rng.normal(size=(2000, width)).astype(np.float32)
        assert (outlyingness(rows, rng.integers(0, 4, 2000), np.arange(2000)) > 0).sum() <= 2


def test_a_rare_class_is_in_place(rng: np.random.Generator) -> None:
    """Its items are far from all others, but that is what the class looks like; so are 25 labelled alike."""
    for n_rare in (3, 25):
        rows, given = clusters(rng, [400, 400, n_rare])
        assert not outlyingness(rows, given, np.arange(len(rows)))[-n_rare:].any()


def test_copies_and_what_is_not_labelled(rng: np.random.Generator) -> None:
    """A copy of an outlier does not put it in place; an item without a class is none."""
    rows, given = clusters(rng, [300] * 4)
    strange = np.repeat(rng.normal(size=(2, 30)).astype(np.float32) * 5, 2, axis=0)
    groups = np.append(np.arange(1200), [1200, 1200, 1201, 1201])
    far = outlyingness(np.vstack((rows, strange)), np.append(given, [0, 0, 1, -1]), groups)
    assert (far[-4:] >= LEAST).tolist() == [True, True, True, False]


def test_items_permute(rng: np.random.Generator) -> None:
    """What the others are compared with is drawn by content, so that the order of items decides nothing."""
    rows, given = clusters(rng, [700, 500])
    rows[::60] = rng.normal(size=(20, 30)) * 5
    order = rng.permutation(1200)
    before = outlyingness(rows, given, np.arange(1200))
    after = outlyingness(rows[order], given[order], np.arange(1200))
    assert (before > 0).sum() >= 5
    np.testing.assert_allclose(after, before[order], rtol=1e-3)


def test_too_few_or_all_the_same(rng: np.random.Generator) -> None:
    """Nothing is said about fewer than 100 items, nor where all rows are equal or zeros."""
    assert not outlyingness(rng.normal(size=(99, 5)).astype(np.float32), np.zeros(99, int), np.arange(99)).any()
    for value in (0, 1):
        rows = np.full((200, 5), value, dtype=np.float32)
        assert not outlyingness(rows, np.zeros(200, int), np.arange(200)).any()
    with pytest.raises(ValueError, match="must have 200 rows, got 3 and 200"):
        outlyingness(rows, np.zeros(3, int), np.arange(200))


def test_a_text_in_another_tongue(rng: np.random.Generator) -> None:
    """Texts that share hardly a word with others stand out, all others do not."""
    common = np.array([f"word{n}" for n in range(400)])
    texts = [" ".join(rng.choice(common, 30)) for _ in range(300)]
    texts += [" ".join(f"{tongue}{n}" for n in range(30)) for tongue in ("mot", "wort")]
    counts = load_text_encoder("words").encode(texts)
    far = outlyingness(counts, np.arange(302) % 3, np.arange(302))
    assert (far[300:] >= LEAST).all()
    assert (far[:300] > 0).sum() <= 3
