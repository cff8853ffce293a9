"""What errata added to Label Studio, taken away again: what the footprint says, and nothing else."""

from __future__ import annotations

from typing import Any

from errata.audit.beliefs import OWN_VERSIONS
from errata.audit.ports import Footprint, Trace
from errata.errors import ErrataError, LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.predictions import delete_version, is_own_version
from errata.labelstudio.review_project import current_review_project
from errata.labelstudio.training import TRAINING, put_back_training

SECRET_HEADER = "X-Errata-Secret"
PENDING = "pending"  # begins the ref of what is being added: its id is not known yet
ANSWERED = OWN_VERSIONS + "*"  # the versions of what Label Studio stores when it asks errata as its ML backend
# A version is put back before the predictions of the one that stands there go, and after the backend of that title.
UNTIED = (TRAINING, "webhook", "ml_backend", "model_version", "predictions")


def disconnect(
    client: LabelStudio, project_id: int, footprint: Footprint, kinds: tuple[str, ...] = UNTIED
) -> list[str]:
    """Take away what the footprint says errata added, and give back what it replaced; the review project stays.

    Args:
        client: Label Studio.
        project_id: the source project, which may be gone.
        footprint: forgets what is taken away.
        kinds: of traces to take away.

    Returns:
        What was done, a line each.
    """
    tied = [trace for trace in footprint.of_project(project_id) if trace.kind in kinds]
    lines = []
    for trace in sorted(tied, key=lambda trace: UNTIED.index(trace.kind)):
        try:
            lines += _untie(client, project_id, trace, footprint)
        except LabelStudioGone:
            lines.append(f"{_named(trace)} was gone already.")
        footprint.remove(project_id, trace.kind, trace.ref)
    return lines


def count_decisions(client: LabelStudio, project_id: int, footprint: Footprint) -> tuple[int, int] | None:
    """Return the review project's id and how many decisions are in it, None where there is none (any more)."""
    found = current_review_project(client, project_id, footprint)
    return None if found is None else (int(found["id"]), int(found.get("total_annotations_number") or 0))


def delete_review_project(client: LabelStudio, project_id: int, review_id: int, footprint: Footprint) -> str:
    """Delete the review project and all decisions in it; return what was done."""
    try:
        client.delete(f"api/projects/{review_id}/")
        done = f"Review project {review_id} deleted."
    except LabelStudioGone:
        done = f"Review project {review_id} was gone already."
    for trace in footprint.of_project(project_id):
        if trace.kind == "review_project":
            footprint.remove(project_id, trace.kind, trace.ref)
    return done


def pending(kind: str, project_id: int, url: str) -> Trace:
    """Return what is written down before something is added to a project."""
    return Trace(kind, f"{PENDING} {project_id}", {"project": project_id, "url": url})


def find_pending(client: LabelStudio, trace: Trace) -> dict[str, Any] | None:
    """Return what a crash left between Label Studio's commit and errata's own, None where there is nothing."""
    url, project_id = trace.details["url"], trace.details["project"]
    if trace.kind == "webhook":  # the list of a project that is gone is refused, the list of all has none of it
        hooks = [each for each in client.get("api/webhooks/") if SECRET_HEADER in each["headers"]]
        found = [each for each in hooks if (each["project"], each["url"]) == (project_id, url)]
    else:
        found = [each for each in client.get("api/ml/", {"project": project_id}) if each["url"] == url]
    return dict(found[0]) if found else None


def _untie(client: LabelStudio, project_id: int, trace: Trace, footprint: Footprint) -> list[str]:
    if trace.ref.startswith(PENDING):
        left = find_pending(client, trace)
        return [] if left is None else _untie(client, project_id, Trace(trace.kind, str(left["id"])), footprint)
    if trace.kind == TRAINING:
        put_back_training(client, project_id, trace)
        return ["Training on submission is as it was."]
    if trace.kind == "webhook":
        return [_untie_webhook(client, trace)]
    if trace.kind == "ml_backend":
        return [_untie_backend(client, project_id, trace)]
    if trace.kind == "predictions":
        return _untie_predictions(client, project_id, trace.ref, footprint)
    return [_untie_model_version(client, project_id, trace)]


def _untie_backend(client: LabelStudio, project_id: int, trace: Trace) -> str:
    # Asked for one that is gone, Label Studio answers with a page that could be anybody's.
    there = {str(each["id"]) for each in client.get("api/ml/", {"project": project_id})}
    if trace.ref not in there:
        return f"ML backend {trace.ref} was gone already."
    client.delete(f"api/ml/{trace.ref}")
    return f"ML backend {trace.ref} detached."


def _untie_webhook(client: LabelStudio, trace: Trace) -> str:
    before = trace.details.get("before")
    if before is None:
        client.delete(f"api/webhooks/{trace.ref}/")
        return f"Webhook {trace.ref} deleted."
    client.patch(f"api/webhooks/{trace.ref}/", dict(before))
    return f"Webhook {trace.ref} is as it was."


def _untie_predictions(client: LabelStudio, project_id: int, version: str, footprint: Footprint) -> list[str]:
    versions = [version]
    if version == ANSWERED:
        stored = client.get(f"api/projects/{project_id}/model-versions/")
        versions = [each for each in stored if each.startswith(OWN_VERSIONS)]
    counts = {each: delete_version(client, project_id, each, footprint) for each in versions}
    return [f"{n} predictions of version {each} deleted." for each, n in counts.items() if n]


def _untie_model_version(client: LabelStudio, project_id: int, trace: Trace) -> str:
    path = f"api/projects/{project_id}/"
    shown = client.get(path).get("model_version") or ""
    before = str(trace.details.get("before") or "")
    before = "" if is_own_version(before) else before
    if shown == before:
        return "The project's model version is as it was."
    if shown and not is_own_version(shown):
        return f"The project's model version \"{shown}\" is not errata's: left as it is."
    try:
        client.patch(path, {"model_version": before})
    except ErrataError as error:
        if type(error) is not ErrataError or not before:
            raise
        client.patch(path, {"model_version": ""})
        return f'The project\'s model version is empty: "{before}", which it was, has no predictions any more.'
    return "The project's model version is as it was."


def _named(trace: Trace) -> str:
    if trace.kind in ("webhook", "ml_backend"):
        return f"{trace.kind.replace('_', ' ')} {trace.ref}"
    return f"Project's {trace.kind.replace('_', ' ')}"
