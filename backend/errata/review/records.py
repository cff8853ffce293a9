"""Verdicts, changes and the journal's entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Decision = Literal["keep", "take_proposal", "fix", "wrong", "unusable", "unclear"]
DECISIONS: tuple[Decision, ...] = ("keep", "take_proposal", "fix", "wrong", "unusable", "unclear")
WRONG: frozenset[Decision] = frozenset({"take_proposal", "fix", "wrong", "unusable"})
CountsAs = Literal["verdict", "scan", "superseded"]
EntryState = Literal["intended", "written", "conflict", "undoing", "undone", "dropped"]  # dropped: never sent


@dataclass(frozen=True, slots=True)
class TagChange:
    """What becomes of one tag of an annotation."""

    tag: str
    is_given: bool  # from then on
    old_hash: str

    @property
    def old_label(self) -> str | None:
        """The tag where it was given before, None where it was missing."""
        return None if self.is_given else self.tag

    @property
    def new_label(self) -> str | None:
        """The tag where it is given from then on, None where it is taken away."""
        return self.tag if self.is_given else None


@dataclass(frozen=True, slots=True)
class RegionChange:
    """What becomes of one region of an annotation.

    Attributes:
        region_id: Label Studio's.
        old_label: None where the region is new.
        old_hash: of the region before; "" where it is new.
        new_label: None where the region is taken away.
        new_value: its results from then on; empty where it is taken away; None where it stays as it is drawn.
    """

    control: str
    region_id: str
    old_label: str | None
    old_hash: str
    new_label: str | None
    new_value: tuple[Mapping[str, Any], ...] | None


@dataclass(frozen=True, slots=True)
class RegionEdits:
    """What became of the regions that a review task's form was filled with.

    Attributes:
        changes: of those that are not as they were.
        was: the results of the region in question, as the form was filled with; empty where it is missing.
        labels: control -> region id -> label, as the form was filled with.
    """

    changes: tuple[RegionChange, ...]
    was: tuple[Mapping[str, Any], ...]
    labels: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer submitted in the review project about one finding."""

    finding_key: str
    review_project_id: int
    review_task_id: int
    review_annotation_id: int
    reviewer: str
    answered_at: datetime  # when it was last changed: with the annotation's id, what makes an answer the same
    seconds: float | None
    choice: str  # what `errata_verdict` held
    label: str | None  # the label that the source's control held then; None where it holds tags
    note: str | None
    tag_changes: tuple[TagChange, ...] | None = None  # made to the tags that the form was filled with
    form: Mapping[str, Any] | None = None  # the region that held the tags, without them
    regions: RegionEdits | None = None  # where the finding is about a region
    value: tuple[Mapping[str, Any], ...] | None = None  # where it is about an answer that is no label: its results
    is_one_of_several: bool = False  # the review task asks about all findings of an item, and one may be left open
    is_echo: bool = False  # errata wrote it for a decision on the scan board, and nobody changed it since


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reviewer decided about a finding, and all that was so at that moment.

    Attributes:
        region_id: None where the label is of the whole task, or a region is missing.
        tag: what the finding is about where a control holds tags; None where the label is the only one there.
        old_label: None where the tag, or the region, was missing.
        new_label: of a fix; None where the tag, or the region, is to be taken away.
        also: what a fix changes beside the tag in question.
        form: the region to add a tag in where the annotation has none of the control.
        new_value: of a region to fix, its results from then on; empty where it is to be taken away; None where it gets
            `new_label` and stays as it is drawn. Of an answer that is no label, likewise. None of all else.
        new_region_id: of a missing region, the id that it gets.
        known_regions: ids of those with the same label that the reviewer had before them when adding a region.
        other_edits: what the reviewer made of other regions than the one in question; written on request only.
    """

    finding_key: str
    project_id: int
    task_id: int
    annotation_id: int
    control: str
    region_id: str | None
    reviewer: str
    decided_at: datetime
    seconds: float | None
    stream: str
    inclusion: float | None  # probability of having been drawn; None for a suspect
    detectors: Mapping[str, float]
    disagreement: float
    model_version: str
    suggestion_shown: bool
    old_label: str | None
    old_hash: str
    decision: Decision
    reason: str | None
    strength: Literal["verdict", "scan"]
    new_label: str | None
    note: str | None
    contradiction: str | None  # why it cannot be applied, in words; None where it can
    review_project_id: int
    review_task_id: int
    review_annotation_id: int
    tag: str | None = None
    also: tuple[TagChange, ...] = ()
    form: Mapping[str, Any] | None = None
    new_value: tuple[Mapping[str, Any], ...] | None = None
    new_region_id: str | None = None
    known_regions: tuple[str, ...] = ()
    other_edits: tuple[RegionChange, ...] = ()

    @property
    def is_of_board(self) -> bool:
        """Say whether it was decided on the scan board: see `board_verdict_id`."""
        return self.review_annotation_id < 0

    @property
    def relabels_region(self) -> bool:
        """Say whether a region gets another label and stays as it is drawn."""
        is_relabelled = self.new_label not in (None, self.old_label)
        return self.region_id is not None and self.new_value is None and is_relabelled

    @property
    def replaces_answer(self) -> bool:
        """Say whether a whole answer that is no label gets other results."""
        return bool(self.new_value) and self.region_id is None and self.new_region_id is None

    @property
    def is_wrong(self) -> bool:
        """Say whether the label in question was wrong: a fix may be about other tags, or regions, alone."""
        is_left = self.new_label == self.old_label and self.new_value is None
        return self.decision in WRONG and not (self.decision == "fix" and is_left)


@dataclass(frozen=True, slots=True)
class Settled:
    """A verdict beside all others about its finding.

    Attributes:
        said: the verdict by itself.
        verdict: what stands of it: of reviewers who differ, `unclear`.
        counts_as: "verdict"; "scan" where the label was looked at in a page and not marked, which changes nothing; or
            "superseded" where the same reviewer decided later, on the scan board or in the review project.
    """

    said: Verdict
    verdict: Verdict
    counts_as: CountsAs


# What is said about any findings -> how each stands, in the same order.
Settle = Callable[[Sequence[Verdict]], Sequence[Settled]]


def board_verdict_id(reviewer_id: int) -> int:
    """Return what stands for the review annotation in a verdict that was decided on the scan board.

    A reviewer has one decision about a finding there. Label Studio's annotations have numbers above 0.
    """
    return -reviewer_id


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a change plan: one label of one annotation gets another value.

    Attributes:
        region_id: None where the label is of the whole task; of a region to add, the id that it gets.
        old_label: None where a tag, or a region, is missing.
        new_label: None where a tag, or a region, is taken away.
        tag: see `Verdict`.
        form: see `Verdict`.
        new_value: see `Verdict`.
        known_regions: see `Verdict`.
        is_other_edit: made to another region than the one that the reviewer was asked about.
    """

    finding_key: str
    project_id: int
    task_id: int
    annotation_id: int
    control: str
    region_id: str | None
    old_label: str | None
    old_hash: str
    new_label: str | None
    reviewer: str
    decided_at: datetime
    reason: str  # of the finding, in words
    tag: str | None = None
    form: Mapping[str, Any] | None = None
    new_value: tuple[Mapping[str, Any], ...] | None = None
    known_regions: tuple[str, ...] = ()
    is_other_edit: bool = False

    @property
    def is_of_answer(self) -> bool:
        """Say whether a whole answer that is no label gets other results."""
        return self.new_value is not None and self.region_id is None

    @property
    def adds_region(self) -> bool:
        """Say whether a region is added."""
        return bool(self.new_value) and self.old_label is None


@dataclass(frozen=True, slots=True)
class Annotation:
    """A source annotation as Label Studio has it now."""

    id: int
    task_id: int
    result: tuple[Mapping[str, Any], ...]
    updated_at: datetime  # by Label Studio's clock
    raw: Mapping[str, Any]  # all of it, for the journal


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One write to one annotation, with its full before and after."""

    id: int
    changeset_id: int
    project_id: int
    task_id: int
    annotation_id: int
    changes: tuple[Change, ...]
    before: Mapping[str, Any]  # the whole annotation
    after_result: tuple[Mapping[str, Any], ...]
    after_hashes: tuple[str | None, ...]  # of the value that each change wrote
    state: EntryState
    intended_at: datetime
    problem: str | None = None  # in words: why a conflict, or what an undo left alone


@dataclass(frozen=True, slots=True)
class Project:
    """A source project that errata has worked on."""

    id: int
    title: str
    url: str  # of Label Studio, ending in a slash


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One audit, as it was written down."""

    id: int
    project_id: int
    started_at: datetime
    finished_at: datetime | None  # None: it is under way, or its process died
    version: str | None
    summary: Mapping[str, Any]
    problem: str | None  # in words, where it ended badly


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """How many findings of a project are in which state."""

    open: int  # recorded, not in the review project (yet)
    published: int
    withdrawn: int
