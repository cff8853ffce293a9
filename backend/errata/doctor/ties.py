"""Checks of what ties a project to errata in Label Studio: webhooks, the ML backend entry, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from errata.audit.ports import Trace
from errata.doctor.checks import Check, look, not_asked, ok, wrong
from errata.doctor.label_studio import Api
from errata.errors import ErrataError
from errata.labelstudio.connection import SECRET_HEADER
from errata.labelstudio.network import shown_origin
from errata.labelstudio.predictions import BACKEND_TITLE
from errata.web.webhook import LABEL_EVENTS, TASK_EVENTS

_CONNECTED = ("CO", "PR", "TR")  # connected, predicting, training


@dataclass(frozen=True, slots=True)
class Tied:
    """A project and how errata is tied to it.

    Attributes:
        id: of the source project.
        traces: what errata has written down that it added.
        public_url: how Label Studio sees errata; None where it does not.
        secret: what the webhooks are to carry.
    """

    id: int
    traces: Sequence[Trace]
    public_url: str | None
    secret: str = field(repr=False)

    def refs(self, kind: str) -> set[str]:
        """Return the ids of what errata added of a kind."""
        return {trace.ref for trace in self.traces if trace.kind == kind}

    @property
    def webhook_url(self) -> str | None:
        """Where the webhooks are to go, None where errata is not called."""
        return None if self.public_url is None else self.public_url.rstrip("/") + "/webhook"


def check_webhooks(api: Api, tied: Tied) -> Iterator[Check]:
    """Say whether the webhooks of the source project and of its review project are as they should be."""
    hooks = [trace for trace in tied.traces if trace.kind == "webhook"]
    if not hooks:
        yield not_asked("webhooks", "errata made none here: it looks for verdicts and labels by itself")
        return
    wanted = {int(trace.details.get("project", tied.id)): trace.ref for trace in hooks}
    reviews = [int(trace.ref) for trace in tied.traces if trace.kind == "review_project"]
    for project_id, ref in sorted(wanted.items()):
        if project_id == tied.id or project_id in reviews[-1:]:  # earlier review projects were deleted
            actions = LABEL_EVENTS | TASK_EVENTS if project_id == tied.id else LABEL_EVENTS
            yield from _check_hooks(api, tied, project_id, ref, actions)


def _check_hooks(api: Api, tied: Tied, project_id: int, ref: str, actions: frozenset[str]) -> Iterator[Check]:
    name = "webhook" if project_id == tied.id else "review webhook"
    try:
        listed = api.get("api/webhooks/", {"project": project_id})
    except ErrataError as error:
        if type(error) is not ErrataError or project_id == tied.id:
            raise
        yield wrong(name, f"review project {project_id} was deleted", f"errata connect {tied.id} makes another.")
        return
    own = next((hook for hook in listed if str(hook["id"]) == ref), None)
    mend = f"errata connect {tied.id}"
    if own is None:
        yield wrong(name, f"webhook {ref} of project {project_id} is not there", mend)
    elif problems := _problems(own, tied, actions):
        yield wrong(name, f"webhook {ref} of project {project_id}: {', '.join(problems)}", mend)
    else:
        yield ok(name, f"webhook {ref} of project {project_id} is active and has the secret")
    page = f"Delete webhook %s on {api.url}projects/{project_id}/settings/webhooks"
    for hook in listed:
        if str(hook["id"]) != ref and hook["url"] in {tied.webhook_url, own["url"] if own else None}:
            sort = "" if SECRET_HEADER in hook["headers"] else " without the secret, which Label Studio itself adds"
            yield look(name, f"webhook {hook['id']} goes to errata too{sort}", page % hook["id"])


def _problems(hook: Mapping[str, Any], tied: Tied, actions: frozenset[str]) -> list[str]:
    missing = [] if hook["send_for_all_actions"] else sorted(actions - set(hook["actions"]))
    secret = hook["headers"].get(SECRET_HEADER)
    found = {
        f"it goes to {_place(hook['url'])}, not to {tied.webhook_url or 'errata'}": hook["url"] != tied.webhook_url,
        "it is not active": not hook["is_active"],
        "it has lost the secret": secret is None,
        "it has another secret": secret is not None and secret != tied.secret,
        "it sends no payload": not hook["send_payload"],
        f"it does not tell of {', '.join(missing)}": bool(missing),
    }
    return [problem for problem, is_so in found.items() if is_so]


def check_backend(api: Api, tied: Tied, project: Mapping[str, Any]) -> Iterator[Check]:
    """Say whether errata is the project's ML backend, and which others there are.

    Args:
        api: Label Studio, which asks each backend for its version when they are listed.
        tied: the project.
        project: as Label Studio describes it.
    """
    backends = api.get("api/ml/", {"project": tied.id})
    own_refs, here = tied.refs("ml_backend"), (tied.public_url or "").rstrip("/")
    own = [each for each in backends if str(each["id"]) in own_refs or each["url"].rstrip("/") == here]
    others = [each for each in backends if each not in own]
    page = f"{api.url}projects/{tied.id}/settings/ml"
    if own:
        yield _own_backend(own[0], backends[0], page)
    elif own_refs:
        yield wrong("ML backend", "errata's entry is not there", f"errata connect {tied.id}")
    elif not others:
        yield ok("ML backend", "none; predictions are pushed")
    if others:
        named = ", ".join(f'"{each["title"]}" at {_place(each["url"])}' for each in others)
        yield ok("ML backend", f"others: {named}{'' if own else '; predictions are pushed beside them'}")
    if backends and project.get("start_training_on_annotation_update"):
        yield look(
            "training",
            f'"start training on submit" is on: each submit waits for "{backends[0]["title"]}"',
            f"Open {page} and switch it off, or apply by `errata apply {tied.id} --pause-training`.",
        )


def _own_backend(own: Mapping[str, Any], first: Mapping[str, Any], page: str) -> Check:
    state = own.get("readable_state") or own.get("state")
    if own.get("state") not in _CONNECTED:
        return wrong(
            "ML backend",
            f"Label Studio has errata at {_place(own['url'])} as {state}",
            f"Start `errata serve` where Label Studio reaches it, then open {page}, which asks again.",
        )
    if own["id"] != first["id"]:
        return look(
            "ML backend",
            f'{state}, but "{first["title"]}" was there before, and Label Studio asks the first one alone',
            f"Leave it so (errata pushes its predictions), or delete one of them on {page}",
        )
    by = "" if own["title"] == BACKEND_TITLE else f', as "{own["title"]}"'
    return ok("ML backend", f"{state} at {_place(own['url'])}{by}")


def check_arrivals(tied: Tied, about: Mapping[str, Any] | None, now: datetime) -> Check:
    """Say when the last webhook of a project came.

    Args:
        tied: the project.
        about: what `GET /` of errata tells, None where it does not answer.
        now: our clock, with its zone.
    """
    name = "webhooks arrive"
    hooks = [trace for trace in tied.traces if trace.kind == "webhook"]
    if not hooks:
        return not_asked(name, "errata made none here")
    if about is None or "webhooks" not in about:
        return not_asked(name, "`errata serve` does not answer")
    told, since = about["webhooks"], datetime.fromisoformat(about["started_at"])
    ids = {str(trace.details.get("project", tied.id)) for trace in hooks}
    came = [datetime.fromisoformat(when) for number, when in told["last"].items() if number in ids]
    seen = f"last webhook {_ago(now - max(came))}" if came else f"none since errata serve started {_ago(now - since)}"
    if told["refused"] and not came:
        return look(
            name,
            f"{seen}, and {told['refused']} were refused for a missing or wrong secret",
            f"errata connect {tied.id} puts the secret back; restart `errata serve` with the same settings as here.",
        )
    return ok(name, seen)


def _ago(span: Any) -> str:
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def _place(url: str) -> str:
    """Return an address without user, password and query."""
    return shown_origin(url) + urlsplit(url).path
