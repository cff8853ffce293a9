"""Kernels over rows of length 1, and the features that stand for them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from errata_model.kinds.choices.rows import Rows

Floats = NDArray[np.float64]

LINEAR = math.inf  # the width of the linear kernel
_ROUNDING = 1e-5  # of a row's length: what is left of it, once centred, is rounding
_JITTER = 1e-6  # of the kernel's diagonal, which is 1 or 2: keeps equal landmarks apart
_MOST_JITTER = 0.01  # what needs more is no kernel


def centre(rows: Rows, means: NDArray[np.float32] | None) -> Rows:
    """Return rows less their means, of length 1 again: what all rows share tells none of them apart.

    Args:
        rows: (N, D) of length 1.
        means: (D,); None leaves rows as they are.
    """
    if means is None or not isinstance(rows, np.ndarray):
        return rows
    centred = rows - means
    lengths = np.sqrt(np.einsum("nd,nd->n", centred, centred))
    centred /= np.where(lengths > _ROUNDING, lengths, np.inf)[:, None].astype(np.float32)
    return np.asarray(centred)


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


def factorise(between_landmarks: Floats) -> Floats:
    """Return the lower triangular factor L of the (m, m) kernel between landmarks, which is L L' but for a jitter.

    Values in single precision of more landmarks than directions (short texts of few words) round to a kernel with
    eigenvalues a little below 0: the jitter is then ten times as large, until it is enough.
    """
    jitter = _JITTER
    while True:
        jittered = between_landmarks + jitter * np.eye(len(between_landmarks))
        try:
            return np.asarray(cholesky(jittered, lower=True, overwrite_a=True, check_finite=False))
        except LinAlgError:
            if jitter >= _MOST_JITTER:
                raise
            jitter *= 10


def whiten(kernel: Floats, factor: Floats) -> Floats:
    """Turn kernel values into features whose products are the kernel's (Nystroem's approximation).

    Args:
        kernel: (N, m) between rows and landmarks; overwritten.
        factor: (m, m) what `factorise` made of the kernel between landmarks.

    Returns:
        (N, m) kernel @ inverse(L'): its products with itself are the kernel where the landmarks are all rows.

    Source:
        Williams and Seeger, "Using the Nystroem method to speed up kernel machines", NIPS 2000.
    """
    return np.asarray(solve_triangular(factor, kernel.T, lower=True, overwrite_b=True, check_finite=False).T)
