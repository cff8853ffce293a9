"""What ties Label Studio to a running errata, tied and untied."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from errata.audit.ports import Footprint, Trace
from errata.errors import ErrataError, LabelStudioGone, LabelStudioRefused, SettingError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.predictions import BACKEND_TITLE, delete_version, is_own_version
from errata.labelstudio.review_project import ReviewProject
from errata.labelstudio.source import describe_project

SECRET_HEADER = "X-Errata-Secret"
_LABEL_ACTIONS = ("ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED")
# Annotations that are imported with their tasks are told of by TASKS_CREATED alone. PROJECT_UPDATED is left out:
# errata's own changes of the project would call it.
_SOURCE_ACTIONS = (*_LABEL_ACTIONS, "TASKS_CREATED", "TASKS_DELETED")
_UNTIE_ORDER = ("webhook", "ml_backend", "model_version", "predictions")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where Label Studio finds errata, and how it shows who it is."""

    url: str
    user: str
    password: str | None
    webhook_secret: str

    @property
    def webhook_url(self) -> str:
        # As Label Studio would call its own webhook to the backend, so that it finds one there and adds none.
        return self.url + "/webhook"


def connect(
    client: LabelStudio,
    project_id: int,
    *,
    public_url: str,
    user: str,
    password: str | None,
    webhook_secret: str,
    footprint: Footprint,
    attach_backend: bool = True,
) -> list[str]:
    """Make the review project, the webhooks and the ML backend entry; what is there already is only mended.

    Args:
        client: Label Studio.
        project_id: the source project.
        public_url: how Label Studio sees errata, which must be running there for the ML backend to be taken.
        user: of HTTP Basic authentication.
        password: of HTTP Basic authentication; None where errata asks for none.
        webhook_secret: what the webhooks carry in the header `SECRET_HEADER`.
        footprint: is told of all that is made.
        attach_backend: False leaves Label Studio's list of ML backends alone.

    Returns:
        What was done, a line each.

    Raises:
        SettingError: Label Studio would not take the address.
        ConfigNotServed: the project has nothing that errata can audit.
        LabelStudioRefused: the token's rights are not enough, or Label Studio refuses the address.
    """
    place = _Place(_checked(public_url), user, password, webhook_secret)
    review_id = ReviewProject(client, describe_project(client, project_id), footprint).ensure()
    lines = [f"Review project {review_id}: {client.url}projects/{review_id}/"]
    # Before the ML backend: Label Studio adds a webhook without the secret unless one is there.
    for webhook_project, actions in ((project_id, _SOURCE_ACTIONS), (review_id, _LABEL_ACTIONS)):
        lines.append(_tie_webhook(client, project_id, webhook_project, actions, place, footprint))
    if attach_backend:
        lines.append(_tie_backend(client, project_id, place, footprint))
    if _is_private(place.url):
        lines.append(
            f"{place.url} is a private address: Label Studio 1.23.1 and later sends webhooks there only if it was "
            "started with SSRF_PROTECTION_ENABLED=false."
        )
    return lines


def disconnect(client: LabelStudio, project_id: int, footprint: Footprint) -> list[str]:
    """Take away what the footprint says errata added, and give back what it replaced; the review project stays.

    Returns:
        What was done, a line each.
    """
    tied = [trace for trace in footprint.of_project(project_id) if trace.kind in _UNTIE_ORDER]
    traces = sorted(tied, key=lambda trace: _UNTIE_ORDER.index(trace.kind))
    lines = []
    for trace in traces:
        try:
            lines.append(_untie(client, project_id, trace))
        except LabelStudioGone:
            lines.append(f"{trace.kind.replace('_', ' ')} {trace.ref} was gone already.")
        footprint.remove(project_id, trace.kind, trace.ref)
    return lines


def is_attached_in_form(client: LabelStudio, project_id: int, public_url: str, footprint: Footprint) -> bool:
    """Say whether somebody made errata the project's ML backend in Label Studio's own form."""
    own = {trace.ref for trace in footprint.of_project(project_id) if trace.kind == "ml_backend"}
    return any(
        each["url"].rstrip("/") == public_url.rstrip("/") and str(each["id"]) not in own
        for each in client.get("api/ml/", {"project": project_id})
    )


def _tie_webhook(
    client: LabelStudio,
    source_id: int,
    project_id: int,
    actions: tuple[str, ...],
    place: _Place,
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
    own = {trace.ref: trace for trace in footprint.of_project(source_id) if trace.kind == "webhook"}
    there = [
        hook
        for hook in client.get("api/webhooks/", {"project": project_id})
        if str(hook["id"]) in own or hook["url"] == place.webhook_url
    ]
    if not there:
        hook = client.post("api/webhooks/", {"project": project_id, **wanted})
        footprint.add(source_id, Trace("webhook", str(hook["id"]), {"project": project_id}))
        return f"Webhook {hook['id']} of project {project_id} made: {place.webhook_url}"
    hook = min(there, key=lambda each: (str(each["id"]) not in own, each["id"]))
    if str(hook["id"]) not in own:
        details: dict[str, Any] = {"project": project_id}
        if SECRET_HEADER not in hook["headers"]:  # else errata made it, and died before it was written down
            details["before"] = {key: hook[key] for key in wanted}
        footprint.add(source_id, Trace("webhook", str(hook["id"]), details))
    if all(_same(hook[key], value) for key, value in wanted.items()):
        return f"Webhook {hook['id']} of project {project_id} is there."
    client.patch(f"api/webhooks/{hook['id']}/", wanted)
    return f"Webhook {hook['id']} of project {project_id} now goes to {place.webhook_url} with the secret."


def _same(there: Any, wanted: Any) -> bool:
    return sorted(there) == sorted(wanted) if isinstance(wanted, list) else bool(there == wanted)


def _tie_backend(client: LabelStudio, project_id: int, place: _Place, footprint: Footprint) -> str:
    backends = client.get("api/ml/", {"project": project_id})
    own = {trace.ref for trace in footprint.of_project(project_id) if trace.kind == "ml_backend"}
    for each in backends:
        is_here = each["url"].rstrip("/") == place.url
        if str(each["id"]) in own or (is_here and each["title"] == BACKEND_TITLE):
            footprint.add(project_id, Trace("ml_backend", str(each["id"])))
            _save_backend(client.patch, f"api/ml/{each['id']}", project_id, place)
            return f"ML backend {each['id']} is attached: {place.url}"
        if is_here:
            return f"ML backend {each['id']} is attached, by somebody else: {place.url}"
    if backends:
        return (
            f'errata is not attached as ML backend because "{backends[0]["title"]}" is there and Label Studio asks '
            "only the first one; errata stores its predictions in the project instead."
        )
    _note_model_version(client, project_id, footprint)
    backend = _save_backend(client.post, "api/ml/", project_id, place)
    footprint.add(project_id, Trace("ml_backend", str(backend["id"])))
    return f"ML backend {backend['id']} attached: {place.url}"


def _note_model_version(client: LabelStudio, project_id: int, footprint: Footprint) -> None:
    """Write down that Label Studio will put the first backend's title where no model version is chosen."""
    shown = client.get(f"api/projects/{project_id}/").get("model_version")
    if not shown and all(trace.kind != "model_version" for trace in footprint.of_project(project_id)):
        footprint.add(project_id, Trace("model_version", "project", {"before": ""}))


def _save_backend(send: Any, path: str, project_id: int, place: _Place) -> Mapping[str, Any]:
    entry = {"project": project_id, "url": place.url, "title": BACKEND_TITLE, "auth_method": "NONE"}
    if place.password is not None:
        entry |= {
            "auth_method": "BASIC_AUTH",
            "basic_auth_user": place.user,
            "basic_auth_pass": place.password,
        }
    try:
        return dict(send(path, entry))
    except LabelStudioRefused:
        raise
    except ErrataError as error:
        raise LabelStudioRefused(
            f"Label Studio did not take errata at {place.url} as ML backend. Does `errata serve` run, does the host "
            "that Label Studio runs on reach it under that address (ERRATA_PUBLIC_URL), and are "
            f"ERRATA_BACKEND_USER and ERRATA_BACKEND_PASSWORD the same here and there? ({error})"
        ) from error


def _untie(client: LabelStudio, project_id: int, trace: Trace) -> str:
    if trace.kind == "webhook":
        return _untie_webhook(client, trace)
    if trace.kind == "ml_backend":
        client.delete(f"api/ml/{trace.ref}")
        return f"ML backend {trace.ref} detached."
    if trace.kind == "predictions":
        n_deleted = delete_version(client, project_id, trace.ref)
        return f"{n_deleted} predictions of version {trace.ref} deleted."
    return _untie_model_version(client, project_id, trace)


def _untie_webhook(client: LabelStudio, trace: Trace) -> str:
    before = trace.details.get("before")
    if before is None:
        client.delete(f"api/webhooks/{trace.ref}/")
        return f"Webhook {trace.ref} deleted."
    client.patch(f"api/webhooks/{trace.ref}/", dict(before))
    return f"Webhook {trace.ref} is as it was."


def _untie_model_version(client: LabelStudio, project_id: int, trace: Trace) -> str:
    path = f"api/projects/{project_id}/"
    shown = client.get(path).get("model_version") or ""
    if shown and not is_own_version(shown):
        return f"The project's model version \"{shown}\" is not errata's: left as it is."
    before = str(trace.details.get("before") or "")
    client.patch(path, {"model_version": "" if is_own_version(before) else before})
    return "The project's model version is as it was."


def _checked(public_url: str) -> str:
    """Return the address without a slash at its end.

    Raises:
        SettingError: Label Studio makes no webhook to such an address.
    """
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise SettingError(
            f"ERRATA_PUBLIC_URL is wrong because {public_url!r} is no http:// or https:// address; set it to how "
            "Label Studio sees errata."
        )
    if "." not in host and ":" not in host and host != "localhost":
        raise SettingError(
            f'ERRATA_PUBLIC_URL is wrong because Label Studio takes no webhook to a host without a dot ("{host}"); '
            f'give that host an alias with one, such as "{host}.internal" (Docker: a network alias), or use its IP '
            "address."
        )
    return public_url.rstrip("/")


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"
