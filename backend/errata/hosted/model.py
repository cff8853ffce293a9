"""The class that label-studio-ml 1.0.9 makes and asks. What it answers is what `errata serve` would."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import flask
from fastapi import HTTPException
from label_studio_ml.model import LabelStudioMLBase

from errata.hosted.answers import answers
from errata.hosted.events import take_event
from errata.web.bodies import predict_request, project_id


class ErrataModel(LabelStudioMLBase):  # type: ignore[misc]  # label-studio-ml has no types
    """errata's model for label-studio-ml.

    1.0.9 makes a new one at every /setup and keeps one for all projects; so nothing is kept here, and a request is
    answered for the project that it names. Of what /setup sends, Label Studio's token among it, nothing is used.
    """

    def __init__(self, label_config: str | None = None, train_output: object = None, **_: object) -> None:
        super().__init__()
        self.label_config = label_config
        if flask.has_request_context() and flask.request.path == "/setup":
            flask.after_this_request(_with_version)

    def predict(self, tasks: Sequence[Mapping[str, Any]], **params: object) -> list[Any]:
        """Return one result a task, in order; all tasks are of one project, as in Label Studio's requests."""
        if not tasks:
            return []
        told = {"project": tasks[0].get("project"), "label_config": self.label_config, "params": params}
        return answers().predict(predict_request({**told, **_body(), "tasks": list(tasks)}))

    def process_event(
        self, event: str, data: Mapping[str, Any] | None, job_id: object, additional_params: Mapping[str, Any]
    ) -> None:
        """Hand an event to errata's queue, START_TRAINING too. 1.0.9 calls this in a process of its own."""
        try:
            self.fit(event=event, data=data)
        finally:
            _forget(additional_params.get("workdir"))

    def fit(self, tasks: object = (), workdir: object = None, event: str = "", data: Any = None, **_: object) -> None:
        """Ask for the job that an event calls for. Nothing is learned here, nor returned for 1.0.9 to keep."""
        take_event({**(data or {}), "action": event})


def _body() -> dict[str, Any]:
    """Return the request that is being answered: of all projects' configs 1.0.9 keeps the last one alone."""
    found = flask.request.get_json(silent=True) if flask.has_request_context() else None
    return found if isinstance(found, dict) else {}


def _with_version(response: flask.Response) -> flask.Response:
    """Put errata's version into the answer to /setup, where 1.0.9 knows numbers of its own training jobs only.

    Label Studio asks again about every task that has no prediction of the version that /setup names.
    """
    with suppress(HTTPException):  # a project that cannot be read gets 1.0.9's answer
        if response.status_code == 200:
            response.set_data(json.dumps({"model_version": answers().version(project_id(_body().get("project")))}))
    return response


def _forget(workdir: str | None) -> None:
    """Take away what 1.0.9 wrote of an event: the whole payload, with the secrets that Label Studio puts there."""
    if workdir is not None:
        (Path(workdir) / "event.json").unlink(missing_ok=True)
        with suppress(OSError):
            Path(workdir).rmdir()
