from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from errata.review.estimates import share_sentence, wilson_interval


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
def test_the_interval_is_scipy_s(counts: tuple[int, int], confidence: float) -> None:
    """The bounds are those of the reference, at every count and confidence."""
    interval = wilson_interval(*counts, confidence)
    reference = binomtest(*counts).proportion_ci(confidence, method="wilson")
    assert interval == pytest.approx((reference.low, reference.high), abs=1e-9)
    assert 0 <= interval[0] <= counts[0] / counts[1] <= interval[1] <= 1


def test_nothing_reviewed_is_nothing_known() -> None:
    """The interval of no reviews is everything."""
    assert wilson_interval(0, 0) == (0, 1)
    assert share_sentence(0, 0) == "0 reviewed"


def test_the_sentence() -> None:
    """It says what people read in `errata status`."""
    assert share_sentence(14, 40) == "40 reviewed, 14 wrong: 35 %, 95 % 22 to 51"


@pytest.mark.parametrize(("wrong", "reviewed", "confidence"), [(-1, 3, 0.95), (4, 3, 0.95), (1, 3, 0.0), (1, 3, 1.0)])
def test_what_cannot_be_is_refused(wrong: int, reviewed: int, confidence: float) -> None:
    """Counts and confidence out of range are programming errors."""
    with pytest.raises(ValueError, match="must be in"):
        wilson_interval(wrong, reviewed, confidence)
