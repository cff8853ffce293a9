"""Complement naive Bayes over counts, with every group of rows left out in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.groups import whole_groups

Floats = NDArray[np.float64]

_ALPHA = 0.5  # of a count, added to every column of every class
_ENTRIES = 4_000_000  # of row, column and class, held at a time: 64 MB


def leave_group_out_scores(rows: csr_array, targets: Floats, groups: NDArray[np.integer]) -> Floats:
    r"""Score every row by complement naive Bayes fitted to the labelled rows of all *other* groups.

    With O the counts of each column in each class, R those in any class, m and M their sums over columns, all without
    the row's own group, the score of class c for a row x is

        -sum_j x_j log((R_j - O_jc + alpha) / (M - m_c + alpha D))  +  sum_j x_j log(R_j + alpha)

    where D columns occur at all. The second sum is the same for every class; with it, a class adds something only in
    columns that it was seen in, so time is that of the non-zeros times the classes that each was seen in.

    A class without counts elsewhere, of which nothing is known, would score in the middle. It is taken for half as
    likely, a count, as the least likely class that is known.

    Args:
        rows: (N, D) finite, >= 0.
        targets: (N, K) rows that sum to 1, or of zeros where there is no label.
        groups: (N,) which rows must not vouch for one another.

    Returns:
        (N, K), the higher the likelier; what a fit without the group gives, exactly. Equal for a row of zeros.

    Source:
        Rennie et al., "Tackling the Poor Assumptions of Naive Bayes Text Classifiers", ICML 2003, section 3.1.
    """
    seen = _Seen.in_rows(rows, targets)
    scores = np.zeros(targets.shape)
    for chosen in whole_groups(groups, _entries(rows, seen), _ENTRIES):
        scores[chosen] = _score_without_own(rows[chosen], targets[chosen], groups[chosen], seen)
    return scores


@dataclass(frozen=True, slots=True)
class ComplementModel:
    """Complement naive Bayes fitted to all labelled rows.

    Attributes:
        gains: (D, K) >= 0, what one count in a column adds to a class that was seen there.
        offsets: (K,) what one count in any column adds to a class.
        is_known: (K,) which classes had counts.
    """

    gains: csr_array
    offsets: Floats
    is_known: NDArray[np.bool_]

    kind: ClassVar[str] = "naive_bayes"

    @classmethod
    def fit(cls, rows: csr_array, targets: Floats) -> ComplementModel:
        """Learn from (N, D) rows and (N, K) targets, as `leave_group_out_scores` does, with nothing left out."""
        seen = _Seen.in_rows(rows, targets)
        return cls(_gains(seen.by_class, seen.by_column), _offsets(seen.of_class, seen.n_columns), seen.n_rows > 0)

    def scores(self, rows: csr_array) -> Floats:
        """Return (M, K) scores of (M, D) rows, the higher the likelier."""
        sizes = rows.sum(axis=1)[:, None]
        return _below_known((rows @ self.gains).toarray() + sizes * self.offsets, self.is_known[None], sizes)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` needs, fit for `np.savez`."""
        return {
            "gains": self.gains.data.astype(np.float32),
            "columns": self.gains.indices,
            "starts": self.gains.indptr,
            "offsets": self.offsets,
            "is_known": self.is_known,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ComplementModel:
        """Return the model whose `arrays` these are.

        Raises:
            ValueError: an array is missing.
        """
        missing = {"gains", "columns", "starts", "offsets", "is_known"} - set(arrays)
        if missing:
            raise ValueError(f"`arrays` must hold {', '.join(sorted(missing))}, got {', '.join(sorted(arrays))}")
        offsets = np.asarray(arrays["offsets"], dtype=np.float64)
        gains = np.asarray(arrays["gains"], dtype=np.float64)
        shape = (len(arrays["starts"]) - 1, len(offsets))
        table = csr_array((gains, arrays["columns"], arrays["starts"]), shape=shape)
        return cls(table, offsets, np.asarray(arrays["is_known"], dtype=bool))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What labelled rows hold."""

    by_class: csr_array  # (D, K) in each column and class
    by_column: Floats  # (D,) in any class
    of_class: Floats  # (K,) in any column
    n_rows: NDArray[np.int64]  # (K,) of each class, that have counts
    n_columns: int  # that occur at all, in rows without a label, too

    @classmethod
    def in_rows(cls, rows: csr_array, targets: Floats) -> _Seen:
        columns = csr_array(rows.T, dtype=np.float64)
        by_class = csr_array(columns @ csr_array(targets))
        by_column = np.asarray(columns @ targets.sum(axis=1))
        of_class = np.asarray(by_class.sum(axis=0))
        n_rows = _has_counts(rows, targets).sum(axis=0)
        return cls(by_class, by_column, of_class, n_rows, len(np.unique(rows.indices[rows.data > 0])))


def _entries(rows: csr_array, seen: _Seen) -> NDArray[np.int64]:
    """Return (N,) how many numbers are held to score each row."""
    by_entry = np.concatenate([[0], np.cumsum(np.diff(seen.by_class.indptr)[rows.indices] + 1)])
    return np.asarray(np.diff(by_entry[rows.indptr]) + seen.by_class.shape[1])


def _score_without_own(rows: csr_array, targets: Floats, groups: NDArray[np.integer], seen: _Seen) -> Floats:
    n, width = rows.shape
    _, group = np.unique(groups, return_inverse=True)
    row_of = np.repeat(np.arange(n), np.diff(rows.indptr))
    places, place = np.unique(group[row_of] * width + rows.indices, return_inverse=True)
    add_up = csr_array((rows.data, (place, row_of)), shape=(len(places), n), dtype=np.float64)
    by_column = seen.by_column[rows.indices] - (add_up @ targets.sum(axis=1))[place]
    by_class = csr_array(seen.by_class[rows.indices] - csr_array(add_up @ csr_array(targets))[place])
    sizes = rows.sum(axis=1)[:, None]
    members = csr_array((np.ones(n), (group, np.arange(n))))
    of_class = seen.of_class - (members @ (targets * sizes))[group]
    is_known = seen.n_rows > (members @ _has_counts(rows, targets).astype(np.float64))[group]
    weigh = csr_array((rows.data, np.arange(rows.nnz), rows.indptr), shape=(n, rows.nnz), dtype=np.float64)
    gained = (weigh @ _gains(by_class, np.maximum(by_column, 0))).toarray()
    return _below_known(gained + sizes * _offsets(np.maximum(of_class, 0), seen.n_columns), is_known, sizes)


def _has_counts(rows: csr_array, targets: Floats) -> NDArray[np.bool_]:
    """Return (N, K) whether a row counts for a class."""
    return np.asarray((targets > 0) & (rows.sum(axis=1)[:, None] > 0))


def _below_known(scores: Floats, is_known: NDArray[np.bool_], sizes: Floats) -> Floats:
    """Return the scores, those of classes that are not known below all others: (N, K), (N or 1, K), (N, 1)."""
    least = np.where(is_known, scores, np.inf).min(axis=1, keepdims=True)
    return np.where(is_known, scores, np.where(np.isfinite(least), least, 0) - sizes * np.log(2))


def _gains(by_class: csr_array, by_column: Floats) -> csr_array:
    """Return log((R + alpha) / (R - O + alpha)) where there is an O: (n, K) for (n, K) and (n,)."""
    total = np.repeat(by_column, np.diff(by_class.indptr))
    rest = total - np.clip(by_class.data, 0, total)
    return csr_array((np.log((total + _ALPHA) / (rest + _ALPHA)), by_class.indices, by_class.indptr), by_class.shape)


def _offsets(of_class: Floats, n_columns: int) -> Floats:
    """Return log(M - m_c + alpha D): (..., K)."""
    return np.asarray(np.log(of_class.sum(axis=-1, keepdims=True) - of_class + _ALPHA * max(n_columns, 1)))
