"""Exact nearest neighbours by cosine similarity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK_CELLS = 8_000_000  # similarities held at a time: 32 MB


def nearest_neighbours(
    embeddings: NDArray[np.floating],
    k: int,
    groups: NDArray[np.integer],
    *,
    queries: NDArray[np.integer] | None = None,
    candidates: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the most similar rows of other groups.

    Args:
        embeddings: (N, D), finite. A row of zeros has similarity 0 with every row.
        k: how many neighbours, at least 1.
        groups: (N,) rows of the same group (the same media, say) are no evidence for one another: left out.
        queries: (Q,) the rows to find neighbours for; all N by default.
        candidates: (N,) which rows may be neighbours; all by default.

    Returns:
        indices: (Q, k) int64, most similar first (the lower index first where equal), -1 where there are fewer.
        similarities: (Q, k) float32 in [-1, 1], 0 where there are fewer.

    Raises:
        ValueError: shapes do not agree, `k` is not positive or a row is not finite.
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    groups = np.asarray(groups)
    if rows.ndim != 2 or groups.shape != rows.shape[:1]:
        raise ValueError(f"`embeddings` must be (N, D) and `groups` (N,), got {rows.shape} and {groups.shape}")
    if k < 1:
        raise ValueError(f"`k` must be at least 1, got {k}")
    rows = _unit_rows(rows)
    asked = np.arange(len(rows)) if queries is None else np.asarray(queries, dtype=np.int64)
    allowed = np.arange(len(rows)) if candidates is None else np.flatnonzero(candidates)
    others, other_groups = rows[allowed], groups[allowed]
    indices = np.full((len(asked), k), -1, dtype=np.int64)
    similarities = np.zeros((len(asked), k), dtype=np.float32)
    step = max(1, _BLOCK_CELLS // max(len(allowed), 1))
    for start in range(0, len(asked) if len(allowed) else 0, step):
        block = slice(start, start + step)
        similar = rows[asked[block]] @ others.T
        np.clip(similar, -1, 1, out=similar)
        similar[groups[asked[block], None] == other_groups[None, :]] = -np.inf
        best, values = _largest(similar, min(k, len(allowed)))
        found = np.isfinite(values)
        indices[block, : best.shape[1]] = np.where(found, allowed[best], -1)
        similarities[block, : best.shape[1]] = np.where(found, values, 0)
    return indices, similarities


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    largest = np.abs(rows).max(axis=1, initial=0)
    if not np.isfinite(largest).all():
        raise ValueError(f"`embeddings` must be finite, row {int(np.argmin(np.isfinite(largest)))} is not")
    # By the largest entry first, so that squares neither overflow nor vanish.
    rows = rows / np.where(largest > 0, largest, 1)[:, None]
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    return np.asarray(rows / np.where(norms > 0, norms, 1)[:, None], dtype=np.float32)


def _largest(values: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the columns and values of the k largest of each row, largest first, lower column first in ties."""
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
