"""Items to put into an order and onto a map."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

Rows = NDArray[np.float32]


def unit(rows: NDArray[np.floating]) -> Rows:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="session")
def digits() -> tuple[Rows, NDArray[np.int64]]:
    """Scans of 1,797 digits as rows of length 1, and which digits they are."""
    datasets = pytest.importorskip("sklearn.datasets")
    found = datasets.load_digits()
    return unit(found.data), found.target


@pytest.fixture(scope="session")
def crowd() -> Rows:
    """4,000 rows in 40 clusters, which is more than are put into an order at once."""
    rng = np.random.default_rng(7)
    centres = rng.standard_normal((40, 24))
    return unit(centres[rng.integers(0, 40, 4000)] + 0.5 * rng.standard_normal((4000, 24)))
