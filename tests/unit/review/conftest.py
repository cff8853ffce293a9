"""A source project, its journal and its reviewers as lists and dicts, and a story to tell with them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from errata.errors import ErrataError, LabelStudioGone
from errata.labelstudio.codecs import Codecs
from errata.review.apply import Applied, apply_plan
from errata.review.export import merged_export
from errata.review.plans import Plan, make_plan
from errata.review.records import Annotation, Answer, AuditRecord, Change, EntryState, JournalEntry, Settle, Verdict
from errata.review.undo import Undone, undo
from errata.review.verdicts import Taken, take_verdicts
from errata_model.records import Control, Finding, GivenLabel, Proposal

PROJECT = 7
LABELS = ("car", "truck", "bus")
CONTROLS = (
    Control("kind", "choices", "image", "image", "image", LABELS),
    Control("view", "choices", "image", "image", "image", ("front", "back")),
)
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Killed(BaseException):
    """The process ends here."""


class ListAnswers:
    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.marked: list[int] = []
        self.is_gone = False
        self.project_id = 70
        self.task_ids: set[int] = set()

    def read(self) -> list[Answer]:
        if self.is_gone:
            raise LabelStudioGone("The review project was deleted.")
        return list(self.answers)

    def submitted(self, review_project_id: int, review_task_ids: Sequence[int]) -> dict[int, set[int]]:
        if review_project_id != self.project_id:
            return {}
        return {
            task_id: {a.review_annotation_id for a in self.answers if a.review_task_id == task_id}
            for task_id in self.task_ids.intersection(review_task_ids)
        }

    def mark_contradictory(self, review_task_ids: Sequence[int]) -> None:
        self.marked = list(review_task_ids)


class DictFindings:
    def __init__(self) -> None:
        self.findings: dict[str, Finding] = {}

    def get(self, keys: Sequence[str]) -> dict[str, Finding]:
        return {key: self.findings[key] for key in keys if key in self.findings}


class DictVerdicts:
    def __init__(self) -> None:
        self.said: dict[tuple[int, str], Verdict] = {}
        self.records: dict[tuple[int, str], Verdict] = {}
        self.is_held = False

    @property
    def verdicts(self) -> dict[int, Verdict]:
        """By answer, of those that are about one finding."""
        return {answer: verdict for (answer, _), verdict in self.records.items()}

    @contextmanager
    def exclusive(self, project_id: int) -> Iterator[None]:
        assert not self.is_held
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False

    def put(self, said: Sequence[Verdict], settle: Settle) -> int:
        assert self.is_held
        self.said.update({(v.review_annotation_id, v.finding_key): v for v in said})
        return self._settle(settle)

    def remove(self, verdicts: Sequence[Verdict], settle: Settle) -> None:
        assert self.is_held
        for verdict in verdicts:
            self.said.pop((verdict.review_annotation_id, verdict.finding_key), None)
        self._settle(settle)

    def _settle(self, settle: Settle) -> int:
        before, settled = self.records, settle(list(self.said.values()))
        self.records = {
            identity: each.verdict
            for identity, each in zip(self.said, settled, strict=True)
            if each.counts_as == "verdict"
        }
        return sum(before.get(identity) != verdict for identity, verdict in self.records.items())

    def scanned(self, project_id: int) -> int:
        decided = {key for _, key in self.records}
        return len({key for (_, key), verdict in self.said.items() if verdict.strength == "scan"} - decided)

    def of_project(self, project_id: int) -> list[Verdict]:
        return sorted(self.records.values(), key=lambda v: (v.decided_at, v.review_annotation_id))


class ListJournal:
    """A journal; `before_settling` runs before anything but an intention is committed."""

    def __init__(self) -> None:
        self.rows: list[JournalEntry] = []
        self.last_written: dict[int, int] = {}  # annotation -> the entry that was written down, or settled, last
        self.opened: list[tuple[int, datetime]] = []
        self.before_settling: Callable[[EntryState], None] = lambda state: None
        self.is_held = False

    @contextmanager
    def exclusive(self, project_id: int) -> Iterator[None]:
        assert not self.is_held
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False

    def open_changeset(self, project_id: int, by: str) -> int:
        self.opened.append((len(self.opened) + 1, START))
        return len(self.opened)

    def intend(
        self,
        changeset_id: int,
        changes: Sequence[Change],
        before: Annotation,
        after: Sequence[Mapping[str, Any]],
        after_hashes: Sequence[str | None],
    ) -> JournalEntry:
        assert self.is_held
        entry = JournalEntry(
            id=len(self.rows) + 1,
            changeset_id=changeset_id,
            project_id=PROJECT,
            task_id=before.task_id,
            annotation_id=before.id,
            changes=tuple(changes),
            before=copy.deepcopy({**before.raw, "result": list(before.result)}),
            after_result=tuple(copy.deepcopy(list(after))),
            after_hashes=tuple(after_hashes),
            state="intended",
            intended_at=START,
        )
        self.rows.append(entry)
        self.last_written[before.id] = entry.id
        return entry

    def settle(self, entry_id: int, state: EntryState, problem: str | None = None) -> None:
        assert self.is_held
        self.before_settling(state)
        self.rows[entry_id - 1] = replace(self.rows[entry_id - 1], state=state, problem=problem)
        self.last_written[self.rows[entry_id - 1].annotation_id] = entry_id

    def unsettled(self, project_id: int) -> list[JournalEntry]:
        last = self.last_written.values()
        return [e for e in self.rows if e.state in ("intended", "undoing") or (e.state == "dropped" and e.id in last)]

    def entries(self, project_id: int) -> list[JournalEntry]:
        return list(self.rows)

    def changesets(self, project_id: int) -> list[tuple[int, datetime, int]]:
        standing = [entry.changeset_id for entry in self.rows if entry.state in ("written", "undoing")]
        return [(id_, when, standing.count(id_)) for id_, when in self.opened]

    @property
    def states(self) -> list[EntryState]:
        return [entry.state for entry in self.rows]


class DictAnnotations:
    """A source project; `refusals` fail before the write, `replies_lost` after it, `after_write` is somebody else."""

    def __init__(self) -> None:
        self.results: dict[int, list[dict[str, Any]]] = {}
        self.saved_at = START
        self.n_writes = 0
        self.refusals: dict[int, BaseException] = {}
        self.replies_lost: dict[int, BaseException] = {}
        self.after_write: Callable[[int], None] = lambda annotation_id: None

    def read(self, annotation_ids: Sequence[int]) -> dict[int, Annotation]:
        found = {id_: copy.deepcopy(self.results[id_]) for id_ in annotation_ids if id_ in self.results}
        raw = {"completed_by": 3, "lead_time": 1.5}
        return {
            id_: Annotation(id_, id_ * 10, tuple(result), self.saved_at, {"id": id_, **raw, "result": result})
            for id_, result in found.items()
        }

    def results_of(self, task_ids: Sequence[int]) -> dict[int, Sequence[Mapping[str, Any]]]:
        return {id_: copy.deepcopy(result) for id_, result in self.results.items() if id_ * 10 in task_ids}

    def write(self, annotation_id: int, result: Sequence[Mapping[str, Any]]) -> None:
        if annotation_id in self.refusals:
            raise self.refusals[annotation_id]
        if annotation_id not in self.results:
            raise LabelStudioGone("The annotation was deleted.")
        self.n_writes += 1
        self.results[annotation_id] = copy.deepcopy([dict(region) for region in result])
        self.after_write(annotation_id)
        if annotation_id in self.replies_lost:
            raise self.replies_lost.pop(annotation_id)

    def edit(self, annotation_id: int, label: str, control: str = "kind") -> None:
        """Let somebody else change a label."""
        self.results[annotation_id] = Codecs().replaced(self.results[annotation_id], control, None, label)


@dataclass
class Story:
    """A project of annotations labelled truck and front, each with an unrelated region beside."""

    answers: ListAnswers = field(default_factory=ListAnswers)
    findings: DictFindings = field(default_factory=DictFindings)
    verdicts: DictVerdicts = field(default_factory=DictVerdicts)
    journal: ListJournal = field(default_factory=ListJournal)
    annotations: DictAnnotations = field(default_factory=DictAnnotations)
    edits: Codecs = field(default_factory=Codecs)

    def annotate(self, *annotation_ids: int) -> None:
        for id_ in annotation_ids:
            note = {"id": "n", "from_name": "note", "to_name": "image", "type": "textarea", "value": {"text": ["x"]}}
            kind, view = self.region("kind", "truck", meta={"text": ["sure"]}), self.region("view", "front")
            self.annotations.results[id_] = [note, kind, view]

    def region(self, control: str, label: str, **more: Any) -> dict[str, Any]:
        value = {"choices": [label]}
        return {
            "id": f"r-{control}", "from_name": control, "to_name": "image", "type": "choices", "value": value, **more
        }  # fmt: skip

    def find(self, annotation_id: int, proposed: str | None = "car", control: str = "kind", **more: Any) -> Finding:
        """Record a finding about the label as it is now."""
        result = self.annotations.results[annotation_id]
        label, value_hash = self.edits.label(result, control, None), self.edits.value_hash(result, control, None)
        assert label is not None
        assert value_hash is not None
        given = GivenLabel(annotation_id * 10, annotation_id, "ann", control, None, "choices", label, value_hash)
        proposal = Proposal("replace", {}, ((proposed, 0.97),)) if proposed else None
        key = f"{annotation_id}-{control}-{label}"
        detectors = {"low_self_confidence": 0.9}
        finding = Finding(key, given, detectors, 0.9, None, "9 of 10 neighbours", proposal, "suspect", "v1")
        self.findings.findings[key] = replace(finding, **more)
        return self.findings.findings[key]

    def answer(self, finding: Finding, choice: str, label: str | None = "as given", **more: Any) -> Answer:
        """Let a reviewer answer, later than all before."""
        n = len(self.answers.answers) + 1
        label = finding.given.label if label == "as given" else label
        when = START + timedelta(minutes=n)
        place = (self.answers.project_id, finding.given.task_id)
        answer = Answer(finding.key, *place, n, "rev@example.com", when, 4.0, choice, label, None)
        self.answers.task_ids.add(finding.given.task_id)
        self.answers.answers.append(replace(answer, **more))
        return self.answers.answers[-1]

    def take(self) -> Taken:
        return take_verdicts(PROJECT, self.answers, self.findings, self.verdicts, self.edits)

    def plan(self, controls: Sequence[Control] = CONTROLS, **options: bool) -> Plan:
        ports = (self.verdicts, self.findings, self.journal, self.annotations, self.edits)
        return make_plan(PROJECT, *ports, controls, **options)

    def apply(self, plan: Plan | None = None) -> Applied:
        return apply_plan(plan or self.plan(), self.annotations, self.edits, self.journal, "me")

    def export(
        self, tasks: Sequence[dict[str, Any]], audit: AuditRecord | None = None
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        return merged_export(PROJECT, tasks, self.verdicts, self.journal, audit, self.edits)

    def undo(self, changeset_id: int | None = None) -> Undone:
        return undo(PROJECT, changeset_id, self.annotations, self.edits, self.journal)

    def confirm(self, *annotation_ids: int) -> None:
        """Annotate, find, and let a reviewer take the suggestion."""
        self.annotate(*annotation_ids)
        for id_ in annotation_ids:
            self.answer(self.find(id_), "take_proposal")
        self.take()

    def label(self, annotation_id: int, control: str = "kind") -> str | None:
        return self.edits.label(self.annotations.results[annotation_id], control, None)


@pytest.fixture
def form_words() -> dict[str, str]:
    """Return how what contradicts a choice begins: with the words of the form in which it was made."""
    return {"keep": "said to be right", "fix": "said to be corrected", "take_proposal": "the suggestion was taken"}


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed


@pytest.fixture
def not_accepted() -> ErrataError:
    return ErrataError("Label Studio did not accept the write (400).")
