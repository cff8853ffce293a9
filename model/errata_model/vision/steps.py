"""How many steps there is time for, each on a batch of pictures."""

from __future__ import annotations

import math

BATCH = 8
_LOOK = 0.5  # of a step's time, for the last look at as many pictures


def count_steps(n_wanted: int, n_labelled: int, n_pictures: int, step_s: float, left_s: float) -> int:
    """Return how many steps there is time for, at most as many as are wanted.

    Raises:
        ValueError: not every picture could be looked at once.
    """
    looks_s = _LOOK * step_s * n_pictures / BATCH
    n_steps = min(n_wanted, int((left_s - looks_s) / step_s))
    once = math.ceil(n_labelled / BATCH)
    if n_steps < min(once, n_wanted):
        lacking = math.ceil((once * step_s + looks_s - left_s) / 60)
        raise ValueError(f"learning {n_labelled} pictures would take at least {lacking} min more here")
    return n_steps
