"""Nearest neighbours by cosine similarity: exact, or nearly so among very many rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from errata_model.features import Features
from errata_model.inverted_file import build, search
from errata_model.similarity import check_finite, largest, unit_rows, unit_sparse_rows

_BLOCK_CELLS = 8_000_000  # similarities held at a time: 32 MB
_EXACT_PAIRS = 4_000_000_000  # of dense rows up to so many are compared, one by one: about a minute on two cores


def nearest_neighbours(
    embeddings: Features,
    k: int,
    groups: NDArray[np.integer],
    *,
    queries: NDArray[np.integer] | None = None,
    candidates: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the most similar rows of other groups.

    The search is exact where rows are sparse, and for dense rows up to 4 * 10^9 pairs of query and candidate (63,000
    rows among themselves). Beyond, at least 95 % of the neighbours are found, measured on a sample of the queries
    (`errata_model.inverted_file`), and the similarities of those that are found are exact.

    Args:
        embeddings: (N, D), finite, dense or sparse. A row of zeros has similarity 0 with every row.
        k: how many neighbours, at least 1.
        groups: (N,) rows of the same group (the same media, say) are no evidence for one another: left out.
        queries: (Q,) the rows to find neighbours for; all N by default.
        candidates: (N,) which rows may be neighbours; all by default.

    Returns:
        indices: (Q, k) int64, most similar first, the lower index first where equal; any of those that
            are as similar as the last; -1 where there are fewer.
        similarities: (Q, k) float32 in [-1, 1], 0 where there are fewer.

    Raises:
        ValueError: shapes do not agree, `k` is not positive or a row is not finite.
    """
    rows = csr_array(embeddings) if issparse(embeddings) else np.asarray(embeddings, dtype=np.float32)
    groups = np.asarray(groups)
    if rows.ndim != 2 or groups.shape != rows.shape[:1]:
        raise ValueError(f"`embeddings` must be (N, D) and `groups` (N,), got {rows.shape} and {groups.shape}")
    if k < 1:
        raise ValueError(f"`k` must be at least 1, got {k}")
    check_finite(rows)
    n_rows = rows.shape[0]
    asked = np.arange(n_rows) if queries is None else np.asarray(queries, dtype=np.int64)
    allowed = np.arange(n_rows) if candidates is None else np.flatnonzero(candidates)
    if isinstance(rows, np.ndarray) and len(asked) * len(allowed) > _EXACT_PAIRS:
        return search(build(rows, allowed), asked, k, groups)
    return _search_all(rows, asked, allowed, k, groups)


def _search_all(
    rows: Features, asked: NDArray[np.int64], allowed: NDArray[np.int64], k: int, groups: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    rows = unit_rows(rows) if isinstance(rows, np.ndarray) else unit_sparse_rows(rows)
    others, other_groups = rows if len(allowed) == rows.shape[0] else rows[allowed], groups[allowed]
    indices = np.full((len(asked), k), -1, dtype=np.int64)
    similarities = np.zeros((len(asked), k), dtype=np.float32)
    step = max(1, _BLOCK_CELLS // max(len(allowed), 1))
    for start in range(0, len(asked) if len(allowed) else 0, step):
        block = slice(start, start + step)
        product = rows[asked[block]] @ others.T
        similar = product if isinstance(product, np.ndarray) else product.toarray()
        np.clip(similar, -1, 1, out=similar)
        similar[groups[asked[block], None] == other_groups[None, :]] = -np.inf
        best, values = largest(similar, min(k, len(allowed)))
        found = np.isfinite(values)
        indices[block, : best.shape[1]] = np.where(found, allowed[best], -1)
        similarities[block, : best.shape[1]] = np.where(found, values, 0)
    return indices, similarities
