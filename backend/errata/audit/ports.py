"""What an audit needs from outside, named by the need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errata.audit.beliefs import Artefact
from errata.audit.snapshot import Snapshot, Task
from errata_model.records import Control, Finding, Proposal
from errata_model.regions.records import Region
from errata_model.regions.shapes import Size


class ChosenTasks(Protocol):
    """Reads tasks of a project by their ids."""

    def read_chosen(self, task_ids: Sequence[int], progress: Progress) -> Snapshot:
        """Read those of these tasks that exist, with their labels."""


class Source(Protocol):
    """Where labels live."""

    def read(self, progress: Progress) -> Snapshot:
        """Read every task with its labels.

        Raises:
            ConfigNotServed: no control can be audited; names the tags.
        """


class Progress(Protocol):
    """Where an audit says how far it is."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage of `total` steps (None: not known); ends the stage before."""

    def advance(self, n: int = 1) -> None:
        """Say that `n` more steps of the stage are done."""

    def say(self, text: str) -> None:
        """Tell the operator a line."""


class Media(Protocol):
    """Fetches what a task's data points to."""

    def read(self, uri: str, task_id: int) -> bytes:
        """Return the file's content. Safe to call from several threads.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """


class Texts(Protocol):
    """Reads what one key of tasks' data holds as text."""

    @property
    def is_far(self) -> bool:
        """Say whether the data hold the addresses of files that hold the texts."""

    def read(self, value: Any, task_id: int) -> str:
        """Return the text. Safe to call from several threads.

        Raises:
            MediaError: there is none, or its file is missing, too large, not allowed or took too long.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """


class MediaIndex(Protocol):
    """Remembers what was found behind a media address, so that it is not fetched again."""

    def known(self, uris: Sequence[str]) -> dict[str, str]:
        """Return uri -> content key for the addresses that were read before."""

    def remember(self, found: Mapping[str, str]) -> None:
        """Keep uri -> content key."""


class Embeddings(Protocol):
    """Embeddings of one encoder, by content key. Survives the process."""

    def get(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return (N, D) rows in the order of `keys`, zeros where unknown, and (N,) which are known. Thread-safe."""

    def put(self, keys: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Keep (N, D) rows; a key that is known already is left as it is."""


class PredictionSink(Protocol):
    """Takes predictions for the source project."""

    def push(self, version: str, predictions: Sequence[Prediction]) -> int:
        """Store predictions of one version in bulk; return how many were stored.

        Called with one chunk at a time. Predictions that Label Studio would drop are refused before they are sent.
        """

    def retire(self, keep: Sequence[str]) -> int:
        """Delete errata's own versions that are not in `keep`; return how many predictions went."""

    def withdraw(self, task_ids: Sequence[int]) -> int:
        """Delete errata's own predictions of these tasks, of any version; return how many went."""

    def announce(self, version: str) -> None:
        """Make `version` the one that Label Studio shows.

        Only where people let errata do so, and the field is empty or errata's own already.
        """


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the belief says about a task, ready to be stored in Label Studio."""

    task_id: int
    result: tuple[Mapping[str, Any], ...]  # Label Studio regions, each with its `score`
    score: float  # of the least sure region, in [0, 1]


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A finding as it stands in the review project; with `several`, all that are asked about there."""

    review_task_id: int
    finding_key: str  # of the worst
    fingerprint: str  # of what the reviewer is shown; another one means that the task should be replaced
    shown: float  # the disagreement that stands there, which is what the queue is sorted by
    is_touched: bool  # somebody has decided, drafted or opened it: it is not to be deleted
    several: tuple[str, ...] | None = None  # keys of all findings of an item; None where it asks about one by itself

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the findings that it asks about."""
        return self.several or (self.finding_key,)


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """A finding as it should stand in the review project; with `several`, all that are asked about there."""

    finding: Finding  # the worst
    task: Task
    question: str  # what the reviewer is asked, naming the given and the proposed label
    shown: float  # the disagreement to show
    fingerprint: str
    several: tuple[Finding, ...] | None = None  # worst first; None where it asks about one by itself

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What it asks about."""
        return self.several or (self.finding,)


class ReviewQueue(Protocol):
    """The review project of one source project, made when it is first needed."""

    def items(self) -> list[ReviewItem]:
        """Return what is there, by ascending review task id, which is the order people are served in."""

    def insert(self, entries: Sequence[ReviewEntry]) -> list[int]:
        """Add review tasks in this order; return their ids. Called with one chunk at a time."""

    def delete(self, review_task_ids: Sequence[int]) -> list[int]:
        """Delete those that nobody touched meanwhile (looked up at the time of deletion); return which went."""


class Regions(Protocol):
    """Writes a control's labels in Label Studio's form: the codecs."""

    def region(self, control: Control, label: str, score: float | None = None) -> dict[str, Any]:
        """Return a Label Studio region that says `label`."""

    def regions(self, control: Control, scored: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
        """Return the regions of a prediction that says these labels, each with its probability; none for none."""

    def proposal(self, control: Control, top: Sequence[tuple[str, float]]) -> Proposal:
        """Return the proposal to replace a label of the control by the first of `top`."""

    def addition(self, control: Control, top: Sequence[tuple[str, float]]) -> Proposal:
        """Return the proposal to add the first of `top`, a tag that is missing."""

    def removal(self, control: Control, tag: str, probability: float) -> Proposal:
        """Return the proposal to take away a tag that is right with this probability."""

    def absent_hash(self, control: Control, tag: str) -> str:
        """Return the canonical hash that says that a tag is not given."""

    def written(self, control: Control, region: Region, size: Size | None, value: Any) -> list[dict[str, Any]]:
        """Return Label Studio's results of one region: the one that holds the label first.

        Args:
            control: whose region it is.
            region: one without an id gets one that its content decides.
            size: of the image, in pixels.
            value: what the task's data hold under the control's key.
        """

    def regions_in(
        self, result: Sequence[Mapping[str, Any]], control: Control, value: object
    ) -> tuple[list[Region], list[str], Size | None]:
        """Return the regions that results say, what is wrong with others, and the image's size; see `written`."""

    def answer(self, control: Control, answer: Any, probability: float) -> Proposal:
        """Return the proposal to replace an answer that is no label by another one.

        Args:
            control: whose answer it is.
            answer: as a prediction or an annotation of the control was read.
            probability: that it is right.
        """

    def region_hash(self, results: Sequence[Mapping[str, Any]], control: Control) -> str:
        """Return the canonical hash of a region that is not there yet."""


class AuditLog(Protocol):
    """Remembers audits and findings."""

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        """Hold the project for one audit.

        Raises:
            AuditRunning: another process holds it.
        """

    def begin(self, snapshot: Snapshot) -> int:
        """Write down that an audit began; return its id."""

    def finish(self, audit_id: int, version: str, summary: Mapping[str, Any]) -> None:
        """Write down that it ended well."""

    def fail(self, audit_id: int, reason: str) -> None:
        """Write down that it ended badly."""

    def record(self, project_id: int, findings: Sequence[Finding]) -> None:
        """Keep findings, newest word wins; the key decides what is the same."""

    def get(self, keys: Sequence[str]) -> dict[str, Finding]:
        """Return key -> finding for those that are known, each as its reviewers are shown it."""

    def mark_selected(self, snapshot: Snapshot, keys: Sequence[str], new: Sequence[Finding]) -> None:
        """Write down that a person sent the labels with these keys; keep those that are `new` as findings."""

    def selected(self, project_id: int) -> dict[str, Finding]:
        """Return key -> finding of those that a person sent, each as its reviewers are shown it."""

    def missing_regions(self, project_id: int) -> list[Finding]:
        """Return the regions that were ever found missing, each as its reviewers are shown it."""

    def published(self, placed: Mapping[str, int]) -> None:
        """Write down finding key -> review task id."""

    def withdrawn(self, keys: Sequence[str]) -> None:
        """Write down that these left the queue."""

    def decided(self, project_id: int) -> set[str]:
        """Return the keys of findings that stay closed until their label changes.

        Those that have a verdict, and those about a label that errata itself wrote: that is a reviewer's answer.
        """

    def versions(self, project_id: int) -> list[str]:
        """Return the model versions of the project's audits, newest first, each once."""


class Artefacts(Protocol):
    """Where the belief of an audit is kept for the ML backend to serve."""

    def save(self, project_id: int, artefact: Artefact) -> None:
        """Keep an artefact under its version and make it the active one. Atomic; saving it twice is once."""

    def find(self, project_id: int, version: str) -> Artefact | None:
        """Return the artefact of a version, None where it is not kept or its files are damaged."""

    def parts(self, project_id: int, version: str) -> Sequence[tuple[str, tuple[str, ...]]]:
        """Return `Artefact.parts` of a version without reading all of it; none where it is not kept."""

    def load(self, project_id: int, version: str) -> Artefact:
        """Return the artefact of a version that is kept.

        Raises:
            UsageError: it is not, or its files are damaged.
        """

    def active(self, project_id: int) -> str | None:
        """Return the version saved last, None before the first."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that errata added to Label Studio and can take away again."""

    kind: str  # "review_project", "webhook", "ml_backend", "model_version", "predictions" or "training"
    ref: str  # its id or name in Label Studio
    details: Mapping[str, Any] = field(default_factory=dict)  # what is needed to restore what was before


class Footprint(Protocol):
    """All that errata has written where, for `errata status` and `errata disconnect`."""

    def add(self, project_id: int, trace: Trace) -> None:
        """Write it down; the same kind and ref again replaces the details."""

    def remove(self, project_id: int, kind: str, ref: str) -> None:
        """It is gone from Label Studio."""

    def of_project(self, project_id: int) -> list[Trace]:
        """Return what is there, oldest first."""
