"""An answer among others to the same question."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata_model.kinds.values.voices import hear


def alike(*answers: object) -> np.ndarray:
    return np.array([[float(one == other) for other in answers] for one in answers])


def test_one_other_who_differs_makes_it_as_likely_wrong_as_right() -> None:
    """Of two people who differ nobody knows who errs: both are doubted, at a half."""
    heard = hear(alike(4, 1), np.ones(1))
    assert (heard.disagreement, heard.best, heard.is_outvoted) == (0.5, 0, True)


def test_two_who_agree_outvote_one_and_are_not_doubted_for_it() -> None:
    """The one who differs is wrong with two thirds; each of the two with one, and stays as it is."""
    assert hear(alike(1, 4, 4), np.ones(2)).disagreement == pytest.approx(2 / 3)
    of_majority = hear(alike(4, 4, 1), np.ones(2))
    assert of_majority.disagreement == pytest.approx(1 / 3)
    assert not of_majority.is_outvoted


def test_a_near_miss_counts_as_far_as_it_differs() -> None:
    """An answer that is three quarters alike speaks with a quarter of its voice against."""
    assert hear(np.array([[1, 0.75], [0.75, 1]]), np.ones(1)).disagreement == pytest.approx(0.125)


def test_a_model_speaks_with_its_certainty() -> None:
    """A prediction that is sure to 90 % makes another answer wrong with 90 %; below a half it outvotes nobody."""
    sure = hear(alike(1, 4), np.array([0.9]), own=0.1)
    assert sure.disagreement == pytest.approx(0.9)
    assert sure.support == pytest.approx(0.9)
    assert sure.is_outvoted
    unsure = hear(alike(1, 4), np.array([0.3]), own=0.7)
    assert unsure.disagreement == pytest.approx(0.3)
    assert not unsure.is_outvoted


def test_who_says_the_same_is_not_doubted() -> None:
    """Nothing speaks against an answer that everybody gives, nor where nobody's voice has weight."""
    assert hear(alike(4, 4), np.ones(1)) == hear(alike(4, 4), np.ones(1), own=0.0)
    assert hear(alike(4, 4), np.ones(1)).disagreement == 0
    assert hear(alike(4, 1), np.zeros(1), own=0.0).disagreement == 0


def test_shapes_that_do_not_agree_are_an_error() -> None:
    """Nobody to compare with, or similarities of others, is refused with what was given."""
    with pytest.raises(ValueError, match=r"\(1, 1\)"):
        hear(np.ones((1, 1)), np.zeros(0))
    with pytest.raises(ValueError, match=r"\(3, 3\)"):
        hear(np.ones((3, 3)), np.ones(1))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6))
def test_disagreement_is_bounded_and_does_not_depend_on_the_others_order(answers: list[int]) -> None:
    """Whoever is listed first among the others, what speaks against an answer is the same, in [0, 1]."""
    forth = hear(alike(*answers), np.ones(len(answers) - 1))
    back = hear(alike(answers[0], *reversed(answers[1:])), np.ones(len(answers) - 1))
    assert 0 <= forth.disagreement <= 1
    assert forth.disagreement == pytest.approx(back.disagreement)
