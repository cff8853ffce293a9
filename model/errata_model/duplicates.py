"""Which items show nearly the same: they must not vouch for one another, and should not be labelled differently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from errata_model.features import Features
from errata_model.kinds.choices.canonical import shuffle_by_content
from errata_model.similarity import unit_features

_FEWEST = 50  # items; with fewer there is no telling what is unusually close
_SAMPLE = 500
_NEAR, _FAR = 5, 20  # neighbours between which distances show how crowded the space is
_CHANCE = 1e-6  # of another item so close by chance
_CLOSEST = 1 / 3  # of the usual distance; a fifth to a third is what saving a photograph again moves it
_LARGEST = 50  # items; where more are alike, that is how a class looks, not copies
_PROJECTED = 64  # dimensions to look for pairs in
_SLACK = 1.3  # times the limit, there
_ROUNDING = 1e-3  # distance that equal rows may have where it is computed from products in single precision
_CELL = 5000  # rows that are compared with one another, about, where there are many
_RARE = 30  # texts that share a word at most, for the word to bring them together
_RAREST = 16  # such words of each text
_BLOCK_CELLS = 8_000_000
_BLOCK_PAIRS = 10_000

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def group_duplicates(features: Features, content: Sequence[str] | NDArray[np.integer]) -> NDArray[np.int64]:
    """Number items so that those that show the same, or nearly, have the same number.

    Two items are nearly the same where their distance is at most a third of the distance at which an item usually has
    its fifth neighbour, and so small that chance would put less than one item in a million there: in a space whose
    dimension is m around there, a fraction f of that distance holds f^m of the items. So in a space of few dimensions,
    where some items are always close, only equal rows count. What is near to what is near belongs together; where more
    than 50 items do, only equal content does.

    Args:
        features: (N, D) finite. Distances are between rows of length 1, counts weighted by how rare they are; a row
            of zeros is near to nothing.
        content: N hashes or numbers, equal where the content is.

    Returns:
        (N,) int64 from 0. With fewer than 50 items only equal content is the same.

    Raises:
        ValueError: shapes do not agree.

    Source:
        The dimension: Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension", NIPS 2004. The limits
        were set with an eye on the benchmarks' sets: nothing of their images is near, of 4,980 texts 54 are.
    """
    same = _numbered(np.asarray(content))
    if features.shape[0] != len(same):
        raise ValueError(f"`features` must have a row for each of the {len(same)} items, got {features.shape[0]}")
    if len(same) < _FEWEST:
        return same
    rows, drawn = unit_features(features), shuffle_by_content(features)
    limit = _limit(rows, drawn)
    if limit <= 0:
        return same
    first, second = _near_words(rows, limit) if isinstance(rows, csr_array) else _near_rows(rows, drawn, limit)
    return _joined(same, first, second)


def _joined(same: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join the groups of equal content that pairs connect, unless that makes a crowd."""
    n = int(same.max()) + 1
    links = coo_array((np.ones(len(first), dtype=np.int8), (same[first], same[second])), shape=(n, n))
    joined = connected_components(links, directed=False)[1].astype(np.int64)
    is_crowd = np.bincount(joined[same], minlength=n) > _LARGEST
    numbers = np.where(is_crowd[joined[same]], n + same, joined[same])
    return _numbered(numbers)


def _numbered(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64).reshape(-1)


def _limit(rows: Features, drawn: NDArray[np.int64]) -> float:
    """Return up to which distance two rows are nearly the same, by the first of those drawn."""
    n = rows.shape[0]
    n_asked = int(np.clip(50 * _BLOCK_CELLS // n, 50, min(_SAMPLE, n)))
    asked = drawn[:n_asked]
    near, spread = [], []
    step = max(1, _BLOCK_CELLS // n)
    for start in range(0, n_asked, step):
        block = asked[start : start + step]
        similar = _products(rows, block)
        similar[np.arange(len(block)), block] = -2
        best = -np.sort(-np.partition(similar, n - _FAR, axis=1)[:, n - _FAR :], axis=1)
        distances = np.sqrt(np.maximum(2 - 2 * best.astype(np.float64), 1e-12))
        near.append(distances[:, _NEAR - 1])
        spread.append(np.log(distances[:, -1:] / distances[:, _NEAR - 1 : -1]).mean(axis=1))
    dimension = 1 / max(float(np.median(np.concatenate(spread))), 1e-9)
    return float(np.median(np.concatenate(near)) * min(_CLOSEST, _CHANCE ** (1 / dimension)))


def _products(rows: Features, block: NDArray[np.int64]) -> NDArray[np.float32]:
    if isinstance(rows, csr_array):
        return np.asarray((rows[block] @ rows.T).toarray(), dtype=np.float32)
    return np.asarray(rows[block] @ rows.T)


def _near_rows(rows: NDArray[np.float32], drawn: NDArray[np.int64], limit: float) -> Pairs:
    """Find pairs within the limit: first about so near in a random projection, then so near indeed."""
    usable = drawn[np.asarray(rows.any(axis=1))[drawn]]
    if not len(usable):
        return usable, usable
    projected = _project(rows[usable])
    found = [_near_in(projected, cell, _SLACK * limit + _ROUNDING) for cell in _cells(projected)]
    pairs = np.unique(usable[np.concatenate(found)], axis=0)
    is_near = np.zeros(len(pairs), dtype=bool)
    step = max(1, _BLOCK_CELLS // rows.shape[1])
    for start in range(0, len(pairs), step):
        first, second = pairs[start : start + step].T
        apart = rows[first] - rows[second]
        is_near[start : start + step] = np.einsum("nd,nd->n", apart, apart) <= limit**2
    return pairs[is_near, 0], pairs[is_near, 1]


def _cells(rows: NDArray[np.float32]) -> Iterator[NDArray[np.int64]]:
    """Yield which rows to compare with one another: all, or where they are many those around the same drawn row.

    Twice, with other rows drawn: two that are near but on different sides of a border are rarely so again.
    """
    if len(rows) <= 4 * _CELL:
        yield np.arange(len(rows))
        return
    rng = np.random.default_rng(0)
    for _ in range(2):
        drawn = rows[rng.choice(len(rows), len(rows) // _CELL, replace=False)]
        half_squares = np.einsum("nd,nd->n", drawn, drawn) / 2
        step = _BLOCK_CELLS // len(drawn)
        nearest = [(rows[n : n + step] @ drawn.T - half_squares).argmax(axis=1) for n in range(0, len(rows), step)]
        cell_of = np.concatenate(nearest)
        order = np.argsort(cell_of, kind="stable")
        yield from np.split(order, np.flatnonzero(np.diff(cell_of[order])) + 1)


def _near_in(rows: NDArray[np.float32], cell: NDArray[np.int64], limit: float) -> NDArray[np.int64]:
    """Return (P, 2) pairs of a cell's rows within the limit, not those of rows that a crowd is near to."""
    inside = rows[cell]
    lengths = np.einsum("nd,nd->n", inside, inside)
    found = []
    step = max(1, _BLOCK_CELLS // len(cell))
    for start in range(0, len(cell), step):
        near = inside[start : start + step] @ inside.T  # becomes |a - b|^2 = |a|^2 + |b|^2 - 2ab, in place
        near *= -2
        near += lengths[start : start + step, None]
        near += lengths
        is_near = near <= limit**2
        alone = np.flatnonzero(np.count_nonzero(is_near, axis=1) <= _LARGEST)
        first, second = np.nonzero(is_near[alone])
        pairs = np.column_stack((alone[first] + start, second))
        found.append(cell[pairs[pairs[:, 0] < pairs[:, 1]]])
    return np.concatenate(found)


def _project(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep distances about, in at most 64 dimensions (Johnson and Lindenstrauss).

    Of one in a thousand pairs the distance becomes more than 1.3 times as large.
    """
    if rows.shape[1] <= _PROJECTED:
        return rows
    drawn = np.random.default_rng(0).standard_normal((rows.shape[1], _PROJECTED)).astype(np.float32)
    return np.asarray(rows @ (drawn / np.float32(_PROJECTED**0.5)))


def _near_words(rows: csr_array, limit: float) -> Pairs:
    """Find pairs within the limit among texts that share at least half of the rarest words of one of them."""
    shared_by = np.bincount(rows.indices, minlength=rows.shape[1])
    rarity = shared_by[rows.indices]
    place = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    usable = np.flatnonzero((rarity > 1) & (rarity <= _RARE))
    usable = usable[np.lexsort((rows.indices[usable], rarity[usable], place[usable]))]
    of_text = place[usable]
    starts = np.searchsorted(of_text, of_text)  # where each text begins
    chosen = usable[np.arange(len(usable)) - starts < _RAREST]
    ones = np.ones(len(usable), dtype=np.float32)
    holds = csr_array((ones, (place[usable], rows.indices[usable])), shape=rows.shape)
    asks = csr_array((ones[: len(chosen)], (place[chosen], rows.indices[chosen])), shape=rows.shape)
    common = (asks @ holds.T).tocoo()
    n_asked = np.diff(asks.indptr)
    keep = (common.row != common.col) & (common.data >= n_asked[common.row] / 2)
    first, second = common.row[keep].astype(np.int64), common.col[keep].astype(np.int64)
    near = np.zeros(len(first), dtype=bool)
    for start in range(0, len(first), _BLOCK_PAIRS):
        part = slice(start, start + _BLOCK_PAIRS)
        similar = np.asarray(rows[first[part]].multiply(rows[second[part]]).sum(axis=1)).reshape(-1)
        near[part] = 2 - 2 * similar <= max(limit, _ROUNDING) ** 2
    return first[near], second[near]
