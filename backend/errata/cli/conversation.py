"""What `errata connect` says and asks before it adds anything to Label Studio."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from errata.audit.ports import Progress
from errata.cli.questions import ask_yes
from errata.labelstudio.additions import Addition
from errata.labelstudio.predictions import is_own_version
from errata.labelstudio.survey import Survey
from errata.settings import PredictionsMode, ProjectSettings, Settings

_PREDICTIONS = "Should annotators see predictions while they label? It makes them faster, and agree with the model."
_VERSION = "May errata choose the project's model version, which is empty? Label Studio then shows errata's scores."


class Connector(Protocol):
    """What connects projects: `wiring.Wiring`."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    def survey(self, project_id: int, progress: Progress) -> Survey:
        """Look at a project."""

    def said_of(self, project_id: int) -> ProjectSettings:
        """Return what was decided about a project before."""

    def predictions_default(self, survey: Survey) -> PredictionsMode:
        """Return which tasks get predictions unless somebody says otherwise."""

    def audit_minutes(self, survey: Survey, said: ProjectSettings | None = None) -> float | None:
        """Estimate how long an audit takes."""

    def obstacle(self, project_id: int) -> str | None:
        """Return what keeps Label Studio from reaching errata."""

    def additions(
        self, survey: Survey, decided: ProjectSettings, is_reached: bool, attach_backend: bool | None = None
    ) -> list[Addition]:
        """Return what `connect` will add."""

    def connect(
        self, project_id: int, decided: ProjectSettings | None = None, attach_backend: bool | None = None
    ) -> list[str]:
        """Tie a project to errata; return what was done."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says; None where it says nothing.

    Attributes:
        said: settings of the project.
        attach_backend: whether errata becomes the project's ML backend.
        asks: questions may be asked; otherwise their defaults hold.
        is_dry: nothing is written.
    """

    said: ProjectSettings
    attach_backend: bool | None
    asks: bool
    is_dry: bool


@dataclass
class Talk:
    """One project's part of `errata connect`, as far as it has come."""

    project_id: int
    survey: Survey | None = None
    minutes: float | None = None
    obstacle: str | None = None
    decided: ProjectSettings = field(default_factory=ProjectSettings)
    adds: list[Addition] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    problem: str | None = None

    def to_json(self, is_dry: bool) -> dict[str, Any]:
        """Return it as JSON."""
        survey = self.survey
        minutes = None if self.minutes is None else round(self.minutes, 1)
        return {
            "project": self.project_id,
            "title": survey and survey.title,
            "tasks": survey and survey.n_tasks,
            "controls": [
                {
                    "name": each.name,
                    "tag": each.tag,
                    "kind": each.kind,
                    "labels": each.n_labels,
                    "classes": each.n_classes,
                    "rarest": each.n_rarest,
                    "minutes": minutes,
                }
                for each in (survey.controls if survey else ())
            ],
            "refused": list(survey.refused) if survey else [],
            "backends": [
                {"id": each.id, "title": each.title, "url": each.url} for each in (survey.backends if survey else ())
            ],
            "webhooks": [
                {"id": each.id, "url": each.place, "actions": list(each.actions) or "all"}
                for each in (survey.webhooks if survey else ())
            ],
            "model_version": survey and survey.model_version,
            "overlap": survey and survey.overlap,
            "trains_on_submit": survey and survey.trains_on_submit,
            "adds": [{"kind": each.kind, "what": each.what} for each in self.adds],
            "reach": "outbound only" if self.obstacle else "both ways",
            "obstacle": self.obstacle,
            "problem": self.problem,
            "settings": self.decided.shown(),
            "done": self.done,
            "dry_run": is_dry,
        }


def found_lines(survey: Survey, minutes: float | None, obstacle: str | None) -> Iterator[str]:
    """Say what a project is like."""
    yield f'Project {survey.project_id} "{survey.title}": {survey.n_tasks:,} tasks'
    audit = duration(minutes)
    for control in survey.controls:
        yield f"  {control.sentence}; {audit}"
    yield from (f"  left alone: {refused}" for refused in survey.refused)
    if survey.overlap > 1:
        yield f"  {survey.overlap} annotators label each task"
    if survey.model_version:
        yield f'  its model version is "{survey.model_version}", and stays so'
    for hook in survey.webhooks:
        yield f"  webhook of others: {hook.place}, at {', '.join(hook.actions) or 'all actions'}"
    other = survey.foreign_backend
    if other is not None:
        yield (
            f'  ML backend of others: "{other.title}" at {other.url}. Label Studio asks only the first one: errata '
            "attaches none, and pushes its predictions. To have that one's opinion instead of errata's own: "
            f"errata connect {survey.project_id} --belief {other.url}"
        )
    if survey.trains_on_submit:
        yield '  "start training on submit" is on: applying fixes trains the ML backend (errata apply --pause-training)'
    if obstacle:
        yield f"  outbound only: errata pushes predictions and polls for verdicts. {obstacle}"


def duration(minutes: float | None) -> str:
    """Say how long an audit takes."""
    if minutes is None:
        return "how long an audit takes is not known before the first one"
    if minutes < 1:
        return "audit under 1 min"
    return f"audit about {minutes:.0f} min" if minutes < 100 else f"audit about {minutes / 60:.0f} h"


def decide(connector: Connector, survey: Survey, wishes: Wishes) -> ProjectSettings:
    """Return what is decided about a project: said now, said before, or answered now."""
    before = connector.said_of(survey.project_id)
    decided = before.changed(wishes.said)
    if decided.predictions is None and connector.settings.predictions is None:
        default = connector.predictions_default(survey)
        if wishes.asks:
            default = "all" if ask_yes(_PREDICTIONS, default == "all") else "labelled"
        decided = decided.model_copy(update={"predictions": default})
    is_free = survey.model_version == "" or is_own_version(survey.model_version)
    if decided.shows_version is None and decided.predictions != "none" and is_free and wishes.asks:
        decided = decided.model_copy(update={"shows_version": ask_yes(_VERSION)})
    return decided


def addition_lines(adds: list[Addition]) -> Iterator[str]:
    """Say what will be added."""
    if not adds:
        yield "Everything that errata adds to Label Studio is there already."
        return
    yield "errata will add to Label Studio, and `errata disconnect` takes away again:"
    yield from (f"  {each.what}" for each in adds)
