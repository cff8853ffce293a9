"""Puts review tasks into Label Studio, as many a request as it takes well."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from errata.errors import ErrataError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_tasks import predictions_alone

_MOST_BYTES = 16_000_000  # a request; tasks hold whole drawings, with masks of a hundred kilobytes each, perhaps

Json = Mapping[str, Any]


def import_tasks(client: LabelStudio, review_id: int, tasks: Iterable[Json]) -> list[int]:
    """Add review tasks in this order; return their ids.

    Args:
        client: Label Studio.
        review_id: the review project.
        tasks: as `review_task` makes them; taken one by one.

    Raises:
        ErrataError: Label Studio made other tasks than it was told.
    """
    return [id_ for part in in_parts(tasks, _MOST_BYTES) for id_ in _import(client, review_id, part)]


def in_parts(tasks: Iterable[Json], most_bytes: int) -> Iterator[list[Json]]:
    """Yield the tasks in lists that together are no larger than this as JSON; one that alone is has its own."""
    part: list[Json] = []
    n_bytes = 0
    for task in tasks:
        size = len(json.dumps(task))
        if part and n_bytes + size > most_bytes:
            yield part
            part, n_bytes = [], 0
        part.append(task)
        n_bytes += size
    if part:
        yield part


def _import(client: LabelStudio, review_id: int, tasks: list[Json]) -> list[int]:
    said = client.post(f"api/projects/{review_id}/import", tasks, params={"return_task_ids": "true"}, timeout_s=300)
    ids = [int(task_id) for task_id in said.get("task_ids") or ()]
    if len(ids) != len(tasks):
        raise ErrataError(
            f"Label Studio made {len(ids)} of {len(tasks)} review tasks; look into its log. "
            "The next audit inserts those that are missing."
        )
    if said.get("prediction_count") == 0:
        # Label Studio on SQLite, where somebody else wrote meanwhile: it tried again, and that without predictions.
        rows = predictions_alone(tasks, ids)
        client.post(f"api/projects/{review_id}/import/predictions", rows, timeout_s=300)
    return ids
