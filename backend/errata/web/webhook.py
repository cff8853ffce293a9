"""What follows from Label Studio's events.

Of a payload only the action and the project's id are read, and of an answer in a review project whether it is errata's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypeGuard

from errata.jobs.queue import JobName, Queue
from errata.labelstudio.echoes import is_echo
from errata.web.projects import ProjectBook

LABEL_EVENTS = frozenset(
    {
        "ANNOTATION_CREATED",
        "ANNOTATIONS_CREATED",
        "ANNOTATION_UPDATED",
        "ANNOTATIONS_DELETED",
    }
)
TASK_EVENTS = frozenset({"TASKS_CREATED", "TASKS_DELETED"})
START_TRAINING = "START_TRAINING"
MOST_REMEMBERED = 1_000  # projects, since anybody on this machine may call where there is no password


class Webhooks:
    """Turns events into jobs, in memory and at once: Label Studio waits inside an annotator's request.

    Other events, PROJECT_UPDATED among them, start nothing: errata's own settings would start audits for ever.

    Args:
        audit_delay_s: seconds of quiet after a label changed before an audit.
    """

    def __init__(self, queue: Queue, projects: ProjectBook, audit_delay_s: float) -> None:
        self._queue = queue
        self._projects = projects
        self._audit_delay_s = audit_delay_s
        self._came: dict[int, datetime] = {}
        self._n_refused = 0

    def refuse(self) -> None:
        """Count a webhook that came without the secret or with a wrong one."""
        self._n_refused += 1

    def about(self) -> dict[str, Any]:
        """Return when the last webhook of each project came, and how many were refused, since the start."""
        return {
            "last": {str(number): when.isoformat() for number, when in self._came.items()},
            "refused": self._n_refused,
        }

    def take(self, payload: Mapping[str, Any]) -> str | None:
        """Take an event; return the id of the job that it started, where the answer should name one."""
        action, project_id = payload.get("action"), project_of(payload)
        if project_id is None or not isinstance(action, str):
            return None
        if project_id in self._came or len(self._came) < MOST_REMEMBERED:
            self._came[project_id] = datetime.now(timezone.utc)
        if action == START_TRAINING:
            self._queue.submit("audit", project_id)
            return job_id("audit", project_id)
        if action in LABEL_EVENTS:
            source_id = self._projects.source_of_review(project_id)
            if source_id is not None:
                if not _is_own(payload):
                    self._queue.submit("verdicts", source_id)
                return None
        if action in LABEL_EVENTS | TASK_EVENTS and self._projects.is_source(project_id):
            self._queue.submit("audit", project_id, self._audit_delay_s)
        return None


def _is_own(payload: Mapping[str, Any]) -> bool:
    """Say whether errata wrote an answer itself, for a decision on the scan board: it brings no verdict."""
    annotation = payload.get("annotation")
    task_id = annotation.get("task") if isinstance(annotation, dict) else None
    return isinstance(annotation, dict) and _is_id(task_id) and is_echo(annotation, task_id)


def project_of(payload: Mapping[str, Any]) -> int | None:
    """Find the project's id: in `project`, else in the annotations or tasks, which are one or a list."""
    project = payload.get("project")
    found = project.get("id") if isinstance(project, dict) else project
    for key in ("annotation", "task", "annotations", "tasks"):
        if _is_id(found):
            break
        part = payload.get(key)
        first = part[0] if isinstance(part, list) and part else part
        found = first.get("project") if isinstance(first, dict) else None
    return found if _is_id(found) else None


def _is_id(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def job_id(name: JobName, project_id: int) -> str:
    """Return what Label Studio may ask /job_status about."""
    return f"{name}-{project_id}"


def job_status(queue: Queue, wanted: str) -> str:
    """Return how a job stands in Label Studio's words: queued, started, failed or finished.

    Raises:
        QueueUnreachable: the queue cannot be asked.
    """
    words = {"waiting": "queued", "running": "started", "failed": "failed"}
    found = {words[state.state] for state in queue.states() if job_id(state.name, state.project_id) == wanted}
    return next((word for word in ("started", "queued", "failed") if word in found), "finished")
