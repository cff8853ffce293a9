"""Which labels were decided about, kept in step with the verdict records by what changed since."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from errata.boards.key_index import KeyIndex
from errata.boards.ports import Figure, Figures
from errata.boards.table import NONE

_START = -1  # before every revision
_DECIDED, _WRONG, _KEPT, _SCANNED = 1, 2, 4, 8

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What was decided, a flag a row.

    Attributes:
        decided: (N,) there is a verdict.
        wrong: (N,) it says that the label is wrong.
        kept: (N,) it says that the label is right.
        scanned: (N,) there is none, and the label was looked at in a page and not marked.
        revision: another one where anything changed.
    """

    decided: Flags
    wrong: Flags
    kept: Flags
    scanned: Flags
    revision: int


class JudgedRows:
    """The flags of one table's rows. To be asked by one thread at a time.

    Args:
        project_id: the source project.
        n_rows: N.
        index: finds them by their keys.
        figures: the verdict records.
    """

    def __init__(self, project_id: int, n_rows: int, index: KeyIndex, figures: Figures) -> None:
        self._project_id = project_id
        self._figures = figures
        self._index = index
        self._flags = np.zeros(n_rows, dtype=np.uint8)
        self._of_finding: defaultdict[str, dict[int, int]] = defaultdict(dict)  # key -> annotation -> flags
        self._revision = _START
        self._judged: Judged | None = None

    def now(self) -> Judged:
        """Return the flags as the records have them now; reads what changed since the last time."""
        revision, changed = self._figures.changed_since(self._project_id, self._revision)
        if revision < self._revision:  # the project was purged meanwhile
            self._of_finding.clear()
            self._flags[:] = 0
            revision, changed = self._figures.changed_since(self._project_id, _START)
        if self._judged is None or revision != self._revision or changed:
            self._take(changed)
            self._revision = revision
            decided, wrong, kept = ((self._flags & flag) != 0 for flag in (_DECIDED, _WRONG, _KEPT))
            self._judged = Judged(decided, wrong, kept, self._flags == _SCANNED, revision)
        return self._judged

    def _take(self, changed: list[Figure]) -> None:
        for figure in changed:
            self._of_finding[figure.finding_key][figure.review_annotation_id] = _flags(figure)
        keys = list({figure.finding_key for figure in changed})
        for key, row in zip(keys, self._index.rows(keys).tolist(), strict=True):
            if row != NONE:
                self._flags[row] = reduce(or_, self._of_finding[key].values())


def _flags(figure: Figure) -> int:
    if figure.counts_as == "scan":
        return _SCANNED
    if figure.counts_as != "verdict":  # superseded, or taken back
        return 0
    return _DECIDED | (_WRONG if figure.is_wrong else 0) | (_KEPT if figure.decision == "keep" else 0)
