"""Files of source tasks, by task and data key."""

from __future__ import annotations

from errata.errors import MediaError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import ProjectMedia
from errata.labelstudio.task_list import chosen_tasks


class TaskFiles:
    """Reads what source tasks point to, as their data are now. Thread-safe.

    Args:
        client: Label Studio.
        media: fetches the files.
    """

    def __init__(self, client: LabelStudio, media: ProjectMedia) -> None:
        self._client = client
        self._media = media

    def read(self, project_id: int, task_id: int, data_key: str) -> bytes:
        """Return the file that a task holds under a key of its data.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
            LabelStudioGone: there is no such project.
            ServiceError: Label Studio itself cannot be reached or refuses the token.
        """
        for task in chosen_tasks(self._client, project_id, [task_id], {"include": "id,data"}):
            address = task["data"].get(data_key)
            if isinstance(address, str) and address:
                return self._media.read(address, task_id)
            raise MediaError(f"the task has nothing under {data_key!r}")
        raise MediaError("the task is gone")
