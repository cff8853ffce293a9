"""Looks for changes cheaply: a small request a project, asked again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from errata.errors import LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.task_list import task_filter, task_pages

_PAGE_SIZE = 500
_SAVING = timedelta(seconds=5)  # 25 ms to 40 ms measured on 1.23.2; a busy database takes longer


def is_there(client: LabelStudio, project_id: int) -> bool:
    """Say whether Label Studio has the project."""
    try:
        client.get("api/tasks/", {"project": project_id, "page_size": 1, "include": "id"})
    except LabelStudioGone:
        return False
    return True


def answers_mark(client: LabelStudio, review_ids: Sequence[int]) -> str | None:
    """Return what changes whenever an answer in the review projects is made, changed or deleted.

    Returns:
        None where none of the review projects is there.
    """
    answered = task_filter("total_annotations", "greater", "Number", 0)
    query = json.dumps({"filters": {"conjunction": "and", "items": [answered]}, "ordering": ["-tasks:updated_at"]})
    marks = []
    for review_id in review_ids:
        asked = {"project": review_id, "page_size": 1, "include": "id,updated_at", "query": query}
        try:
            body = client.get("api/tasks/", asked)
        except LabelStudioGone:
            continue
        newest = body["tasks"][0]["updated_at"] if body["tasks"] else ""
        marks.append(f"{review_id} {body['total']} {body['total_annotations']} {newest}")
    return "\n".join(marks) or None


class LabelChanges:
    """Says whether labels have changed: `jobs.due_audits.Labels`.

    Label Studio moves a task's `updated_at` also when it stores what `/predict` answered: it saves the task right
    before the prediction. Such tasks are passed over, and not read again. An annotation that was deleted before a
    prediction of the same task was stored is passed over with it.
    """

    def __init__(self, client: LabelStudio) -> None:
        self._client = client
        self._seen_until: dict[int, str] = {}

    def have_changed(self, project_id: int, since: str) -> bool:
        """Say whether a task was made, or its data or annotations were changed, after `since`.

        Args:
            since: an `updated_at` as Label Studio writes it.
        """
        seen_until = max(since, self._seen_until.get(project_id, since), key=_time)
        for task in self._changed_tasks(project_id, seen_until):
            if _is_changed(task, _time(since)):
                return True
            seen_until = max(seen_until, task["updated_at"], key=_time)
        self._seen_until[project_id] = seen_until
        return False

    def _changed_tasks(self, project_id: int, since: str) -> Iterator[dict[str, Any]]:
        params = {"fields": "all", "include": "id,created_at,updated_at,annotations,predictions"}
        later = task_filter("updated_at", "greater", "Datetime", since)
        for page in task_pages(self._client, project_id, params, [later], _PAGE_SIZE):
            yield from page


def _is_changed(task: Mapping[str, Any], since: datetime) -> bool:
    """Say whether a task whose `updated_at` is later than `since` has more that is new than a prediction."""
    changed = [task["created_at"], *(annotation["updated_at"] for annotation in task["annotations"])]
    if any(_time(moment) > since for moment in changed):
        return True
    saved = _time(task["updated_at"])
    return not any(saved <= _time(made["created_at"]) <= saved + _SAVING for made in task["predictions"])


def _time(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00"))
