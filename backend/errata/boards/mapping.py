"""Where the labels of a control stand: in the similarity order and on the map, and which are among others there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from errata.boards.looks import Looks
from errata.boards.rows import Row
from errata.boards.table import BoardTable
from errata_model.map.layout import EarlierMap, lay_out
from errata_model.map.order import similarity_order
from errata_model.map.trust import NEIGHBOURS, shares_among, trustworthiness
from errata_model.neighbours import nearest_neighbours
from errata_model.records import Control

_LEAST, _TIMES = 1 / 3 - 1e-9, 2.0  # of neighbours, when a label stands among others
_SPREAD = 0.003  # of the map, about, between labels of one item


@dataclass(frozen=True, slots=True)
class Mapped:
    """Where the L labels of a control stand; see `BoardTable`.

    Attributes:
        leaf: (L,) int32.
        xy: (L, 2) float32.
        apart: (L,) bool.
        vectors: (L, D) float32.
        trustworthiness: of the map; None where there is none.
    """

    leaf: NDArray[np.int32]
    xy: NDArray[np.float32]
    apart: NDArray[np.bool_]
    vectors: NDArray[np.float32]
    trustworthiness: float | None


def map_labels(
    rows: Sequence[Row], said: NDArray[np.int32], disagreement: NDArray[np.float32], looks: Looks, earlier: EarlierXY
) -> Mapped:
    """Put the labels of a control into an order and onto a map.

    Labels of one item (of several annotators, or several tags) stand together. Those of which nothing is known stand
    behind all others, by label and disagreement, and on no map.

    Args:
        rows: L of them, of one control.
        said: (L,) what each says, as a number; equal where two say the same.
        disagreement: (L,).
        looks: what they look like.
        earlier: where they stood before.
    """
    seen = np.flatnonzero(looks.rows.any(axis=1))
    item_of = np.full(len(looks.rows), -1, dtype=np.int64)
    item_of[seen] = np.arange(len(seen))
    items = item_of[looks.items]  # of those that are seen; -1 of others
    is_seen = items >= 0
    vectors = looks.rows[seen]
    place = np.full(len(seen) + 1, len(seen), dtype=np.int64)  # the last is for those that are not seen
    place[similarity_order(vectors)] = np.arange(len(seen))
    leaf = np.empty(len(rows), dtype=np.int32)
    leaf[np.lexsort((-disagreement, said, place[items]))] = np.arange(len(rows), dtype=np.int32)
    xy, apart = np.full((len(rows), 2), np.nan, dtype=np.float32), np.zeros(len(rows), dtype=np.bool_)
    if not len(seen):
        return Mapped(leaf, xy, apart, looks.rows[looks.items], None)
    tasks = np.array([row.task.id for row in rows], dtype=np.int64)
    task_of_item = np.zeros(len(seen), dtype=np.int64)
    task_of_item[items[is_seen]] = tasks[is_seen]
    neighbours, similarities = nearest_neighbours(vectors, NEIGHBOURS, np.arange(len(seen)))
    at_items = lay_out(vectors, neighbours, similarities, earlier.of_items(rows, items, len(seen)))
    xy[is_seen] = _spread(at_items[items[is_seen]], items[is_seen], leaf[is_seen])
    others = _of_other_tasks(neighbours, task_of_item)
    apart[is_seen] = _apart(rows, said, items, others)[is_seen]
    return Mapped(leaf, xy, apart, looks.rows[looks.items], trustworthiness(vectors, at_items))


class EarlierXY:
    """Where labels stood on the map of an earlier audit.

    Args:
        table: of that audit; None where there was none.
        control: which control's map.
    """

    def __init__(self, table: BoardTable | None, control: Control) -> None:
        self._worth = 0.0 if table is None else table.trustworthiness.get(control.name, 0.0)
        self._of_key: dict[bytes, int] = {}
        self._of_task: dict[int, int] = {}
        self._xy: NDArray[np.float32] = np.zeros((0, 2), dtype=np.float32)
        if table is None or control.name not in table.trustworthiness:
            return
        names = [each.name for each in table.controls]
        rows = np.flatnonzero((table.control == names.index(control.name)) & np.isfinite(table.xy).all(axis=1))
        self._xy = table.xy[rows]
        if control.has_regions:
            self._of_key = {bytes(key): n for n, key in enumerate(table.keys[rows].tolist())}
        else:  # whatever their labels are now
            self._of_task = {task_id: n for n, task_id in enumerate(table.tasks[rows].tolist())}

    def of_items(self, rows: Sequence[Row], items: NDArray[np.int64], n_items: int) -> EarlierMap | None:
        """Return where M items stood; `items` says which one each row is of, -1 for none."""
        if not len(self._xy):
            return None
        xy = np.full((n_items, 2), np.nan, dtype=np.float32)
        for row, item in zip(rows, items.tolist(), strict=True):
            place = self._of_task.get(row.task.id)
            place = self._of_key.get(row.finding.key.encode()) if place is None else place
            if place is not None and item >= 0:
                xy[item] = self._xy[place]
        return EarlierMap(xy, self._worth)


def _spread(xy: NDArray[np.float32], items: NDArray[np.int64], leaf: NDArray[np.int32]) -> NDArray[np.float32]:
    """Lay labels of one item beside each other, on a spiral around its place; the first stays in the middle."""
    order = np.lexsort((leaf, items))
    starts = np.searchsorted(items[order], items[order])
    turn = np.empty(len(items))
    turn[order] = np.arange(len(items)) - starts
    angle, radius = turn * 2.39996, _SPREAD * np.sqrt(turn)  # the golden angle
    away = np.column_stack((np.cos(angle), np.sin(angle))) * radius[:, None]
    return np.asarray((xy + away).clip(0, 1), dtype=np.float32)


def _of_other_tasks(neighbours: NDArray[np.int64], task_of_item: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take out neighbours of the same task: they are one person's work, or the same thing once more."""
    is_same = task_of_item[neighbours] == task_of_item[:, None]
    return np.where(is_same, -1, neighbours)


def _apart(
    rows: Sequence[Row], said: NDArray[np.int32], items: NDArray[np.int64], neighbours: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say which labels stand among others.

    At least a third of an item's neighbours have one and the same other label, and more than twice as many as have its
    own: that most are merely labelled otherwise is so of three quarters of all labels where the space tells labels
    apart badly. A tag stands alone: more than two thirds of the neighbours lack the one that is given, or have the one
    that is not.
    """
    is_seen = items >= 0
    is_tag = np.array([row.control.kind == "tags" for row in rows])
    is_given = ~is_tag | np.array([row.finding.given.label is not None for row in rows])
    counted = is_seen & is_given
    shape = (len(neighbours), int(said.max()) + 1)
    counts = csr_array(coo_array((np.ones(int(counted.sum())), (items[counted], said[counted])), shape=shape))
    voices = np.maximum(_n_annotations(rows, items, len(neighbours)), 1)
    among = shares_among(neighbours, csr_array(counts.multiply(1 / voices[:, None])))
    own, other = _own_and_other(csr_array(among[items[is_seen]]), said[is_seen])
    other = np.where(is_tag[is_seen], 1 - own, other)
    own, other = np.where(is_given[is_seen], (own, other), (other, own))
    apart = np.zeros(len(rows), dtype=np.bool_)
    apart[is_seen] = (other > _TIMES * own) & (other >= _LEAST) & (neighbours[items[is_seen]] >= 0).any(axis=1)
    return apart


def _own_and_other(among: csr_array, said: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (N,) the share of neighbours with a row's own label, and of those with the commonest other one."""
    n = len(said)
    row = np.repeat(np.arange(n), np.diff(among.indptr))
    is_own = among.indices == said[row]
    own, other = np.zeros(n), np.zeros(n)
    own[row[is_own]] = among.data[is_own]
    np.maximum.at(other, row[~is_own], among.data[~is_own])
    return own, other


def _n_annotations(rows: Sequence[Row], items: NDArray[np.int64], n_items: int) -> NDArray[np.int64]:
    """Count who labelled each item."""
    pairs = {(item, row.finding.given.annotation_id) for row, item in zip(rows, items.tolist(), strict=True)}
    return np.bincount([item for item, _ in pairs if item >= 0], minlength=n_items)
