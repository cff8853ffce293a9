"""Source tasks that a person chose: those of a tab of the data manager, or a list of ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot
from errata.errors import LabelStudioGone, UsageError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.label_config import read_label_config
from errata.labelstudio.source import FIELDS, describe_project
from errata.labelstudio.task_list import chosen_tasks
from errata.labelstudio.tasks import TaskReader

_GREATEST_ID = 2**31 - 1  # of Label Studio's tasks; it fails at what its database cannot hold


class ChosenSource:
    """A project of which chosen tasks are read: `audit.ports.ChosenTasks`.

    Args:
        client: where it is.
        project_id: which one.
        page_size: tasks of a tab that are listed a request.
    """

    def __init__(self, client: LabelStudio, project_id: int, page_size: int = 1000) -> None:
        self._client = client
        self._project_id = project_id
        self._page_size = page_size

    def read_chosen(self, task_ids: Sequence[int], progress: Progress) -> Snapshot:
        """Read those of these tasks that exist, with their labels.

        Raises:
            ConfigNotServed: no control can be audited; names the tags.
            LabelStudioGone: there is no such project.
        """
        described = describe_project(self._client, self._project_id)
        reader = TaskReader(described.controls, read_label_config(described.label_config).names)
        progress.stage("Reading tasks", len(task_ids))
        tasks = []
        for raw in chosen_tasks(self._client, self._project_id, _possible(task_ids), FIELDS):
            tasks.append(reader.read(raw))
            progress.advance()
        return replace(described, tasks=tuple(tasks), skipped=reader.skipped())

    def known(self, task_ids: Iterable[int]) -> set[int]:
        """Return those of these ids that tasks of the project have."""
        listed = chosen_tasks(self._client, self._project_id, _possible(task_ids), {"include": "id"})
        return {int(task["id"]) for task in listed}

    def of_tab(self, tab_id: int) -> list[int]:
        """Return the ids of the tasks that a tab of the data manager shows, in its order.

        Raises:
            UsageError: the project has no such tab.
        """
        tabs = self._client.get("api/dm/views/", {"project": self._project_id})
        if tab_id not in {tab["id"] for tab in tabs}:
            titles = ", ".join(f"{tab['id']} ({tab.get('data', {}).get('title', '')})" for tab in tabs)
            raise UsageError(
                f"Project {self._project_id} has no tab {tab_id}; it has: {titles or 'none'}. The number stands in the "
                "address of the tab's page, after tab=."
            )
        found: dict[int, None] = {}
        total, page = 1, 0
        while page * self._page_size < total:
            page += 1
            asked = {"project": self._project_id, "view": tab_id, "page": page, "page_size": self._page_size}
            try:
                body = self._client.get("api/tasks/", {**asked, "include": "id", "resolve_uri": "false"})
            except LabelStudioGone:  # tasks left the tab meanwhile, and with them its last page
                break
            total = int(body["total"])
            found.update((int(task["id"]), None) for task in body["tasks"])
        return list(found)


def _possible(task_ids: Iterable[int]) -> list[int]:
    return [task_id for task_id in task_ids if 0 < task_id <= _GREATEST_ID]
