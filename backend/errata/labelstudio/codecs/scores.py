"""Scores as predictions in Label Studio hold them."""

from __future__ import annotations

import math
from typing import TypeGuard


def is_score(value: object) -> TypeGuard[float]:
    """Say whether a value is a finite number in [0, 1]."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value <= 1
