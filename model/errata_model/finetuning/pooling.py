"""One belief of two: of frozen encoders' learners, and of fine-tuned networks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.choices.softmax import softmax
from errata_model.kinds.tags.calibration import sigmoid

_LEAST = 1e-6  # of a probability: its logarithm is taken


def pool_choices(probabilities: NDArray[np.floating], log_probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the normalised geometric mean of two beliefs about labels that exclude one another.

    Even shares, which no label has a part in. A geometric mean asks for the assent of both: a network that is sure
    of a label because it has learned other errors of the kind is outvoted.

    Args:
        probabilities: (N, K), rows sum to 1.
        log_probabilities: (N, K) of the other.

    Returns:
        (N, K), rows sum to 1.

    Source:
        Genest and Zidek, "Combining probability distributions: a critique and an annotated bibliography", 1986:
        the logarithmic opinion pool.
    """
    return softmax((_log(probabilities) + log_probabilities) / 2).astype(np.float32)


def pool_tags(probabilities: NDArray[np.floating], log_odds: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the same of tags, (N, K), each on its own: the probabilities of the mean log-odds."""
    own = _log(probabilities) - _log(1 - probabilities)
    return sigmoid((own + log_odds) / 2).astype(np.float32)


def _log(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probabilities, _LEAST, dtype=np.float64)))
