"""What a count of reviewed findings says about the queue."""

from __future__ import annotations

from math import ceil, floor, sqrt
from statistics import NormalDist


def wilson_interval(wrong: int, reviewed: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval that the share of wrong labels lies in.

    Args:
        wrong: how many were found wrong, in [0, reviewed].
        reviewed: how many were looked at; 0 gives (0, 1), because nothing is known.
        confidence: the share of such intervals that hold the true value, in (0, 1).

    Returns:
        (low, high), both in [0, 1]; never empty, also where none or all are wrong.

    Raises:
        ValueError: a count or the confidence is out of range.

    Source:
        E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), without
        continuity correction; recommended for small counts by Brown, Cai and DasGupta, Statistical Science 16 (2001).
    """
    if not 0 <= wrong <= reviewed:
        raise ValueError(f"`wrong` must be in [0, reviewed = {reviewed}], got {wrong!r}")
    if not 0 < confidence < 1:
        raise ValueError(f"`confidence` must be in (0, 1), got {confidence!r}")
    if reviewed == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = wrong / reviewed
    centre = share + z * z / (2 * reviewed)
    margin = z * sqrt(share * (1 - share) / reviewed + z * z / (4 * reviewed * reviewed))
    scale = 1 + z * z / reviewed
    low = 0.0 if wrong == 0 else (centre - margin) / scale  # exactly: rounding leaves 1e-17
    high = 1.0 if wrong == reviewed else (centre + margin) / scale
    return low, high


def share_words(wrong: int, reviewed: int) -> str:
    """Say it in a column: "35 % (22 to 51)"; of none, "".

    The bounds are rounded outwards, so that the interval never promises more than it may.
    """
    if reviewed == 0:
        return ""
    low, high = wilson_interval(wrong, reviewed)
    return f"{100 * wrong / reviewed:.0f} % ({floor(100 * low)} to {ceil(100 * high)})"


def share_sentence(wrong: int, reviewed: int) -> str:
    """Say it to people: "40 reviewed, 14 wrong: 35 %, 95 % 22 to 51"; of none, "0 reviewed".

    The bounds are rounded outwards, so that the interval never promises more than it may.
    """
    if reviewed == 0:
        return "0 reviewed"
    low, high = wilson_interval(wrong, reviewed)
    share = f"{100 * wrong / reviewed:.0f} %"
    return f"{reviewed} reviewed, {wrong} wrong: {share}, 95 % {floor(100 * low)} to {ceil(100 * high)}"
