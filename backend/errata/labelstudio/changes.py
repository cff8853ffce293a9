"""Looks for changes cheaply: a small request a project, asked again and again."""

from __future__ import annotations

import json
from collections.abc import Sequence

from errata.errors import LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.task_list import task_filter


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
