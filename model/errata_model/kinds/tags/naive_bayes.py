"""Naive Bayes over which words texts hold, a tag at a time, with every group of rows left out in closed form."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from errata_model.groups import whole_groups
from errata_model.kinds.choices.examples import Examples, Floats

_ONE = 1.0  # of a row, added to those that hold a column, with and without the tag (Laplace)
_ENTRIES = 2_000_000  # of rows, held at a time: some hundred megabytes


def leave_group_out_ratios(rows: csr_array, examples: Examples) -> Floats:
    r"""Score every row by what its columns say for each tag, in the labelled rows of all *other* groups.

    With O_jk the rows with tag k that hold column j, R_j all rows that hold it, n_k the rows with the tag and n all of
    them, each without the row's own group, a row x says

        sum_j x_j (log((O_jk + 1) / (n_k + 2)) - log((R_j - O_jk + 1) / (n - n_k + 2)))

    It counts in how many rows a word stands, not how often, and weighs it by how telling it is: counted as often as
    they occur (multinomial), words knew less of pages of news, .410 of cross-entropy instead of .364.

    Args:
        rows: (N, D) >= 0; what is above 0 is held.
        examples: N of them; the last column of the targets is 1 in each labelled row.

    Returns:
        (N, K), the higher the likelier, 0 knows nothing: of a tag that no other group has, or that all of them have.

    Source:
        Wang and Manning, "Baselines and bigrams: simple, good sentiment and topic classification", ACL 2012, for
        presence in place of counts.
    """
    holding = _presence(rows) @ examples.targets
    of_all = examples.targets.sum(axis=0)
    ratios = np.zeros((rows.shape[0], examples.targets.shape[1] - 1))
    for mine in whole_groups(examples.groups, np.diff(rows.indptr), _ENTRIES):
        ratios[mine] = _without_own(rows[mine], examples.take(mine), holding, of_all)
    return ratios


def fit_ratios(rows: csr_array, targets: Floats) -> Floats:
    """Return (D, K) what one unit in a column says for each tag, in all labelled rows; see `leave_group_out_ratios`."""
    holding, of_all = _presence(rows) @ targets, targets.sum(axis=0)
    given, held = holding[:, :-1], holding[:, -1:]
    ratios = np.log(given + _ONE) - np.log(np.maximum(held - given, 0) + _ONE) - _balance(of_all)
    return np.asarray(np.where(_is_told(of_all), ratios, 0))


def _presence(rows: csr_array) -> csr_array:
    """Return (D, N) which columns each row holds."""
    return csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape).T.tocsr()


def _without_own(rows: csr_array, own: Examples, holding: Floats, of_all: Floats) -> Floats:
    n, width = rows.shape
    _, group = np.unique(own.groups, return_inverse=True)
    row_of = np.repeat(np.arange(n), np.diff(rows.indptr))
    places, place = np.unique(group[row_of] * np.int64(width) + rows.indices, return_inverse=True)

    def left(column: int) -> Floats:
        """Return for each entry how many rows of other groups hold its column, of those with a tag."""
        of_group = np.bincount(place, own.targets[row_of, column], minlength=len(places))
        return np.asarray(np.maximum(holding[rows.indices, column] - of_group[place], 0))

    of_groups = np.zeros((int(group.max(initial=-1)) + 1, own.targets.shape[1]))
    np.add.at(of_groups, group, own.targets)
    of_others = np.maximum(of_all - of_groups[group], 0)
    held = left(-1)
    ratios = np.empty((n, own.targets.shape[1] - 1))
    for k in range(ratios.shape[1]):
        given = left(k)
        says = np.log(given + _ONE) - np.log(np.maximum(held - given, 0) + _ONE)
        ratios[:, k] = np.bincount(row_of, rows.data * says, minlength=n)
    ratios -= np.bincount(row_of, rows.data, minlength=n)[:, None] * _balance(of_others)
    return np.where(_is_told(of_others), ratios, 0)


def _balance(of_all: Floats) -> Floats:
    """Return what any column would say by the numbers of rows alone: (..., K) of (..., K + 1)."""
    given, asked = of_all[..., :-1], of_all[..., -1:]
    return np.asarray(np.log(given + 2 * _ONE) - np.log(np.maximum(asked - given, 0) + 2 * _ONE))


def _is_told(of_all: Floats) -> NDArray[np.bool_]:
    """Say of which tags there are rows with and rows without."""
    given, asked = of_all[..., :-1], of_all[..., -1:]
    return np.asarray((given > 1e-9) & (asked - given > 1e-9))  # sums that were taken apart again round
