"""How far evidence can be believed: by what it says of errors that were planted, and of what was left right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_WELL = 0.5  # of the loss without evidence: what leaves less holds as it stands
_OFF = 1.0  # standard deviation of the factor, before anything is seen, from believing the evidence as it stands


def temper(log_odds: Floats, outcomes: NDArray[np.integer]) -> float:
    """Return the factor in [0, 1] that evidence is to be multiplied by: 0 where it tells nothing, 1 where it holds.

    It holds where its loss is less than half of that without evidence. Else the factor is the likeliest one, of all
    outcomes alike, and drawn to 1 where there is little to tell it by: doubts whose evidence is worth nothing are what
    they were before anything was looked at, and a clear error on a single image stays one where it is worth something.

    Args:
        log_odds: (R, C) of every outcome, by evidence that was not learned from this row; each outcome as likely as
            any other before.
        outcomes: (R,) that are so, from 0; those of what was left as it was are 0.

    Source:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2, with the prior.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - takes 0.1 s

    counts = np.bincount(outcomes, minlength=log_odds.shape[1])
    if not len(outcomes) or np.count_nonzero(counts) < 2:
        return 1.0
    # Of one region there are several copies with errors: they count as much as there are regions.
    shares = max(1, counts[0]) / np.count_nonzero(counts) / counts[outcomes]
    own = log_odds[np.arange(len(outcomes)), outcomes]
    there = log_odds[:, counts > 0]

    def loss(factor: float) -> float:
        scaled = factor * there
        most = scaled.max(axis=1)
        total = most + np.log(np.exp(scaled - most[:, None]).sum(axis=1))
        return float(shares @ (total - factor * own) + ((factor - 1) / _OFF) ** 2 / 2)

    unaided = loss(0.0) - 1 / (2 * _OFF**2)  # without what draws it to 1
    if loss(1.0) <= _WELL * unaided:
        return 1.0
    return float(np.clip(minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x, 0.0, 1.0))
