"""What ties Label Studio to a running errata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from errata.audit.ports import Footprint, Trace
from errata.errors import ErrataError, LabelStudioGone, LabelStudioUnreachable, UsageError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.disconnection import (
    ANSWERED,
    PENDING,
    SECRET_HEADER,
    disconnect,
    find_pending,
    pending,
)
from errata.labelstudio.predictions import BACKEND_TITLE
from errata.labelstudio.reachability import backend_entry

__all__ = ["SECRET_HEADER", "Place", "connect"]

_LABEL_ACTIONS = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")
# Annotations that are imported with their tasks are told of by TASKS_CREATED alone. PROJECT_UPDATED is left out:
# errata's own changes of the project would call it.
SOURCE_ACTIONS = (*_LABEL_ACTIONS, "TASKS_CREATED", "TASKS_DELETED")
REVIEW_ACTIONS = _LABEL_ACTIONS


@dataclass(frozen=True, slots=True)
class Place:
    """Where Label Studio reaches errata, and how it shows who it is.

    Attributes:
        url: how Label Studio sees errata, without a slash at its end.
        user: of HTTP Basic authentication.
        password: of HTTP Basic authentication; None where errata asks for none.
        webhook_secret: what the webhooks carry in the header `SECRET_HEADER`.
    """

    url: str
    user: str
    password: str | None = field(repr=False)
    webhook_secret: str = field(repr=False)

    @property
    def webhook_url(self) -> str:
        """Where events go."""
        # As Label Studio would call its own webhook to the backend, so that it finds one there and adds none.
        return self.url + "/webhook"


def connect(
    client: LabelStudio,
    project_id: int,
    review_id: int,
    place: Place | None,
    footprint: Footprint,
    *,
    attach_backend: bool | None = None,
    shows_version: bool = False,
) -> list[str]:
    """Make the webhooks and the ML backend entry; what is there already is only mended. Twice is once.

    Args:
        client: Label Studio.
        project_id: the source project.
        review_id: its review project.
        place: where Label Studio reaches errata; None where it does not: what errata had there is taken away then,
            because a webhook to nowhere costs every annotator a second at each submission.
        footprint: is told of everything before it is added.
        attach_backend: None attaches errata where the project has no other ML backend, False leaves Label Studio's
            list alone, True insists.
        shows_version: leave the model version that Label Studio chooses by itself where a backend is attached to a
            project that had none; otherwise it is emptied again.

    Returns:
        What was done, a line each.

    Raises:
        UsageError: the backend cannot be attached, and `attach_backend` insists.
        LabelStudioRefused: the token's rights are not enough.
    """
    if place is None:
        return disconnect(client, project_id, footprint, ("webhook", "ml_backend", "model_version"))
    lines = []
    # Before the ML backend: Label Studio adds a webhook without the secret unless one is there.
    for webhook_project, actions in ((project_id, SOURCE_ACTIONS), (review_id, REVIEW_ACTIONS)):
        lines.append(_tie_webhook(client, project_id, webhook_project, actions, place, footprint))
    if attach_backend is False:
        lines += disconnect(client, project_id, footprint, ("ml_backend", "model_version"))
    else:
        lines.append(_tie_backend(client, project_id, place, footprint, attach_backend is True, shows_version))
    return lines


def _own(footprint: Footprint, project_id: int, kind: str) -> dict[str, Trace]:
    return {trace.ref: trace for trace in footprint.of_project(project_id) if trace.kind == kind}


def _adopt_pending(client: LabelStudio, source_id: int, kind: str, footprint: Footprint) -> None:
    """Write down what an earlier connection added and died before it knew its id."""
    for trace in _own(footprint, source_id, kind).values():
        if not trace.ref.startswith(PENDING):
            continue
        try:
            left = find_pending(client, trace)
        except LabelStudioGone:  # the review project it was of
            left = None
        if left is not None:
            footprint.add(source_id, Trace(kind, str(left["id"]), {"project": trace.details["project"]}))
        footprint.remove(source_id, kind, trace.ref)


@contextmanager
def _coming(footprint: Footprint, source_id: int, coming: Trace) -> Iterator[None]:
    """Write down that something is about to be added, until it is, or is known not to be."""
    footprint.add(source_id, coming)
    try:
        yield
    except ErrataError as error:
        if any(isinstance(each, LabelStudioUnreachable) for each in (error, error.__cause__)):
            raise  # Label Studio may have accepted it
        footprint.remove(source_id, coming.kind, coming.ref)
        raise
    footprint.remove(source_id, coming.kind, coming.ref)


def _tie_webhook(
    client: LabelStudio,
    source_id: int,
    project_id: int,
    actions: tuple[str, ...],
    place: Place,
    footprint: Footprint,
) -> str:
    wanted = {
        "url": place.webhook_url,
        "send_payload": True,  # without it Label Studio does not say which project it is about
        "send_for_all_actions": False,
        "actions": list(actions),
        "headers": {SECRET_HEADER: place.webhook_secret},
        "is_active": True,
    }
    _adopt_pending(client, source_id, "webhook", footprint)
    own = _own(footprint, source_id, "webhook")
    there = [
        hook
        for hook in client.get("api/webhooks/", {"project": project_id})
        if str(hook["id"]) in own or hook["url"] == place.webhook_url
    ]
    if not there:
        coming = pending("webhook", project_id, place.webhook_url)
        with _coming(footprint, source_id, coming):
            hook = client.post("api/webhooks/", {"project": project_id, **wanted})
            footprint.add(source_id, Trace("webhook", str(hook["id"]), {"project": project_id}))
        return f"Webhook {hook['id']} of project {project_id} made: {place.webhook_url}"
    hook = min(there, key=lambda each: (str(each["id"]) not in own, each["id"]))
    if str(hook["id"]) not in own:
        details: dict[str, Any] = {"project": project_id}
        if SECRET_HEADER not in hook["headers"]:  # else it is errata's, of a data folder that is gone
            details["before"] = {key: hook[key] for key in wanted}
        footprint.add(source_id, Trace("webhook", str(hook["id"]), details))
    if all(_same(hook[key], value) for key, value in wanted.items()):
        return f"Webhook {hook['id']} of project {project_id} is there."
    client.patch(f"api/webhooks/{hook['id']}/", wanted)
    return f"Webhook {hook['id']} of project {project_id} now goes to {place.webhook_url} with the secret."


def _same(there: Any, wanted: Any) -> bool:
    return sorted(there) == sorted(wanted) if isinstance(wanted, list) else bool(there == wanted)


def _tie_backend(
    client: LabelStudio, project_id: int, place: Place, footprint: Footprint, insists: bool, shows_version: bool
) -> str:
    _adopt_pending(client, project_id, "ml_backend", footprint)
    own = _own(footprint, project_id, "ml_backend")
    backends = client.get("api/ml/", {"project": project_id})
    for each in backends:
        is_here = each["url"].rstrip("/") == place.url
        if str(each["id"]) in own:
            footprint.add(project_id, Trace("predictions", ANSWERED))  # gone where fewer people are to see them now
            _save_backend(client.patch, f"api/ml/{each['id']}", project_id, place)
            _settle_version(client, project_id, footprint, shows_version)
            return f"ML backend {each['id']} is attached: {place.url}"
        if is_here:
            return f"ML backend {each['id']} is attached, by somebody else: {place.url}"
    if backends:
        other = f'"{backends[0]["title"]}" is there, and Label Studio asks only the first one'
        if insists:
            raise UsageError(f"errata cannot be attached as ML backend because {other}; detach it, or omit --backend.")
        return f"errata is not attached as ML backend because {other}; it stores its predictions in the project."
    return _attach(client, project_id, place, footprint, shows_version)


def _attach(client: LabelStudio, project_id: int, place: Place, footprint: Footprint, shows_version: bool) -> str:
    _note_model_version(client, project_id, footprint)
    coming = pending("ml_backend", project_id, place.url)
    footprint.add(project_id, Trace("predictions", ANSWERED))
    with _coming(footprint, project_id, coming):
        backend = _save_backend(client.post, "api/ml/", project_id, place)
        footprint.add(project_id, Trace("ml_backend", str(backend["id"])))
    _settle_version(client, project_id, footprint, shows_version)
    return f"ML backend {backend['id']} attached: {place.url}"


def _note_model_version(client: LabelStudio, project_id: int, footprint: Footprint) -> None:
    """Write down that Label Studio will put the first backend's title where no model version is chosen."""
    shown = client.get(f"api/projects/{project_id}/").get("model_version")
    if not shown and not _own(footprint, project_id, "model_version"):
        footprint.add(project_id, Trace("model_version", "project", {"before": ""}))


def _settle_version(client: LabelStudio, project_id: int, footprint: Footprint, shows_version: bool) -> None:
    """Put the model version back that was there before, unless errata may choose it."""
    if not shows_version:
        disconnect(client, project_id, footprint, ("model_version",))


def _save_backend(send: Callable[[str, Any], Any], path: str, project_id: int, place: Place) -> Mapping[str, Any]:
    return dict(send(path, backend_entry(project_id, place.url, BACKEND_TITLE, place.user, place.password)))
