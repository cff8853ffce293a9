"""errata's predictions in the source project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from errata.audit.beliefs import OWN_VERSIONS
from errata.audit.ports import Footprint, Prediction, Trace
from errata.errors import ErrataError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.task_list import chosen_tasks

BACKEND_TITLE = "errata"
_VERSIONS = {"fields": "all", "include": "id,predictions,model_version"}


class SourcePredictions:
    """Stores predictions in bulk, which is fifty times faster than having Label Studio ask for them.

    Args:
        client: Label Studio.
        project_id: the source project.
        label_config: the source's.
        footprint: is told of every version before it is stored.
        shows_version: people let errata choose the model version that the project shows.
    """

    def __init__(
        self,
        client: LabelStudio,
        project_id: int,
        label_config: str,
        footprint: Footprint,
        *,
        shows_version: bool = False,
    ) -> None:
        self._client = client
        self._project_id = project_id
        self._label_config = label_config
        self._footprint = footprint
        self._shows_version = shows_version

    def push(self, version: str, predictions: Sequence[Prediction]) -> int:
        """Store predictions of one version; return how many were stored.

        Tasks that were deleted meanwhile are left out.

        Raises:
            ValueError: the version is not one of errata's.
            ErrataError: Label Studio would drop one of them, or stored fewer than it was sent.
        """
        if not version.startswith(OWN_VERSIONS):
            raise ValueError(f"`version` must begin with {OWN_VERSIONS!r}, got {version!r}")
        if not predictions:
            return 0
        self._check(predictions)
        self._footprint.add(self._project_id, Trace("predictions", version))
        rows = [
            {"task": p.task_id, "result": list(p.result), "score": p.score, "model_version": version}
            for p in predictions
        ]
        try:
            return self._send(rows)
        except ErrataError as error:
            if type(error) is not ErrataError:
                raise
            # One task that is gone makes Label Studio refuse the whole request, and store nothing of it.
            wanted = {prediction.task_id for prediction in predictions}
            listed = chosen_tasks(self._client, self._project_id, wanted, {"include": "id"})
            left = {int(task["id"]) for task in listed}
            if left == wanted:
                raise
            kept = [row for row in rows if row["task"] in left]
            return self._send(kept) if kept else 0

    def retire(self, keep: Sequence[str]) -> int:
        """Delete errata's own versions that are not in `keep`; return how many predictions went."""
        stored = self._client.get(f"api/projects/{self._project_id}/model-versions/")
        n_deleted = 0
        for version in stored:
            if version.startswith(OWN_VERSIONS) and version not in keep:
                n_deleted += delete_version(self._client, self._project_id, version, self._footprint)
                self._footprint.remove(self._project_id, "predictions", version)
        return n_deleted

    def withdraw(self, task_ids: Sequence[int]) -> int:
        """Delete errata's own predictions of these tasks, of any version; return how many went."""
        n_deleted = 0
        for task in chosen_tasks(self._client, self._project_id, task_ids, _VERSIONS):
            for prediction in task["predictions"]:
                if str(prediction["model_version"] or "").startswith(OWN_VERSIONS):
                    self._client.delete(f"api/predictions/{prediction['id']}/")
                    n_deleted += 1
        return n_deleted

    def announce(self, version: str) -> None:
        """Make `version` the one that Label Studio shows, where that field is empty or errata's own already.

        Does nothing where people did not let errata do so.
        """
        if not self._shows_version:
            return
        path = f"api/projects/{self._project_id}/"
        shown = self._client.get(path).get("model_version") or ""
        if shown == version or not (shown == "" or is_own_version(shown)):
            return
        traces = [t for t in self._footprint.of_project(self._project_id) if t.kind == "model_version"]
        before = traces[0].details.get("before", "") if traces else shown
        self._footprint.add(self._project_id, Trace("model_version", "project", {"before": before}))
        self._client.patch(path, {"model_version": version})

    def _check(self, predictions: Sequence[Prediction]) -> None:
        """Ask Label Studio's own code, which it also asks by itself and then drops rows without a word."""
        from label_studio_sdk.label_interface.interface import LabelInterface  # noqa: PLC0415 (0.7 s, 60 MB: only for who pushes)

        interface = LabelInterface(self._label_config)
        for prediction in predictions:
            said = {"result": [dict(region) for region in prediction.result], "score": prediction.score}
            problems = interface.validate_prediction(said, return_errors=True)
            problems += [
                f"the score {region['score']!r} is not in [0, 1]"
                for region in prediction.result
                if not 0 <= region.get("score", 0) <= 1
            ]
            if problems:
                raise ErrataError(
                    f"Label Studio would drop the prediction for task {prediction.task_id} of project "
                    f"{self._project_id}: {'; '.join(problems)}. Was the label config changed during the audit? "
                    "Audit again."
                )

    def _send(self, rows: Sequence[dict[str, Any]]) -> int:
        said = self._client.post(f"api/projects/{self._project_id}/import/predictions", list(rows), timeout_s=300)
        created = int(said.get("created", 0))
        if created != len(rows):
            raise ErrataError(
                f"Label Studio stored {created} of {len(rows)} predictions for project {self._project_id}; it drops "
                "what does not fit the label config without saying so. Was the config changed during the audit? "
                "Audit again."
            )
        return created


def is_own_version(version: str) -> bool:
    """Say whether a project's model version is errata's: one of its versions, or its ML backend's title."""
    return version.startswith(OWN_VERSIONS) or version == BACKEND_TITLE


def delete_version(client: LabelStudio, project_id: int, version: str, footprint: Footprint) -> int:
    """Delete the predictions of a version; return how many there were.

    With them Label Studio empties the project's model version wherever that is a backend's title, whosever backend
    and predictions they are. It is put back; where that is cut off, the footprint knows it.
    """
    path = f"api/projects/{project_id}/"
    shown = client.get(path).get("model_version") or ""
    emptied = Trace("model_version", "project", {"before": shown})
    is_others = not is_own_version(shown) and shown not in ("", version)
    if is_others:
        footprint.add(project_id, emptied)
    said = client.delete(f"{path}model-versions/", {"model_version": version})
    if shown not in ("", version) and client.get(path).get("model_version") != shown:
        client.patch(path, {"model_version": shown})
    if is_others:
        footprint.remove(project_id, emptied.kind, emptied.ref)
    return int((said or {}).get("deleted_predictions", 0))
