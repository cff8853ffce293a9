"""Given labels beside predicted probabilities, checked and taken block by block.

No score needs all probabilities at once. A block stays in the processor's cache between the looks at it, and what is
held beside the probabilities are vectors of N, never another (N, K) array.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Given = NDArray[np.integer]
Predicted = NDArray[np.floating]
Quality = NDArray[np.floating]

_SUM_TOLERANCE = 1e-3
_LEAST_SUM, _MOST_SUM = 1 - _SUM_TOLERANCE, 1 + _SUM_TOLERANCE
_BLOCK_CELLS = 131_072  # a megabyte of float64
_MANY_CELLS = 20_000_000  # from so many on threads are worth their start
_MOST_THREADS = 4  # reading memory is what takes time: more than that do not help
_NARROW = 32  # up to so many classes numpy takes maxima faster over columns


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a belief.

    Attributes:
        where: the slice of the N rows that they are.
        given: (n,) the column of the given label.
        rows: (n, K) float32 or float64, at least 0.
        sums: (n,) of the rows as they were predicted.
    """

    where: slice
    given: NDArray[np.intp]
    rows: Predicted
    sums: Quality

    def supported(self) -> Quality:
        """Return (n,) the probability of the given label."""
        return np.asarray(self.rows[np.arange(len(self.rows)), self.given])

    def largest_other(self) -> Quality:
        """Return (n,) the largest probability of a label that was not given; 0 with one class alone."""
        each = np.arange(len(self.rows))
        if self.rows.shape[1] <= _NARROW:
            columns = self.rows.T.copy()
            columns[self.given, each] = 0
            return np.asarray(columns.max(axis=0))
        return self._largest_beside(self.given)

    def _largest_beside(self, given: NDArray[np.intp]) -> Quality:
        """Return the larger of the maxima left and right of the given column, without a copy of the rows."""
        n, n_classes = self.rows.shape
        first = np.arange(0, n * n_classes, n_classes)
        bounds = np.stack([first, first + given, first + np.minimum(given + 1, n_classes - 1)], axis=1)
        maxima = np.maximum.reduceat(np.ascontiguousarray(self.rows).ravel(), bounds.ravel()).reshape(n, 3)
        left, right = np.where(given > 0, maxima[:, 0], 0), np.where(given < n_classes - 1, maxima[:, 2], 0)
        return np.asarray(np.maximum(left, right))


def score_blocks(given: Given, predicted: Predicted, score: Callable[[Block], Quality]) -> Quality:
    """Check all rows and return what `score` gives for each, block by block.

    Args:
        given: (N,) int, the column of the given label.
        predicted: (N, K) probabilities, rows sum to 1 within 0.001. Single and half precision are computed with in
            single precision, all else in double. Entries in [-0.001, 0) count as 0.
        score: (n,) from a block. Large arrays are read by several threads, so it must keep to its own block.

    Returns:
        (N,) clipped to [0, 1].

    Raises:
        ValueError: shapes do not agree, or a row is no probability distribution; names the first such row.
    """
    given, predicted = check_given(given, predicted)
    scores = np.zeros(len(given), dtype=score_type(predicted))

    def fill(part: tuple[int, int]) -> None:
        for block in blocks(given, predicted, *part):
            scores[block.where] = score(block)

    n_parts = 1 if predicted.size < _MANY_CELLS else min(_MOST_THREADS, os.cpu_count() or 1)
    edges = [len(given) * part // n_parts for part in range(n_parts + 1)]
    if n_parts == 1:
        fill((0, len(given)))
    else:
        with ThreadPoolExecutor(n_parts) as pool:
            list(pool.map(fill, pairwise(edges)))
    return np.clip(scores, 0, 1, out=scores)


def blocks(given: NDArray[np.intp], predicted: Predicted, start: int = 0, stop: int | None = None) -> Iterator[Block]:
    """Yield the rows from `start` to `stop` in their order, each block checked before; see `score_blocks`."""
    single_or_double = score_type(predicted)
    stop = len(given) if stop is None else stop
    step = max(1, _BLOCK_CELLS // max(predicted.shape[1], 1))
    for first in range(start, stop, step):
        where = slice(first, min(first + step, stop))
        rows = np.asarray(predicted[where], dtype=single_or_double)
        with np.errstate(invalid="ignore", over="ignore"):
            sums = np.einsum("nk->n", rows)  # in this thread alone, where a product with ones would start others
            low = rows.min(initial=0)
            is_fine = low >= -_SUM_TOLERANCE and sums.min() >= _LEAST_SUM and sums.max() <= _MOST_SUM  # False with NaN
        if not is_fine:
            raise ValueError(_what_is_wrong(rows, sums, first))
        yield Block(where, given[where], rows if low >= 0 else np.maximum(rows, 0), sums)


def score_type(predicted: Predicted) -> np.dtype[np.floating]:
    """Return the precision that scores of these probabilities have."""
    is_single = np.asarray(predicted).dtype in (np.dtype(np.float32), np.dtype(np.float16))
    return np.dtype(np.float32 if is_single else np.float64)


def check_given(given: Given, predicted: Predicted) -> tuple[NDArray[np.intp], Predicted]:
    """Return both as arrays, or say why they do not go together; the probabilities are checked by `blocks`.

    Raises:
        ValueError: shapes do not agree, or a label is no column; names the row.
    """
    given, predicted = np.asarray(given), np.asarray(predicted)
    if predicted.ndim != 2 or given.shape != predicted.shape[:1]:
        raise ValueError(f"`given` must be (N,) and `predicted` (N, K), got {given.shape} and {predicted.shape}")
    if len(given) and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"`given` must hold integers, got {given.dtype}")
    n_classes = predicted.shape[1]
    if len(given) and (given.min() < 0 or given.max() >= n_classes):
        row = int(np.argmax(np.logical_or(given < 0, given >= n_classes)))
        raise ValueError(f"`given` must be columns of `predicted`, row {row} is {given[row]} of {n_classes}")
    return given.astype(np.intp, copy=False), predicted


def _what_is_wrong(rows: Predicted, sums: Quality, start: int) -> str:
    with np.errstate(invalid="ignore", over="ignore"):
        is_finite, lows = np.asarray(np.isfinite(rows).all(axis=1)), rows.min(axis=1, initial=0)
        is_fine = is_finite & (lows >= -_SUM_TOLERANCE) & (sums >= _LEAST_SUM) & (sums <= _MOST_SUM)
    row = int(np.argmin(is_fine))
    if not is_finite[row]:
        said = f"has {next(value for value in rows[row].tolist() if not math.isfinite(value))}"
    elif lows[row] < -_SUM_TOLERANCE:
        said = f"has {lows[row]:.6g}"
    else:
        said = f"sums to {sums[row]:.6g}"
    return f"`predicted` must have finite rows >= 0 that sum to 1 (within {_SUM_TOLERANCE}), row {start + row} {said}"
