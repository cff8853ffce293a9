"""What a project is like before errata touches it, read in few requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from errata.audit.ports import Footprint, Progress
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.network import shown_origin
from errata.labelstudio.region_tags import TAGS
from errata.labelstudio.task_list import task_filter, task_pages
from errata.labelstudio.tasks import TaskReader
from errata.labelstudio.value_tags import OBJECTS
from errata_model.records import Control

# Type of the results -> the tag that asks for them.
_TAGS = {tag.lower(): tag for tag in ("Choices", "Taxonomy", *TAGS, *OBJECTS)}
_ANNOTATED = task_filter("total_annotations", "greater", "Number", 0)
_LABELS = {"fields": "all", "include": "id,annotations,result,was_cancelled"}
_AND_TEXTS = {**_LABELS, "include": f"{_LABELS['include']},data"}  # in which spans are counted
_PAGE_SIZE = 500
_FEW = {"fields": "all", "include": "id,data"}


@dataclass(frozen=True, slots=True)
class SurveyedControl:
    """A control that errata can audit."""

    name: str
    tag: str
    how: str  # what distinguishes it from others of its tag: "single", "several", "regions" or "answers"
    kind: str
    n_labels: int
    n_classes: int  # 0 where it asks for no labels
    rarest: str  # the class with the fewest labels
    n_rarest: int

    @property
    def sentence(self) -> str:
        """Say it in a line."""
        if not self.n_classes:
            return f"{self.name} ({self.tag}): {self.n_labels:,} answers, held against predictions or other annotators"
        return (
            f"{self.name} ({self.tag}, {self.how}): {self.n_labels:,} labels, {self.n_classes} classes, "
            f"rarest {self.n_rarest:,}"
        )


@dataclass(frozen=True, slots=True)
class Backend:
    """An ML backend of the project."""

    id: int
    title: str
    url: str  # without a user and a password
    is_ours: bool  # errata itself, whoever attached it


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that is not errata's."""

    id: int
    place: str  # scheme and host: the rest of the address may be a secret
    actions: tuple[str, ...]  # empty: all


@dataclass(frozen=True, slots=True)
class Survey:
    """A project, as somebody finds it who has just come."""

    project_id: int
    title: str
    n_tasks: int
    controls: tuple[SurveyedControl, ...]
    refused: tuple[str, ...]  # the other controls, each with what is missing, in words
    backends: tuple[Backend, ...]
    webhooks: tuple[Hook, ...]  # other people's
    model_version: str
    overlap: int  # annotators a task
    trains_on_submit: bool
    is_attached_in_form: bool  # somebody made errata its ML backend in Label Studio's own form
    tied: frozenset[int]  # ids of projects, this one or others, with a webhook of errata's

    @property
    def foreign_backend(self) -> Backend | None:
        """The ML backend that Label Studio asks, where that is not errata."""
        return next((each for each in self.backends if not each.is_ours), None)


def survey_project(
    client: LabelStudio, project_id: int, footprint: Footprint, public_url: str | None, progress: Progress
) -> Survey:
    """Look at a project. Writes nothing.

    Args:
        client: Label Studio.
        project_id: the project.
        footprint: tells what errata added already.
        public_url: where Label Studio sees errata, None where it does not.
        progress: is told how far reading is, where the labels have to be read to be counted.

    Raises:
        UsageError: the label config is not well-formed XML.
        LabelStudioGone: there is no such project.
    """
    project = client.get(f"api/projects/{project_id}/")
    config = read_label_config(project["label_config"])
    own = {(trace.kind, trace.ref) for trace in footprint.of_project(project_id)}
    backends = tuple(
        Backend(int(each["id"]), str(each.get("title") or ""), _shown(each["url"]), _is_ours(each, own, public_url))
        for each in client.get("api/ml/", {"project": project_id})
    )
    hooks = client.get("api/webhooks/")
    counts = _count_labels(client, project, config.controls, progress) if config.controls else {}
    return Survey(
        project_id=project_id,
        title=str(project["title"]),
        n_tasks=int(project.get("task_number") or 0),
        controls=tuple(_surveyed(control, counts[control.name]) for control in config.controls),
        refused=config.refused,
        backends=backends,
        webhooks=tuple(_foreign_hooks(hooks, project_id, own, public_url)),
        model_version=str(project.get("model_version") or ""),
        overlap=int(project.get("maximum_annotations") or 1),
        trains_on_submit=bool(project.get("min_annotations_to_start_training")),
        is_attached_in_form=any(each.is_ours and ("ml_backend", str(each.id)) not in own for each in backends),
        tied=frozenset(hook["project"] for hook in hooks if ("webhook", str(hook["id"])) in own),
    )


def first_tasks(client: LabelStudio, project_id: int, n: int) -> list[dict[str, Any]]:
    """Return the first tasks, with id and data alone."""
    pages = task_pages(client, project_id, _FEW, page_size=n)
    try:
        return next(pages)
    finally:
        pages.close()  # type: ignore[attr-defined]  # a generator


def _count_labels(
    client: LabelStudio, project: Mapping[str, Any], controls: Sequence[Control], progress: Progress
) -> dict[str, Counter[str]]:
    """Return control -> label -> how often it was given, in annotations that were not skipped.

    Label Studio keeps counts of its own, but not of annotations that were imported, nor rightly of those whose task
    was deleted. They are taken where they agree with each other and with the number of annotations.
    """
    n_annotations = int(project.get("total_annotations_number") or 0)
    if n_annotations == 0:
        return {control.name: Counter() for control in controls}
    summary = client.get(f"api/projects/{project['id']}/summary/")
    counted = {control.name: _summed(summary, control, n_annotations) for control in controls if control.labels}
    found = {name: labels for name, labels in counted.items() if labels is not None}
    if not found or len(found) < len(counted):
        return _read_labels(client, project, controls, progress)
    # Where the counts of labels are right nothing was imported, and those of answers are right, too.
    answers = {control.name: Counter({"": _created(summary, control)}) for control in controls if not control.labels}
    return found | answers


def _created(summary: Mapping[str, Any], control: Control) -> int:
    """Return how many annotations answer a control, as Label Studio counts them."""
    said = summary.get("created_annotations") or {}
    return int(said.get(f"{control.name}|{control.to_name}|{control.type}") or 0)


def _summed(summary: Mapping[str, Any], control: Control, n_annotations: int) -> Counter[str] | None:
    created = _created(summary, control)
    labels = Counter(
        {str(k): int(v) for k, v in ((summary.get("created_labels") or {}).get(control.name) or {}).items()}
    )
    is_right = created == labels.total() == n_annotations and set(labels) <= set(control.labels)
    return labels if is_right else None


def _read_labels(
    client: LabelStudio, project: Mapping[str, Any], controls: Sequence[Control], progress: Progress
) -> dict[str, Counter[str]]:
    reader = TaskReader(controls)
    counts: dict[str, Counter[str]] = {control.name: Counter() for control in controls}
    fields = _AND_TEXTS if any(control.kind == "spans" for control in controls) else _LABELS
    progress.stage("Counting labels", project.get("num_tasks_with_annotations"))
    for page in task_pages(client, int(project["id"]), fields, (_ANNOTATED,), _PAGE_SIZE):
        for raw in page:
            for label in reader.read(raw).labels:
                if label.label is not None:
                    counts[label.control][label.label] += 1
        progress.advance(len(page))
    return counts


def _surveyed(control: Control, labels: Counter[str]) -> SurveyedControl:
    hows = {"tags": "several", "values": "answers"}
    how = "regions" if control.has_regions else hows.get(control.kind, "single")
    rarest = min(control.labels, key=lambda label: labels[label], default="")
    n_classes, n_rarest = len(control.labels), labels[rarest] if control.labels else 0
    tag = _TAGS[control.type]
    return SurveyedControl(control.name, tag, how, control.kind, labels.total(), n_classes, rarest, n_rarest)


def _is_ours(entry: Mapping[str, Any], own: set[tuple[str, str]], public_url: str | None) -> bool:
    if ("ml_backend", str(entry["id"])) in own:
        return True
    return public_url is not None and entry["url"].rstrip("/") == public_url.rstrip("/")


def _foreign_hooks(
    hooks: Sequence[Mapping[str, Any]], project_id: int, own: set[tuple[str, str]], public_url: str | None
) -> list[Hook]:
    our_url = None if public_url is None else public_url.rstrip("/") + "/webhook"
    return [
        Hook(int(hook["id"]), shown_origin(hook["url"]), () if hook["send_for_all_actions"] else tuple(hook["actions"]))
        for hook in hooks
        if hook["project"] in (project_id, None)
        and ("webhook", str(hook["id"])) not in own
        and hook["url"] != our_url
        and hook["is_active"]
    ]


def _shown(url: str) -> str:
    return shown_origin(url) + urlsplit(url).path.rstrip("/")
