"""Lists of a project's tasks. Reading a list never makes Label Studio call an ML backend, reading one task does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from errata.labelstudio.client import LabelStudio

_CHUNK = 100  # task ids in one address
_RAW = {"resolve_uri": "false"}  # media are fetched by their own address: only so can caches know them

Filter = Mapping[str, Any]
Params = Mapping[str, str]


def task_filter(column: str, operator: str, kind: str, value: Any) -> Filter:
    """Return a condition on a column as Label Studio's data manager writes it."""
    return {"filter": f"filter:tasks:{column}", "operator": operator, "type": kind, "value": value}


def task_pages(
    client: LabelStudio, project_id: int, params: Params, filters: Sequence[Filter] = (), page_size: int = 200
) -> Iterator[list[dict[str, Any]]]:
    """Yield the tasks that pass all filters by ascending id, in pages that each begin after the last id before.

    Page numbers would lose tasks: when one is deleted meanwhile, all later ones move up, over the page's edge. Label
    Studio writes the next page while this one is worked on, so a page may hold a task that was deleted since.
    """

    def page_after(last_id: int) -> dict[str, Any]:
        """Return a page, and under "total" how many tasks there are from there on."""
        items = [task_filter("id", "greater", "Number", last_id), *filters]
        query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
        asked = {"project": project_id, "page": 1, "page_size": page_size, "query": json.dumps(query)}
        return dict(client.get("api/tasks/", {**asked, **_RAW, **params}))

    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(page_after, 0)
        while True:
            body = coming.result()
            page = body["tasks"]
            is_last = not page or len(page) >= body["total"]
            if not is_last:
                coming = ahead.submit(page_after, max(int(task["id"]) for task in page))
            yield page
            if is_last:
                return


def chosen_tasks(
    client: LabelStudio, project_id: int, task_ids: Iterable[int], params: Params
) -> Iterator[dict[str, Any]]:
    """Yield those of these tasks that exist."""
    chosen = sorted(set(task_ids))
    for start in range(0, len(chosen), _CHUNK):
        query = {"selectedItems": {"all": False, "included": chosen[start : start + _CHUNK]}}
        asked = {"project": project_id, "page": 1, "page_size": _CHUNK, "query": json.dumps(query)}
        yield from client.get("api/tasks/", {**asked, **_RAW, **params})["tasks"]
