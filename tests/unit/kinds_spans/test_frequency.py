"""How often spans are wrong in texts that have many of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from errata_model.kinds.spans.frequency import chances_of, frequency_by_size, shares_of, weigh_frequency

USUAL = 0.1


def evidence(power: float, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return (N,) sizes of texts, log-odds of spans, and which of them are wrong: one in ten, by size ** -power."""
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    sizes = np.repeat(np.tile([1, 2, 5, 10], 400), np.tile([1, 2, 5, 10], 400))
    rate = sizes**-power
    is_wrong = rng.random(len(sizes)) < USUAL * rate / rate.mean()
    # One normal of the right ones, another of the wrong ones, 3 apart: what the odds are multiplied by is exp(3 x).
    seen = rng.normal(np.where(is_wrong, 1.5, -1.5))
    return sizes, 3 * seen + np.log(USUAL / (1 - USUAL)), is_wrong


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_it_is_seen_whether_people_err_once_a_span_or_once_a_text(power: float) -> None:
    """Of 7,200 spans, one in ten of which is wrong, the power is found but for a tenth; nobody says which are wrong."""
    sizes, odds, _ = evidence(power, seed=3)
    found, _ = frequency_by_size([1 / (1 + np.exp(-odds))], [np.log(sizes)])
    assert found == pytest.approx(power, abs=0.1)


def test_where_there_is_nothing_to_tell_by_it_is_halfway() -> None:
    """No spans, and texts with as many spans each: halfway, and nothing more or less likely than it was."""
    none = np.zeros(0)
    power, factors = frequency_by_size([none, none], [none, none])
    assert (power, factors.tolist()) == (0.5, [0, 0])
    alike = np.full(50, 0.02)
    power, factors = frequency_by_size([alike], [np.zeros(50)])
    assert power == 0.5
    assert abs(factors[0]) < 0.01


def test_weights_then_say_how_likely_spans_of_small_and_of_large_texts_are_wrong() -> None:
    """Where people err once a text, as many are expected to be wrong among the spans of each size as are."""
    sizes, odds, is_wrong = evidence(1.0, seed=4)
    features = np.column_stack((odds, np.log(sizes)))
    folds = np.arange(len(sizes)) % 5
    of_given = np.zeros((5, 4, 3))
    of_given[:, 1, 0] = 1.0
    of_given[:, 2:, -1] = -30.0
    of_likely = np.tile([1.0, 0.0, 0.0], (5, 1))
    weighed_given, weighed_likely = weigh_frequency(of_given, of_likely, (features, folds), (features, folds))
    for chances in (1 - shares_of(features, weighed_given[0])[:, 0], chances_of(features, weighed_likely[0])):
        for size in (1, 2, 5, 10):
            assert chances[sizes == size].mean() == pytest.approx(is_wrong[sizes == size].mean(), rel=0.2)
    before = 1 - shares_of(features, of_given[0])[:, 0]
    assert before[sizes == 1].mean() < 0.8 * is_wrong[sizes == 1].mean()
