"""How large pictures are shown to detectors, and how long these learn: by what is marked, and by the time there is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.records import Region
from errata_model.vision.steps import BATCH

LEAST_SIDE, _MOST_SIDE = 160, 640  # of the longer side of pictures, in pixels
_MULTIPLE = 32
_BOX = 24.0  # pixels that the usual box of the smallest class should be wide and high
_MOST_BYTES = 2 * 10**9  # of all pictures
_EPOCHS, _LEAST_EPOCHS = 30, 6
_FEWEST_STEPS, _MOST_STEPS = 600, 3000
_SCRATCH = 2  # times as many steps where nothing is pretrained
_POOR = 0.25  # of the steps wanted: where there is time for less, pictures are made smaller


def choose_side(given: Iterable[Sequence[Region]], labels: Sequence[str], n_pictures: int) -> int:
    """Return how long the longer side of pictures should be in pixels, by the size of what is marked on them."""
    sizes: dict[str, list[float]] = {label: [] for label in labels}
    for region in (region for regions in given for region in regions if region.label in sizes):
        x0, y0, x1, y1 = bounds_xyxy([region.shape], (1, 1))[0].tolist()
        if x1 > x0 and y1 > y0:
            sizes[region.label].append(math.sqrt((x1 - x0) * (y1 - y0)))
    usual = min((float(np.median(of_label)) for of_label in sizes.values() if of_label), default=1.0)
    wanted = min(_BOX / max(usual, _BOX / _MOST_SIDE), math.sqrt(_MOST_BYTES / 3 / n_pictures))
    return int(np.clip(round(wanted / _MULTIPLE) * _MULTIPLE, LEAST_SIDE, _MOST_SIDE))


def steps_wanted(n_labelled: int, is_frozen: bool) -> int:
    """Return how many batches detectors should learn where time is no matter."""
    epoch = n_labelled / BATCH
    steps = max(min(max(_EPOCHS * epoch, _FEWEST_STEPS), _MOST_STEPS), _LEAST_EPOCHS * epoch)
    return math.ceil(steps * (1 if is_frozen else _SCRATCH))


def fit_side(side: int, n_wanted: int, left_s: float, least_step_s: float) -> tuple[int, float]:
    """Make pictures smaller where there would be time for too few steps.

    Args:
        side: of `choose_side`.
        n_wanted: of `steps_wanted`.
        left_s: seconds that there are.
        least_step_s: how many seconds a step takes on pictures of LEAST_SIDE.

    Returns:
        The side, and how many seconds a step should take on it: as many as it has more pixels.
    """
    affordable = LEAST_SIDE * math.sqrt(max(0.0, left_s) / (_POOR * n_wanted * least_step_s))
    fitted = int(np.clip(_MULTIPLE * int(affordable / _MULTIPLE), LEAST_SIDE, side))
    return fitted, least_step_s * (fitted / LEAST_SIDE) ** 2
