"""Cosine similarity: rows of length 1, and the largest values of each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from errata_model.features import Features

_BLOCK_CELLS = 2_000_000


def check_finite(rows: Features) -> None:
    """Look at every row, without a copy of them all.

    Raises:
        ValueError: a row is not finite; names it.
    """
    values, width = (rows, rows.shape[1]) if isinstance(rows, np.ndarray) else (rows.data, 1)
    step = max(1, _BLOCK_CELLS // max(width, 1))
    for start in range(0, len(values) if width else 0, step):
        is_finite = np.isfinite(values[start : start + step]).reshape(-1, width).all(axis=1)
        if not is_finite.all():
            place = start + int(np.argmin(is_finite))
            row = place if isinstance(rows, np.ndarray) else np.searchsorted(rows.indptr, place, side="right") - 1
            raise ValueError(f"`embeddings` must be finite, row {row} is not")


def unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return finite rows at length 1; rows of zeros stay."""
    unit = np.empty(rows.shape, dtype=np.float32)
    step = max(1, _BLOCK_CELLS // max(rows.shape[1], 1))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        largest = np.abs(part).max(axis=1, initial=0)
        # By the largest entry first, so that squares neither overflow nor vanish.
        part = part / np.where(largest > 0, largest, 1)[:, None]
        norms = np.sqrt(np.einsum("nd,nd->n", part, part))
        np.divide(part, np.where(norms > 0, norms, 1)[:, None], out=unit[start : start + step])
    return unit


def unit_sparse_rows(rows: csr_array) -> csr_array:
    """Return finite sparse rows at length 1, single precision; rows of zeros stay."""
    rows = rows.astype(np.float64, copy=True)
    rows.sum_duplicates()
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    rows.data /= np.repeat(np.where(norms > 0, norms, 1), np.diff(rows.indptr))
    return rows.astype(np.float32)


def unit_features(features: Features) -> Features:
    """Return finite features as rows of length 1, counts weighted by how rare they are (TF-IDF); zeros stay."""
    if not issparse(features):
        return unit_rows(np.asarray(features, dtype=np.float32))
    counts = csr_array(features)
    shared_by = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log((1 + counts.shape[0]) / (1 + shared_by)) + 1
    weighted = np.log1p(counts.data) * rarity[counts.indices]
    return unit_sparse_rows(csr_array((weighted, counts.indices, counts.indptr), shape=counts.shape))


def largest(values: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the columns and values of the k largest of each row, largest first, lower column first in ties.

    Where the k-th largest is there more than once, any of its columns are taken.
    """
    n_columns = values.shape[1]
    if k < n_columns:
        best = np.argpartition(-values, k - 1, axis=1)[:, :k]
    else:
        best = np.broadcast_to(np.arange(n_columns), values.shape)
    chosen = np.take_along_axis(values, best, axis=1)
    order = np.lexsort((best, -chosen), axis=1)
    return (
        np.take_along_axis(best, order, axis=1).astype(np.int64),
        np.take_along_axis(chosen, order, axis=1),
    )
