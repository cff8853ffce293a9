"""The addresses of media that stand in review tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from errata.audit.snapshot import Snapshot
from errata.errors import LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media_links import MediaLinks, is_media_link
from errata.labelstudio.review_config import Columns
from errata.labelstudio.task_list import chosen_tasks, task_filter, task_pages

_DATA = {"include": "id,data"}


def image_keys(label_config: str) -> list[str]:
    """Return the keys of task data that hold pictures, in the config's order."""
    values = (image.get("value", "") for image in ET.fromstring(label_config).iter("Image"))
    return list(dict.fromkeys(value[1:] for value in values if value.startswith("$")))


class ReviewMedia:
    """Reads source tasks with the addresses that their media have in the review project, and keeps these working.

    Args:
        client: Label Studio.
        snapshot: the source.
        links: make the addresses where errata serves the media; None where Label Studio does.
    """

    def __init__(self, client: LabelStudio, snapshot: Snapshot, links: MediaLinks | None) -> None:
        self._client = client
        self._project_id = snapshot.project_id
        self._keys = image_keys(snapshot.label_config)
        self._links = links

    def source_tasks(self, task_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return source tasks with annotations as they are now.

        Label Studio itself gives the media's addresses: below its own URL, and working in other projects.
        """
        asked = {"fields": "all", "include": "id,data,annotations,result", "resolve_uri": "true"}
        tasks = chosen_tasks(self._client, self._project_id, task_ids, asked)
        return {int(task["id"]): task | {"data": self._signed(int(task["id"]), task["data"])} for task in tasks}

    def renew(self, review_id: int, columns: Columns) -> int:
        """Give review tasks addresses that last, whether somebody has answered them or not; return how many got one.

        Only the data of review tasks change, which are errata's own: nobody loses a draft, an answer or a place.
        """
        n_renewed = 0
        for part in self._outdated(review_id, columns):
            source = self.source_tasks(list(part))
            for source_id, tasks in part.items():
                fresh = source.get(source_id, {}).get("data", {})
                wanted = {key: fresh[key] for key in self._keys if key in fresh}
                for task in tasks if wanted else ():
                    n_renewed += self._patch(task, wanted)
        return n_renewed

    def _signed(self, task_id: int, data: Mapping[str, Any]) -> dict[str, Any]:
        if self._links is None:
            return dict(data)
        signed = {k: self._links.make(self._project_id, task_id, k) for k in self._keys if _is_address(data.get(k))}
        return {**data, **signed}

    def _outdated(self, review_id: int, columns: Columns) -> Iterator[dict[int, list[dict[str, Any]]]]:
        """Yield, a page at a time, source task id -> review tasks whose media have another address than they should."""
        for key in self._keys:
            # Only addresses of errata's expire, or have to give way to Label Studio's.
            filters = [] if self._links else [task_filter(f"data.{key}", "contains", "String", "&signature=")]
            for page in task_pages(self._client, review_id, _DATA, filters):
                found: dict[int, list[dict[str, Any]]] = {}
                for task in page:
                    source_id = task["data"].get(columns("source_task"))
                    if isinstance(source_id, int) and not self._is_right(task["data"].get(key), source_id, key):
                        found.setdefault(source_id, []).append(task)
                if found:
                    yield found

    def _is_right(self, address: object, source_id: int, key: str) -> bool:
        if self._links is None:
            return not is_media_link(address, self._project_id)
        return not _is_address(address) or self._links.lasts(address, self._project_id, source_id, key)

    def _patch(self, task: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
        try:  # Label Studio replaces the data as a whole
            self._client.patch(f"api/tasks/{task['id']}/", {"data": task["data"] | wanted})
        except LabelStudioGone:
            return False
        return True


def _is_address(value: object) -> bool:
    """Say whether a picture has to be fetched; what stands in the task itself does not."""
    return isinstance(value, str) and value != "" and not value.lower().startswith("data:")
