"""What items look like, in few dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from errata_model.features import Features
from errata_model.similarity import unit_features, unit_rows

WIDTH = 64
_FITTED = 50_000  # rows that the directions are found from


def reduced(features: Features, width: int = WIDTH, seed: int = 0) -> NDArray[np.float32]:
    """Return rows of length 1 in at most `width` dimensions whose products come nearest to the features' own.

    Args:
        features: (N, D), finite. Counts are weighted by how rare they are. Rows of zeros stay zeros.
        width: D' at most.
        seed: of the draw of rows that directions are found from, and of the search for them.

    Returns:
        (N, D') float32.
    """
    unit = unit_features(features)
    n, n_columns = unit.shape
    if n == 0 or n_columns <= width:
        return unit if isinstance(unit, np.ndarray) else np.asarray(unit.toarray(), dtype=np.float32)
    rng = np.random.default_rng(seed)
    fitted = unit if n <= _FITTED else unit[np.sort(rng.choice(n, _FITTED, replace=False))]
    if isinstance(fitted, np.ndarray):
        _, directions = np.linalg.eigh((fitted.T @ fitted).astype(np.float64))
        directions = directions[:, ::-1][:, :width].astype(np.float32)
    else:
        from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - a second

        found = TruncatedSVD(min(width, n), random_state=seed).fit(fitted)
        directions = found.components_.T.astype(np.float32)
    return unit_rows(np.asarray(unit @ directions, dtype=np.float32))
