"""What several annotators say together of tags."""

import random

import numpy as np
import pytest

from errata_model.kinds.choices.annotators import find_consensus
from errata_model.kinds.tags.annotators import find_consensus_of_tags


@pytest.fixture
def rng():
    seed = random.randrange(2**32)
    print("seed", seed)
    return np.random.default_rng(seed)


def crowd(rng, n=200, hits=(0.95, 0.8, 0.6), slips=(0.02, 0.05, 0.2), n_tags=5):
    truth = rng.random((n, n_tags)) < np.linspace(0.5, 0.02, n_tags)
    items, people = np.repeat(np.arange(n), len(hits)), np.tile(np.arange(len(hits)), n)
    rates = np.where(truth[items], np.array(hits)[people][:, None], np.array(slips)[people][:, None])
    return truth, items, people, rng.random(rates.shape) < rates


def test_each_tag_is_a_choice_of_two(rng):
    """One tag alone is what `find_consensus` says of a choice between left out and given."""
    truth, items, people, given = crowd(rng, n_tags=1)
    predicted = np.clip(truth + rng.normal(0, 0.3, truth.shape), 0.05, 0.95)
    found = find_consensus_of_tags(items, people, given, 3, predicted)
    table = given.reshape(200, 3).astype(int)
    expected = find_consensus(table, np.column_stack((1 - predicted, predicted)))
    np.testing.assert_allclose(found.probabilities[:, 0], expected.probabilities[:, 1], atol=1e-9)
    np.testing.assert_allclose(found.agreement[:, 0], expected.agreement)
    np.testing.assert_allclose(found.answer_quality[:, 0], expected.label_quality.ravel(), atol=1e-9)
    np.testing.assert_allclose(found.annotator_quality, expected.annotator_quality, atol=1e-9)


def test_better_than_votes_and_than_the_belief(rng):
    """Wrong for fewer tags of items, with annotators of different worth."""
    truth, items, people, given = crowd(rng, n=600)
    predicted = np.clip(0.25 + 0.5 * truth + rng.normal(0, 0.25, truth.shape), 0.01, 0.99)
    found = find_consensus_of_tags(items, people, given, 3, predicted)
    votes = given.reshape(600, 3, -1).mean(axis=1)
    n_wrong = [((p > 0.5) != truth).sum() for p in (found.probabilities, votes, predicted)]
    assert n_wrong[0] < min(n_wrong[1:])
    assert np.argsort(found.annotator_quality).tolist() == [2, 1, 0]


def test_it_permutes(rng):
    """With answers, items, annotators and tags."""
    truth, items, people, given = crowd(rng, n=60)
    predicted = 0.2 + 0.6 * truth
    before = find_consensus_of_tags(items, people, given, 3, predicted)
    answers, order, tags = rng.permutation(len(items)), rng.permutation(60), rng.permutation(5)
    place = np.argsort(order)
    after = find_consensus_of_tags(
        place[items[answers]], 2 - people[answers], given[answers][:, tags], 3, predicted[order][:, tags]
    )
    np.testing.assert_allclose(after.probabilities, before.probabilities[order][:, tags], atol=1e-6)
    np.testing.assert_allclose(after.answer_quality, before.answer_quality[answers][:, tags], atol=1e-6)
    np.testing.assert_allclose(after.annotator_quality, before.annotator_quality[::-1], atol=1e-6)


def test_nobody_answered():
    """The belief stands, and nobody agrees."""
    found = find_consensus_of_tags(
        np.zeros(0, int), np.zeros(0, int), np.zeros((0, 2), bool), 0, np.array([[0.2, 0.9]])
    )
    np.testing.assert_allclose(found.probabilities, [[0.2, 0.9]])
    assert np.isnan(found.agreement).all()
    assert found.answer_quality.shape == (0, 2)


@pytest.mark.parametrize(
    ("given", "predicted", "message"),
    [
        (np.zeros((1, 2), bool), np.zeros((1, 3)), r"`given` must be \(V, K\)"),
        (np.zeros((1, 2), int), np.zeros((1, 2)), "booleans"),
        (np.zeros((1, 2), bool), np.full((1, 2), np.nan), "finite"),
        (np.zeros((1, 2), bool), np.full((1, 2), 1.2), ">= 0"),
    ],
)
def test_bad_input(given, predicted, message):
    """The message says what was expected and what came."""
    with pytest.raises(ValueError, match=message):
        find_consensus_of_tags(np.zeros(1, int), np.zeros(1, int), given, 1, predicted)
