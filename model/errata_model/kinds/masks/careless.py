"""How likely all masks of an image are drawn badly: each tells little of that, all of them together much.

Where one mask fits the belief badly, and so do all others of the image, the belief may be bad there, or who drew them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.kinds.masks.regression import with_constant

Floats = NDArray[np.float64]

PRIOR = 0.1  # of an image, before anything is looked at: that of any error on one with one region
_FEWEST_MASKS = 3  # fewer are no whole: each is doubted by itself


def image_features(features: Floats) -> Floats:
    """Return (1, F) the means of (G, F) features over the masks of an image; (0, F) where these are too few."""
    n_masks, n_features = features.shape
    return features.mean(axis=0, keepdims=True) if n_masks >= _FEWEST_MASKS else np.zeros((0, n_features))


def careless_chance(features: Floats, weights: Floats) -> float:
    """Return how likely an image is drawn badly as a whole; 0 where it has too few masks to tell.

    Args:
        features: (G, F) of its masks.
        weights: (F + 1, 2) for log-odds of its being drawn well, and badly, both as likely.
    """
    images = image_features(features)
    if not len(images):
        return 0.0
    well, badly = with_constant(images)[0] @ weights
    return float(1 / (1 + np.exp(np.clip(well - badly, -30, 30)) * (1 - PRIOR) / PRIOR))
