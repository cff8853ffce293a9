"""What a detector's scores are worth."""

import numpy as np
import pytest

from errata_model.kinds.boxes.trust import is_marked, learn_trust, trust

HERE, BESIDE, FAR = [0.1, 0.1, 0.3, 0.3], [0.12, 0.1, 0.32, 0.3], [0.6, 0.6, 0.8, 0.8]


def test_each_marked_box_is_found_once_by_the_best_of_its_class():
    """A second box there, one of another class and one elsewhere are not marked."""
    corners = np.array([HERE, BESIDE, HERE, FAR])
    found = is_marked(corners, np.array([0, 0, 1, 0]), np.array([BESIDE]), np.array([0]))
    assert found.tolist() == [True, False, False, False]


def test_two_boxes_beside_each_other_are_two():
    """Each takes the one that it overlaps most."""
    corners = np.array([HERE, BESIDE])
    assert is_marked(corners, np.zeros(2, int), np.array([BESIDE, HERE]), np.zeros(2, int)).tolist() == [True, True]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (2, 0), (0, 2)])
def test_nothing_found_or_nothing_marked_is_nothing_hit(n, m):
    """Any number of boxes, of no size too."""
    found = is_marked(np.zeros((n, 4)), np.zeros(n, int), np.zeros((m, 4)), np.zeros(m, int))
    assert found.tolist() == [False] * n


def test_scores_become_how_often_people_mark():
    """A detector that is half as sure as it should be, and whose boxes' quality says nothing."""
    rng = np.random.default_rng(0)
    probability, quality = rng.uniform(0.02, 0.98, 4000), rng.uniform(0.1, 0.9, 4000)
    odds = np.log(probability / (1 - probability))
    said = 1 / (1 + np.exp(-odds / 2 + 1))
    marked = rng.random(4000) < probability
    weights = learn_trust(said, quality, marked)
    assert np.abs(trust(said, quality, weights) - probability).mean() < 0.03
    assert weights == pytest.approx([2, 0, 2], abs=0.25)


def test_with_too_little_to_learn_from_scores_are_products():
    """They rank, and are no more."""
    said, quality = np.array([0.5, 0.9]), np.array([1.0, 0.5])
    weights = learn_trust(said, quality, np.array([True, False]))
    assert len(weights) == 0
    assert trust(said, quality, weights).tolist() == pytest.approx([0.5, 0.45])


def test_sure_answers_stay_within_bounds():
    """0 and 1 have no log-odds."""
    scores = trust(np.array([0.0, 1.0]), np.array([1.0, 1.0]), np.array([1.0, 1.0, 0.0]))
    assert 0 <= scores[0] < 0.6 < scores[1] <= 1
