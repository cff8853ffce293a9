"""Kernels over rows of length 1, and the features that stand for them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from errata_model.kinds.choices.rows import Rows

Floats = NDArray[np.float64]

LINEAR = math.inf  # the width of the linear kernel
_JITTER = 1e-6  # of the kernel's diagonal, which is 1 or 2: keeps equal landmarks apart


def inner_products(rows: Rows, others: Rows) -> Floats:
    """Return (N, m) products of rows."""
    products = rows @ others.T
    return np.asarray(products if isinstance(products, np.ndarray) else products.toarray(), dtype=np.float64)


def squared_distances(rows: Rows, others: Rows) -> Floats:
    """Return (N, m) squared Euclidean distances, at least 0."""
    products = inner_products(rows, others)
    products *= -2
    products += _squared_lengths(rows)[:, None]
    products += _squared_lengths(others)[None, :]
    return np.maximum(products, 0, out=products)


def _squared_lengths(rows: Rows) -> Floats:
    return np.asarray(
        rows.multiply(rows).sum(axis=1) if not isinstance(rows, np.ndarray) else (rows * rows).sum(axis=1)
    )


def median_distance(rows: Rows) -> float:
    """Return the median distance between different rows; 1 where all are equal."""
    squared = squared_distances(rows, rows)[np.triu_indices(rows.shape[0], 1)]
    apart = squared[squared > 1e-6]  # single precision: less is rounding
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0


def kernel_values(rows: Rows, others: Rows, width: float) -> Floats:
    """Return (N, m) values of exp(-d^2 / (2 width^2)), in (0, 1]; of 1 + the inner product where `width` is LINEAR."""
    if width == LINEAR:
        return inner_products(rows, others) + 1
    return radial_kernel(squared_distances(rows, others), width)


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
