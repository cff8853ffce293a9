"""Groups of items that show the same, or nearly."""

from __future__ import annotations

import random

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from errata_model.duplicates import group_duplicates
from errata_model.encoders.text import load_text_encoder


@pytest.fixture
def rng() -> np.random.Generator:
    seed = random.randrange(2**32)
    print("seed", seed)
    return np.random.default_rng(seed)


def partition(groups: NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in np.unique(groups)}


def test_copies_are_found_among_clusters(rng: np.random.Generator) -> None:
    """In ten classes of 100, 40 items with a little noise on them are grouped with their originals, nothing else."""
    centres = np.repeat(rng.normal(size=(10, 40)) * 3, 100, axis=0)
    rows = centres + rng.normal(size=(1000, 40))
    copies = rows[:40] * 2 + rng.normal(size=(40, 40)) * 0.1  # lengths do not matter
    groups = group_duplicates(np.vstack((rows, copies)).astype(np.float32), np.arange(1040))
    assert {group for group in partition(groups) if len(group) > 1} == {frozenset((n, 1000 + n)) for n in range(40)}


def test_every_item_may_have_a_copy(rng: np.random.Generator) -> None:
    """What is usual is measured beyond the first neighbours: copies of everything are still copies."""
    rows = rng.normal(size=(400, 30)).astype(np.float32)
    both = np.vstack((rows, rows + rng.normal(size=rows.shape).astype(np.float32) * 0.03))
    groups = group_duplicates(both, np.arange(800))
    assert (groups[:400] == groups[400:]).all()
    assert len(np.unique(groups)) == 400


@pytest.mark.parametrize("width", [2, 3, 10, 100])
def test_chance_brings_no_items_together(rng: np.random.Generator, width: int) -> None:
    """Random rows are not near to each other, also where few dimensions put many of them close."""
    groups = group_duplicates(rng.normal(size=(2000, width)).astype(np.float32), np.arange(2000))
    assert len(np.unique(groups)) >= 1990


def test_equal_content_is_the_same_whatever_it_looks_like(rng: np.random.Generator) -> None:
    """Numbers or hashes; also where there are too few items to say what is near."""
    rows = rng.normal(size=(6, 4)).astype(np.float32)
    assert partition(group_duplicates(rows, ["a", "b", "a", "c", "b", "d"])) == {
        frozenset(group) for group in ((0, 2), (1, 4), (3,), (5,))
    }
    assert group_duplicates(np.zeros((0, 4), dtype=np.float32), []).shape == (0,)


def test_a_crowd_is_no_copy(rng: np.random.Generator) -> None:
    """60 empty frames that look alike are how a class looks: each stays alone; 30 of a burst are one group."""
    rows = rng.normal(size=(600, 30)).astype(np.float32)
    rows[:60] = rows[0] + rng.normal(size=(60, 30)).astype(np.float32) * 0.01
    rows[60:90] = rows[60] + rng.normal(size=(30, 30)).astype(np.float32) * 0.01
    groups = group_duplicates(rows, np.arange(600))
    assert len(np.unique(groups[:60])) == 60
    assert len(np.unique(groups[60:90])) == 1


def test_rows_of_zeros_are_near_to_nothing(rng: np.random.Generator) -> None:
    """What an encoder says nothing about is not the same as what it says nothing about either."""
    rows = rng.normal(size=(300, 30)).astype(np.float32)
    rows[:3] = 0
    assert len(np.unique(group_duplicates(rows, np.arange(300)))) == 300
    assert len(np.unique(group_duplicates(np.zeros((60, 8), dtype=np.float32), np.arange(60)))) == 60


def test_rows_permute_with_rows(rng: np.random.Generator) -> None:
    """The same items are together whatever their order."""
    rows = rng.normal(size=(2000, 32)).astype(np.float32)
    nearness = rng.uniform(0.1, 0.6, (400, 1)).astype(np.float32)  # also about as near as is just near enough
    rows[:400] = rows[400:800] + nearness * rng.normal(size=(400, 32)).astype(np.float32)
    order = rng.permutation(2000)
    before, after = group_duplicates(rows, np.arange(2000)), group_duplicates(rows[order], np.arange(2000))
    assert partition(before) == {frozenset(order[list(group)].tolist()) for group in partition(after)}


def test_many_rows_are_compared_in_parts(rng: np.random.Generator) -> None:
    """Of 200 copies among 25,000 rows nearly all are found."""
    rows = rng.normal(size=(25_000, 48)).astype(np.float32)
    rows[-200:] = rows[:200] + rng.normal(size=(200, 48)).astype(np.float32) * 0.05
    groups = group_duplicates(rows, np.arange(len(rows)))
    assert (groups[:200] == groups[-200:]).mean() > 0.97


def test_texts_that_say_nearly_the_same(rng: np.random.Generator) -> None:
    """A text with a word more is the same; one that shares half of its words is another."""
    words = np.array([f"word{n}" for n in range(3000)])
    texts = [" ".join(rng.choice(words, 40)) for _ in range(200)]
    texts += [texts[0] + " update", texts[1].upper(), " ".join((*texts[2].split()[:20], *texts[3].split()[:20]))]
    counts = load_text_encoder("words,characters").encode(texts)
    assert isinstance(counts, csr_array)
    together = {group for group in partition(group_duplicates(counts, texts)) if len(group) > 1}
    assert together == {frozenset((0, 200)), frozenset((1, 201))}
    assert partition(group_duplicates(csr_matrix(counts), texts)) == partition(group_duplicates(counts, texts))


def test_equal_rows_are_found_where_nothing_else_is_near_enough(rng: np.random.Generator) -> None:
    """Rows along a line, in which chance puts some arbitrarily close: rounding hides no row that is quite the same."""
    angles = rng.uniform(0, np.pi / 2, 300)
    line = np.column_stack((np.cos(angles), np.sin(angles))) @ rng.normal(size=(2, 700))
    rows = np.concatenate((line, line[:40])).astype(np.float32) * 3
    groups = group_duplicates(rows, np.arange(340))
    assert (groups[:40] == groups[300:]).all()
    assert len(np.unique(groups)) > 295


def test_shapes_must_agree() -> None:
    """A row too few is said with both numbers."""
    with pytest.raises(ValueError, match="a row for each of the 3 items, got 2"):
        group_duplicates(np.zeros((2, 4), dtype=np.float32), [1, 2, 3])
