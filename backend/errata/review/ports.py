"""What reviewing and applying need from outside, named by the need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from errata.review.records import (
    Annotation,
    Answer,
    AuditRecord,
    Change,
    EntryState,
    FindingCounts,
    JournalEntry,
    Settle,
    Verdict,
)
from errata_model.records import Finding


class Answers(Protocol):
    """What people submitted in a project's review project."""

    def read(self) -> list[Answer]:
        """Return every submitted answer (skipped ones are not), by review annotation id.

        Raises:
            LabelStudioGone: the review project was deleted; what was answered there stays recorded.
        """

    def submitted(self, review_project_id: int, review_task_ids: Sequence[int]) -> dict[int, set[int]]:
        """Return review task id -> review annotation ids of its answers, for those tasks that stand there still.

        Empty where the review project is not (any more) the one with this id.
        """

    def mark_contradictory(self, review_task_ids: Sequence[int]) -> None:
        """Put these into the tab "Contradictory: look again", and take all others out of it."""


class Findings(Protocol):
    """Findings as reviewers are shown them: as published, or as last recorded where they are not."""

    def get(self, keys: Sequence[str]) -> dict[str, Finding]:
        """Return key -> finding for those that are known."""


class Verdicts(Protocol):
    """The verdict records: the only thing that figures, plans and undo read."""

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        """Hold the project for one who takes its verdicts (waits for another one to finish)."""

    def put(self, said: Sequence[Verdict], settle: Settle) -> int:
        """Keep verdicts; one of the same answer about the same finding replaces the earlier.

        Args:
            said: each by itself.
            settle: says how all those about a finding stand to one another.

        Returns:
            How many verdicts are new or stand otherwise now.
        """

    def remove(self, verdicts: Sequence[Verdict], settle: Settle) -> None:
        """Forget verdicts whose answers were withdrawn in Label Studio."""

    def of_project(self, project_id: int) -> list[Verdict]:
        """Return the project's verdicts that count, oldest first; what was scanned alone is none."""

    def scanned(self, project_id: int) -> int:
        """Return how many findings were looked at in a page and not marked, and have no verdict."""


class Annotations(Protocol):
    """The source project's annotations. The only port through which a label is ever written."""

    def read(self, annotation_ids: Sequence[int]) -> dict[int, Annotation]:
        """Read them afresh; those that no longer exist, or were skipped since, are absent."""

    def results_of(self, task_ids: Sequence[int]) -> dict[int, Sequence[Mapping[str, Any]]]:
        """Return annotation id -> result of what stands in these tasks, many a request; skipped ones are absent."""

    def write(self, annotation_id: int, result: Sequence[Mapping[str, Any]]) -> None:
        """Replace an annotation's result and nothing else of it.

        Raises:
            LabelStudioGone: it was deleted meanwhile.
        """


class Edits(Protocol):
    """How a label is found, hashed and replaced inside an annotation's result: the codecs.

    Its place is a control, a region (None: the label is of the whole task) and, of a control of tags, the tag.
    """

    def value_hash(
        self, result: Sequence[Mapping[str, Any]], control: str, region_id: str | None, tag: str | None = None
    ) -> str | None:
        """Return the canonical hash of the value there, None where there is none. A tag that is missing has one."""

    def replaced(
        self,
        result: Sequence[Mapping[str, Any]],
        control: str,
        region_id: str | None,
        label: str | None,
        tag: str | None = None,
        form: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` with `label` in its place and every other label, region, id and field as it was.

        None takes a tag away; `form` is the region to add one in where the result has none of the control.
        """

    def label(
        self, result: Sequence[Mapping[str, Any]], control: str, region_id: str | None, tag: str | None = None
    ) -> str | None:
        """Return the label there, None where there is none."""

    def tags(self, result: Sequence[Mapping[str, Any]], control: str) -> frozenset[str] | None:
        """Return the tags that are given, none where the control has no answer; None where it cannot be read."""

    def regions_of(self, result: Sequence[Mapping[str, Any]], control: str) -> dict[str, list[Mapping[str, Any]]]:
        """Return region id -> its results, of every region that the control labels."""

    def with_region(
        self,
        result: Sequence[Mapping[str, Any]],
        control: str,
        region_id: str,
        value: Sequence[Mapping[str, Any]],
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a region is as `value` says, and all else is as it was.

        One that is not there is added; an empty `value` takes it away, with what is answered about it alone.
        """

    def relabelled(self, region: Sequence[Mapping[str, Any]], control: str, label: str) -> list[dict[str, Any]]:
        """Return a copy of one region's results in which the control says `label`, and all else is as it was."""

    def moves(
        self,
        result: Sequence[Mapping[str, Any]],
        control: str,
        region_id: str,
        value: Sequence[Mapping[str, Any]],
    ) -> bool:
        """Say whether a region that is there would be drawn elsewhere if it were as `value` says."""

    def drawn_as(
        self, result: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]], region_id: str
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a region is where it is in `other`, whatever its labels."""

    def restored(
        self,
        result: Sequence[Mapping[str, Any]],
        before: Sequence[Mapping[str, Any]],
        control: str,
        region_id: str,
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a region is as it was `before`, with what is answered about it alone."""

    def answer_hash(self, result: Sequence[Mapping[str, Any]], control: str) -> str:
        """Return the canonical hash of an answer that is no label; one that is not there has one, too."""

    def answer_of(self, result: Sequence[Mapping[str, Any]], control: str) -> list[Mapping[str, Any]]:
        """Return the results of a control's whole answer."""

    def with_answer(
        self, result: Sequence[Mapping[str, Any]], control: str, value: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which the control is answered as `value` says, and all else is as it was."""

    def restored_answer(
        self, result: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]], control: str
    ) -> list[dict[str, Any]]:
        """Return a copy of `result` in which a control is answered as it was `before`, with all that is about that."""

    def overlap(self, one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> float:
        """Return how much two regions, each as its results, overlap, in [0, 1], whatever their labels."""


class Journal(Protocol):
    """Every write to the source, committed before it is sent."""

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        """Hold the project for one writer (waits for another one to finish)."""

    def open_changeset(self, project_id: int, by: str) -> int:
        """Begin a changeset; return its id."""

    def intend(
        self,
        changeset_id: int,
        changes: Sequence[Change],
        before: Annotation,
        after: Sequence[Mapping[str, Any]],
        after_hashes: Sequence[str | None],
    ) -> JournalEntry:
        """Commit what is about to be written to one annotation. State: intended.

        Args:
            changeset_id: the plan that is applied.
            changes: its lines for this annotation.
            before: the annotation as it is.
            after: the result to write.
            after_hashes: of each change, the canonical hash of its value in `after`.
        """

    def settle(self, entry_id: int, state: EntryState, problem: str | None = None) -> None:
        """Commit how it went."""

    def unsettled(self, project_id: int) -> list[JournalEntry]:
        """Return the entries in state intended or undoing: a crash may have left them; oldest first.

        Those that were dropped are among them, too, where nothing was written to their annotation since: Label Studio
        may have saved later.
        """

    def entries(self, project_id: int) -> list[JournalEntry]:
        """Return the project's entries, oldest first."""

    def changesets(self, project_id: int) -> list[tuple[int, datetime, int]]:
        """Return (id, when, how many entries are written and not undone), oldest first."""


class History(Protocol):
    """What audits left behind."""

    def last(self, project_id: int) -> AuditRecord | None:
        """Return the project's latest audit, None before the first."""

    def counts(self, project_id: int) -> FindingCounts:
        """Return how many findings are in which state."""

    def in_review(self, project_id: int) -> dict[str, int]:
        """Return finding -> review task, of those that stand in the review project."""


class Trace(Protocol):
    """One thing that errata added to Label Studio."""

    @property
    def kind(self) -> str:
        """What it is: "review_project", "webhook", ..."""

    @property
    def ref(self) -> str:
        """Its id or name in Label Studio."""


class Traces(Protocol):
    """What errata has written where."""

    def of_project(self, project_id: int) -> Sequence[Trace]:
        """Return what is there, oldest first."""
