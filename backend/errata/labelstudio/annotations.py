"""The source project's annotations, and what else happens in Label Studio when one is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from errata.audit.ports import Footprint
from errata.errors import LabelStudioGone
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.network import shown_origin
from errata.labelstudio.predictions import BACKEND_TITLE
from errata.labelstudio.task_list import chosen_tasks
from errata.review.records import Annotation

_READERS = 4  # Label Studio has no request that reads several annotations by their ids
_RESULTS = {"fields": "all", "include": "id,annotations,result,was_cancelled"}
_LATEST_WRITE_S = 5.0  # after a refusal that may pass: by then the comparison made before the write is old


class SourceAnnotations:
    """Reads annotations afresh and replaces their results.

    Label Studio has no compare-and-set, and with the result it changes three things more, none of which can be
    given back: `updated_by` becomes the token's user, `updated_at` the present, and an annotator's unsaved draft of
    this very annotation is dropped. Who completed it, the seconds spent, ground truth and skipping stay.

    Args:
        client: Label Studio.
        project_id: the source project; annotations of others are never written.
    """

    def __init__(self, client: LabelStudio, project_id: int) -> None:
        self._client = client
        self._project_id = project_id

    def read(self, annotation_ids: Sequence[int]) -> dict[int, Annotation]:
        """Read them afresh; those that no longer exist, or were skipped since, are absent."""
        with ThreadPoolExecutor(_READERS) as pool:
            found = list(pool.map(self._read, dict.fromkeys(annotation_ids)))
        return {each.id: each for each in found if each is not None}

    def results_of(self, task_ids: Sequence[int]) -> dict[int, Sequence[Mapping[str, Any]]]:
        """Return annotation id -> result of what stands in these tasks, a hundred a request; skipped ones are absent.

        To look at. Who is about to write reads the annotation itself, afresh.
        """
        return {
            int(annotation["id"]): annotation.get("result") or ()
            for task in chosen_tasks(self._client, self._project_id, task_ids, _RESULTS)
            for annotation in task["annotations"]
            if not annotation.get("was_cancelled")
        }

    def write(self, annotation_id: int, result: Sequence[Mapping[str, Any]]) -> None:
        """Replace an annotation's result and nothing else of it.

        Sent once where Label Studio may have taken it, and never late: what somebody saved meanwhile would be
        overwritten.

        Raises:
            LabelStudioGone: it was deleted meanwhile.
            LabelStudioUnreachable: it may or may not have been written.
        """
        self._client.patch(
            f"api/annotations/{annotation_id}/",
            {"result": [dict(region) for region in result]},
            is_repeatable=False,
            deadline_s=_LATEST_WRITE_S,
        )

    def _read(self, annotation_id: int) -> Annotation | None:
        try:
            raw = self._client.get(f"api/annotations/{annotation_id}/")
        except LabelStudioGone:
            return None
        if raw.get("was_cancelled") or raw.get("project") != self._project_id:
            return None
        return Annotation(
            id=int(raw["id"]),
            task_id=int(raw["task"]),
            result=tuple(raw.get("result") or ()),
            updated_at=datetime.fromisoformat(raw["updated_at"].replace("Z", "+00:00")),
            raw=raw,
        )


class SourceSideEffects:
    """What other people have hung on the source project's labels.

    Args:
        client: Label Studio.
        project_id: the source project.
        footprint: tells which webhooks are errata's own.
    """

    def __init__(self, client: LabelStudio, project_id: int, footprint: Footprint) -> None:
        self._client = client
        self._project_id = project_id
        self._footprint = footprint

    def read(self, trains: bool = True) -> list[str]:
        """Return one line an effect: other people's webhooks and, unless it is paused, training on submit."""
        return [*self._webhooks(), *(self._trainings() if trains else ())]

    def _webhooks(self) -> list[str]:
        own = {t.ref for t in self._footprint.of_project(self._project_id) if t.kind == "webhook"}
        return [
            f"The webhook to {shown_origin(hook['url'])} is called for every annotation that is written, and told "
            + ("its content and its task's." if hook["send_payload"] else "no more than that.")
            for hook in self._client.get("api/webhooks/")
            if hook["project"] in (self._project_id, None)
            and str(hook["id"]) not in own
            and hook["is_active"]
            and (hook["send_for_all_actions"] or "ANNOTATION_UPDATED" in hook["actions"])
        ]

    def _trainings(self) -> list[str]:
        project = self._client.get(f"api/projects/{self._project_id}/")
        every = project.get("min_annotations_to_start_training") or 0
        if not every:
            return []
        own = {t.ref for t in self._footprint.of_project(self._project_id) if t.kind == "ml_backend"}
        return [
            f'The ML backend "{backend["title"]}" at {shown_origin(backend["url"])} is told to train while an '
            "annotation is written, and Label Studio waits for its answer; `errata apply --pause-training` prevents it."
            for backend in self._client.get("api/ml/", {"project": self._project_id})
            if str(backend["id"]) not in own and backend["title"] != BACKEND_TITLE
        ]
