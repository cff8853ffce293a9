"""What connecting a project adds to Label Studio, said before it is added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from errata.audit.ports import Footprint
from errata.labelstudio.predictions import BACKEND_TITLE
from errata.labelstudio.survey import Survey
from errata.settings import PredictionsMode

_WHOSE = {"all": "of every task", "labelled": "of tasks that their annotators are done with"}


@dataclass(frozen=True, slots=True)
class Addition:
    """One thing that errata will add; its kind is that of the trace that it will leave in the footprint."""

    kind: str
    what: str


def additions(
    survey: Survey,
    review_id: int | None,
    public_url: str | None,
    footprint: Footprint,
    *,
    attach_backend: bool | None,
    predictions: PredictionsMode,
    shows_version: bool,
) -> list[Addition]:
    """Return what will be added that is not there yet.

    Args:
        survey: the source project.
        review_id: its review project, None where there is none yet.
        public_url: where Label Studio reaches errata; None where it does not.
        footprint: tells what is there already.
        attach_backend: see `connection.connect`.
        predictions: which tasks get some.
        shows_version: errata may fill the project's model version.
    """
    found = list(_ties(survey, review_id, public_url, attach_backend))
    traces = footprint.of_project(survey.project_id)
    if predictions != "none":
        if not any(trace.kind == "predictions" for trace in traces):
            found.append(Addition("predictions", f"predictions {_WHOSE[predictions]}, by audits"))
        if shows_version and not survey.model_version:
            found.append(Addition("model_version", f"errata's version as the model version of {_name(survey)}"))
    return found


def _ties(
    survey: Survey, review_id: int | None, public_url: str | None, attach_backend: bool | None
) -> Iterator[Addition]:
    if review_id is None:
        yield Addition("review_project", f'the project "Review: {survey.title}"')
    if public_url is None:
        return
    review = f"review project {review_id}" if review_id else "the review project"
    for project_id, name, events in (
        (survey.project_id, _name(survey), "changed labels and tasks"),
        (review_id, review, "decisions"),
    ):
        if project_id not in survey.tied:
            yield Addition("webhook", f"a webhook of {name} to {public_url}/webhook, told of {events}")
    if attach_backend is not False and not survey.backends:
        yield Addition("ml_backend", f'the ML backend "{BACKEND_TITLE}" of {_name(survey)}: {public_url}')


def _name(survey: Survey) -> str:
    return f"project {survey.project_id}"
