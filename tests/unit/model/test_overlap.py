"""Pairs of classes that cannot be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from errata_model.kinds.choices.learner import fit_choices
from errata_model.overlap import find_overlaps


def believed(labels: np.ndarray) -> np.ndarray:
    features = load_digits().data.astype(np.float32)
    n_classes = int(labels.max()) + 1
    return fit_choices(features, np.eye(n_classes, dtype=np.float32)[labels], np.arange(len(labels))).probabilities


def test_a_class_that_is_split_at_random_overlaps() -> None:
    """Half of the threes, drawn at random, are called ten: nobody can tell 3 and 10 apart, all others can be."""
    labels = load_digits().target.copy()
    threes = np.flatnonzero(labels == 3)
    labels[np.random.default_rng(1).permutation(threes)[: len(threes) // 2]] = 10
    predicted = believed(labels)
    (overlap,) = find_overlaps(labels, predicted)
    assert (overlap.first, overlap.second, overlap.n_first + overlap.n_second) == (3, 10, len(threes))
    assert overlap.usual > 0.99
    either = np.isin(labels, (3, 10))
    share = predicted[either, 3] / predicted[either][:, [3, 10]].sum(axis=1)
    assert overlap.told_apart == pytest.approx(roc_auc_score(labels[either] == 3, share))


def test_wrong_labels_are_no_overlap() -> None:
    """With a tenth of the labels wrong the classes are still told apart."""
    rng = np.random.default_rng(2)
    labels = load_digits().target.copy()
    wrong = rng.permutation(len(labels))[: len(labels) // 10]
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    assert find_overlaps(labels, believed(labels)) == ()


def test_who_knows_nothing_finds_no_overlaps() -> None:
    """A learner that guesses, and a project of few classes or items, say nothing about the guideline."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 6, 600)
    assert find_overlaps(labels, rng.dirichlet(np.ones(6), 600)) == ()
    assert find_overlaps(labels % 2, rng.dirichlet(np.ones(2), 600)) == ()
    assert find_overlaps(np.zeros(0, int), np.zeros((0, 5))) == ()
