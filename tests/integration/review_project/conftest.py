"""Findings about a real project, and a footprint that is a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from errata.audit.ports import Footprint, ReviewEntry, Snapshot, Task, Trace
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.review_project import ReviewProject
from errata_model.records import Finding, GivenLabel, finding_key


class TraceList:
    """A footprint in memory."""

    def __init__(self) -> None:
        self.traces: list[tuple[int, Trace]] = []

    def add(self, project_id: int, trace: Trace) -> None:
        same = [n for n, (p, t) in enumerate(self.traces) if (p, t.kind, t.ref) == (project_id, trace.kind, trace.ref)]
        if same:
            self.traces[same[0]] = (project_id, trace)
        else:
            self.traces.append((project_id, trace))

    def remove(self, project_id: int, kind: str, ref: str) -> None:
        self.traces = [(p, t) for p, t in self.traces if not (p == project_id and t.kind == kind and t.ref == ref)]

    def of_project(self, project_id: int) -> list[Trace]:
        return [t for p, t in self.traces if p == project_id]


@pytest.fixture
def footprint() -> Footprint:
    return TraceList()


@pytest.fixture
def snapshot(label_studio) -> Callable[..., Snapshot]:
    """Describe a source project as an audit would have read it."""

    def make(source, **changes: Any) -> Snapshot:
        project = label_studio.client.get(f"api/projects/{source.id}/")
        config = read_label_config(project["label_config"])
        listed = label_studio.client.paged("api/tasks/", {"project": source.id, "fields": "all"})
        tasks = tuple(_task(task) for task in listed)
        described = {
            "url": label_studio.url,
            "project_id": source.id,
            "title": source.title,
            "label_config": project["label_config"],
            "controls": config.controls,
            "refused": config.refused,
            "tasks": tasks,
        }
        return Snapshot(**{**described, **changes})

    return make


def _task(task: dict[str, Any]) -> Task:
    labels = tuple(
        GivenLabel(
            task_id=task["id"],
            annotation_id=annotation["id"],
            annotator="somebody@example.com",
            control="label",
            region_id=None,
            kind="choices",
            label=Codecs().label(annotation["result"], "label", None) or "",
            value_hash=Codecs().value_hash(annotation["result"], "label", None) or "",
        )
        for annotation in task["annotations"]
    )
    return Task(id=task["id"], data=task["data"], labels=labels, is_labeled=True)


@pytest.fixture
def entries() -> Callable[..., list[ReviewEntry]]:
    """Suspect the first label of each task, one disagreement a task."""

    def make(of: Snapshot, disagreements: Sequence[float], suggestion: str = "car") -> list[ReviewEntry]:
        (control,) = of.controls
        return [
            _entry(of, task, Codecs().proposal(control, [(suggestion, 0.97)]), disagreement)
            for task, disagreement in zip(of.tasks, disagreements, strict=False)
        ]

    return make


def _entry(of: Snapshot, task: Task, proposal: Any, disagreement: float) -> ReviewEntry:
    (given,) = task.labels
    finding = Finding(
        key=finding_key(of.url, of.project_id, given),
        given=given,
        detectors={"low_self_confidence": disagreement},
        disagreement=disagreement,
        p_wrong=None,
        reason=f"The model never saw this label. 9 of the 10 most similar images are labelled {proposal.label}.",
        proposal=proposal,
        stream="suspect",
        model_version="errata-1",
    )
    question = f'Labelled "{given.label}". The model suggests "{proposal.label}" (97 %). Is the label right?'
    return ReviewEntry(finding, task, question, fingerprint=f"print-{disagreement}")


@pytest.fixture
def queue(label_studio, footprint) -> Callable[[Snapshot], ReviewProject]:
    """Open the review project as a process that has just started would."""
    return lambda of: ReviewProject(label_studio.client, of, footprint)


@pytest.fixture
def decide(label_studio) -> Callable[..., int]:
    """Answer a review task as Label Studio's page would submit it; return the annotation's id."""

    def submit(task_id: int, choice: str, label: str | None = None, note: str = "", **fields: Any) -> int:
        result = [_said("errata_verdict", "choices", choice)]
        if label:
            result.append(_said("label", "choices", label))
        if note:
            result.append(_said("errata_note", "text", note, type_="textarea"))
        body = {"result": result, "lead_time": 4.5, **fields}
        return label_studio.client.post(f"api/tasks/{task_id}/annotations/", body)["id"]

    return submit


def _said(control: str, key: str, value: str, type_: str = "choices") -> dict[str, Any]:
    return {
        "id": f"r-{control}",
        "from_name": control,
        "to_name": "image",
        "type": type_,
        "value": {key: [value]},
    }
