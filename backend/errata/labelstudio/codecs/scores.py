"""Numbers as results in Label Studio hold them, scores above all."""

from __future__ import annotations

import math
from typing import TypeGuard


def is_score(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number in [0, 1]."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def finite(value: object) -> float | None:
    """Return a number as a finite float; None of anything else, such as a whole number with hundreds of digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
