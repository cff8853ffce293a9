"""Nearest neighbours among very many rows, nearly all of them found: a search through lists of similar rows.

Rows are dealt to the most similar of some two thousand centres, and a query is compared with the rows of those lists
alone whose centres are most similar to it. How many lists that takes is measured, not guessed: on a sample of queries,
by exact search. Beside the rows, which are not copied, some hundred bytes a query are held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from errata_model.similarity import largest, unit_rows

Rows = NDArray[np.float32]
Indices = NDArray[np.int64]
_Any = TypeVar("_Any", bound=np.generic)

RECALL = 0.97  # of the sample's neighbours, so that of all it is above 0.95
_SAMPLED_QUERIES = 400
_ROWS_A_CENTRE = 40  # that centres are fitted to
_FITTING_STEPS = 6
_QUERIES_AT_A_TIME = 100_000
_BLOCK_CELLS = 1_000_000  # similarities held at a time: 4 MB, which stay in the processor's cache


@dataclass(frozen=True, slots=True)
class InvertedFile:
    """Rows by list.

    Attributes:
        rows: (N, D) finite, of any length.
        centres: (L, D) of length 1.
        members: (M,) the rows that may be found, list by list.
        ends: (L + 1,) where in `members` each list begins, and the end.
    """

    rows: Rows
    centres: Rows
    members: Indices
    ends: Indices

    def list_of(self, number: int) -> Indices:
        """Return the rows of a list."""
        return self.members[self.ends[number] : self.ends[number + 1]]


def build(rows: Rows, allowed: Indices, seed: int = 0) -> InvertedFile:
    """Fit centres to a sample of the allowed rows, at least one, and deal all of them to lists."""
    rng = np.random.default_rng(seed)
    n_lists = min(len(allowed), 2 * int(len(allowed) ** 0.5))
    sample = rng.choice(allowed, min(len(allowed), n_lists * _ROWS_A_CENTRE), replace=False)
    centres = unit_rows(rows[rng.choice(sample, n_lists, replace=False)])
    fitted = unit_rows(rows[np.sort(sample)])
    for _ in range(_FITTING_STEPS):
        nearest = np.concatenate([(part @ centres.T).argmax(axis=1) for part in _parts(fitted, n_lists)])
        order = np.argsort(nearest, kind="stable")
        starts = np.searchsorted(nearest[order], np.arange(n_lists))
        is_used = np.diff(starts, append=len(order)) > 0
        centres[is_used] = unit_rows(np.add.reduceat(fitted[order], starts[is_used], axis=0))
    nearest = np.concatenate([(unit_rows(rows[part]) @ centres.T).argmax(axis=1) for part in _parts(allowed, n_lists)])
    order = np.argsort(nearest, kind="stable")
    return InvertedFile(rows, centres, allowed[order], np.searchsorted(nearest[order], np.arange(n_lists + 1)))


def search(
    file: InvertedFile, asked: Indices, k: int, groups: NDArray[np.integer], seed: int = 0
) -> tuple[Indices, NDArray[np.float32]]:
    """Find nearly all of the k most similar rows of other groups; as `nearest_neighbours` returns them."""
    sample = np.random.default_rng(seed).choice(asked, min(len(asked), _SAMPLED_QUERIES), replace=False)
    n_probes = _probes_needed(file, sample, k, groups)
    indices = np.full((len(asked), k), -1, dtype=np.int64)
    similarities = np.full((len(asked), k), -np.inf, dtype=np.float32)
    for start in range(0, len(asked), _QUERIES_AT_A_TIME):
        part = slice(start, start + _QUERIES_AT_A_TIME)
        _search_part(file, asked[part], groups, n_probes, indices[part], similarities[part])
    is_found = indices >= 0
    order = np.lexsort((indices, -similarities), axis=1)
    values = np.where(is_found, np.clip(similarities, -1, 1), 0).astype(np.float32, copy=False)
    return np.take_along_axis(indices, order, axis=1), np.take_along_axis(values, order, axis=1)


def _search_part(
    file: InvertedFile,
    asked: Indices,
    groups: NDArray[np.integer],
    n_probes: int,
    indices: Indices,
    similarities: NDArray[np.float32],
) -> None:
    """Fill in what is found of some queries: in each one's nearest list first, then, beyond what it has, in others."""
    n_lists, k = len(file.centres), indices.shape[1]
    unit, of_asked = unit_rows(file.rows[asked]), groups[asked]
    probes = np.concatenate([_nearest_lists(file, some, n_probes) for some in _parts(unit, n_lists)])
    for lists in (probes[:, :1], probes[:, 1:]):
        by_list = np.argsort(lists, axis=None, kind="stable")
        ends = np.searchsorted(lists.ravel()[by_list], np.arange(n_lists + 1))
        for number in range(n_lists):
            members = file.list_of(number)
            queries = by_list[ends[number] : ends[number + 1]] // max(lists.shape[1], 1)
            if not len(members) or not len(queries):
                continue
            others = unit_rows(file.rows[members])
            for some in _parts(queries, len(members)):
                similar = unit[some] @ others.T
                least = similarities[some, -1]
                if lists.shape[1] == 1:  # nothing is known yet: of each row as many as are kept
                    similar[of_asked[some, None] == groups[members]] = -np.inf
                    least = np.partition(similar, -k, axis=1)[:, -k] if k < len(members) else least
                row, column = np.divmod(np.flatnonzero(similar >= least[:, None]), len(members))
                is_other = of_asked[some[row]] != groups[members[column]]
                row, column = row[is_other], column[is_other]
                if len(row):
                    _keep_best(indices, similarities, some, row, members[column], similar[row, column])


def _keep_best(
    indices: Indices,
    similarities: NDArray[np.float32],
    queries: Indices,
    row: Indices,
    found: Indices,
    similar: NDArray[np.float32],
) -> None:
    """Merge what was found (`row` ascending, of `queries`) into the k best so far, most similar first."""
    k = indices.shape[1]
    order = np.lexsort((-similar, row))
    row, found, similar = row[order], found[order], similar[order]
    changed, first, n_found = np.unique(row, return_index=True, return_counts=True)
    place = np.arange(len(row)) - np.repeat(first, n_found)
    line = np.repeat(np.arange(len(changed)), n_found)
    is_kept = place < k
    wide = np.full((len(changed), 2 * k), -1, dtype=np.int64)
    values = np.full((len(changed), 2 * k), -np.inf, dtype=np.float32)
    wide[:, :k], values[:, :k] = indices[queries[changed]], similarities[queries[changed]]
    wide[line[is_kept], k + place[is_kept]] = found[is_kept]
    values[line[is_kept], k + place[is_kept]] = similar[is_kept]
    best = np.argsort(-values, axis=1, kind="stable")[:, :k]
    indices[queries[changed]] = np.take_along_axis(wide, best, axis=1)
    similarities[queries[changed]] = np.take_along_axis(values, best, axis=1)


def _nearest_lists(file: InvertedFile, unit: Rows, n_probes: int) -> NDArray[np.integer]:
    """Return (n, n_probes) lists in as few bytes as hold them, which are sorted the faster."""
    return largest(unit @ file.centres.T, n_probes)[0].astype(np.min_scalar_type(len(file.centres)))


def _probes_needed(file: InvertedFile, sample: Indices, k: int, groups: NDArray[np.integer]) -> int:
    """Return in how many of a query's nearest lists its true neighbours lie."""
    queries = unit_rows(file.rows[sample])
    best: Rows = np.full((len(sample), k), -np.inf, dtype=np.float32)
    place: Indices = np.zeros((len(sample), k), dtype=np.int64)
    for part in _parts(np.arange(len(file.members)), len(sample)):
        members = file.members[part]
        similar = queries @ unit_rows(file.rows[members]).T
        similar[groups[sample][:, None] == groups[members][None, :]] = -np.inf
        columns, best = largest(np.concatenate([best, similar], axis=1), k)
        place = np.take_along_axis(np.concatenate([place, np.broadcast_to(part, similar.shape)], axis=1), columns, 1)
    lists = np.searchsorted(file.ends, place, side="right") - 1
    ranks = np.argsort(np.argsort(-(queries @ file.centres.T), axis=1, kind="stable"), axis=1)
    needed = np.sort(np.take_along_axis(ranks, lists, axis=1)[np.isfinite(best)]) + 1
    return int(needed[max(0, int(np.ceil(RECALL * len(needed))) - 1)]) if len(needed) else 1


def _parts(rows: NDArray[_Any], n_columns: int) -> list[NDArray[_Any]]:
    """Cut rows such that a block of `n_columns` values each stays small."""
    step = max(1, _BLOCK_CELLS // max(n_columns, 1))
    return [rows[start : start + step] for start in range(0, len(rows), step)]
