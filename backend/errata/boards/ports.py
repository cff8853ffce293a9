"""What the pages need from outside, named by the need."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from errata.boards.actions import Depth, Step, Tally
from errata.boards.table import BoardTable, RowDetail
from errata.review.records import Settle, Settled, Verdict
from errata_model.records import Finding


@dataclass(frozen=True, slots=True)
class Glance:
    """What a list of projects says of one."""

    version: str
    title: str
    rows: int
    suspects: int


class Boards(Protocol):
    """Where the tables of audits are kept, the latest of each project and the one before."""

    def save(self, table: BoardTable, details: Iterable[RowDetail]) -> None:
        """Keep a table, `details` in the order of its rows, and make it the project's active one. Atomic."""

    def active(self, project_id: int) -> str | None:
        """Return the version of the project's latest table, None before the first. Cheap."""

    def load(self, project_id: int, version: str) -> BoardTable:
        """Read a table.

        Raises:
            TableGone: it is not kept (any more), or its files are damaged.
        """

    def details(self, project_id: int, version: str, rows: Sequence[int], *, has_masks: bool = True) -> list[RowDetail]:
        """Return what is shown of rows of a table, in this order; without `has_masks` faster, and without masks.

        Raises:
            TableGone: the table is not kept (any more), has no such row, or its files are damaged.
        """

    def projects(self) -> list[int]:
        """Return the projects that have a table, ascending."""

    def glance(self, project_id: int) -> Glance | None:
        """Return what a list of projects says of the latest table; None where there is none. Cheap."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A verdict record as far as it is counted."""

    finding_key: str
    review_annotation_id: int  # with the key, which record of the project it is
    counts_as: str  # "verdict", "scan", "superseded", or "gone": it was taken back
    is_wrong: bool
    decision: str


class Figures(Protocol):
    """Says which verdicts changed."""

    def changed_since(self, project_id: int, revision: int) -> tuple[int, list[Figure]]:
        """Return the project's latest revision, -1 before the first, and the records that changed after another one."""

    def decided(self, project_ids: Sequence[int]) -> dict[int, int]:
        """Return project -> how many findings have a verdict; projects without any are left out."""


class ActionLog(Protocol):
    """What reviewers did on the pages: an append-only log, and what stands of it."""

    def take(self, project_id: int, reviewer_id: int, steps: Sequence[Step], settle: Settle) -> set[str]:
        """Take a reviewer's actions in this order, all or none; one that was taken before changes nothing.

        Returns:
            The findings that they are about, those that were taken back or brought back too.
        """

    def depth(self, project_id: int, reviewer_id: int) -> Depth:
        """Return how many steps the reviewer can undo and redo."""

    def tally(self, project_id: int, reviewer_id: int) -> Tally:
        """Return how many labels the reviewer decided about on the pages, and how many they looked at alone."""

    def beside(self, project_id: int, keys: Collection[str]) -> dict[str, list[Settled]]:
        """Return finding -> all that is said about it, wherever it was said, oldest first."""

    def marked(self, project_id: int, reviewer_id: int) -> list[Verdict]:
        """Return what the reviewer marked on the pages and still stands, each by itself, oldest first."""


class RecordedFindings(Protocol):
    """The findings that verdicts are about."""

    def get(self, keys: Sequence[str]) -> dict[str, Finding]:
        """Return key -> finding for those that are known, each as its reviewers are shown it."""

    def record(self, project_id: int, findings: Sequence[Finding]) -> None:
        """Keep findings, newest word wins."""
