"""Another ML backend as a source of belief: what Label Studio would ask it, errata asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import httpx

from errata.audit.believe import Belief
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.ports import Progress, Snapshot, Task
from errata.errors import ServiceError
from errata.labelstudio.tasks import TaskReader

ASKED_AT_ONCE = 16
TIMEOUT_S = 100.0  # as long as Label Studio itself waits


class BackendBeliever:
    """Asks an ML backend by its URL (with `user:password@` where it wants them); labels are never sent to it."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url.rstrip("/") + "/")

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            ServiceError: the backend cannot be reached, or does not answer as Label Studio wants it to.
        """
        place = f"the ML backend at {self._url.host}"
        with httpx.Client(base_url=self._url, timeout=TIMEOUT_S) as http:
            about = {"project": f"{snapshot.project_id}.0", "schema": snapshot.label_config, "hostname": snapshot.url}
            version = str(_answer(http, "setup", about, place).get("model_version") or place)
            progress.stage(f"Asking {place}", len(snapshot.tasks))
            tasks = tuple(self._asked(http, snapshot, version, place, progress))
        return StoredBeliever(version).believe(replace(snapshot, tasks=tasks), progress)

    def _asked(
        self, http: httpx.Client, snapshot: Snapshot, version: str, place: str, progress: Progress
    ) -> Iterator[Task]:
        reader = TaskReader(snapshot.controls)
        for start in range(0, len(snapshot.tasks), ASKED_AT_ONCE):
            part = snapshot.tasks[start : start + ASKED_AT_ONCE]
            for task, said in zip(part, _predictions(http, snapshot, part, place), strict=True):
                answered = reader.read(
                    {"id": task.id, "data": task.data, "predictions": [said | {"model_version": version}]}
                )
                yield replace(task, predictions=answered.predictions)
            progress.advance(len(part))


def _predictions(http: httpx.Client, snapshot: Snapshot, tasks: Sequence[Task], place: str) -> list[dict[str, Any]]:
    body = {
        "tasks": [{"id": task.id, "data": dict(task.data), "annotations": [], "predictions": []} for task in tasks],
        "project": f"{snapshot.project_id}.0",
        "label_config": snapshot.label_config,
        "params": {"context": None},
    }
    results = _answer(http, "predict", body, place).get("results")
    if not isinstance(results, list) or len(results) != len(tasks):
        raise ServiceError(f"{place} did not give one result for each of {len(tasks)} tasks; mend it or use another.")
    return [_first(each) for each in results]


def _first(result: Any) -> dict[str, Any]:
    """Return a task's prediction; a backend may give several, the first being its best."""
    first = result[0] if isinstance(result, list) and result else result
    return dict(first) if isinstance(first, dict) else {}


def _answer(http: httpx.Client, path: str, body: dict[str, Any], place: str) -> dict[str, Any]:
    try:
        response = http.post(path, json=body)
        response.raise_for_status()
        answer = response.json()
    except httpx.HTTPStatusError as error:
        raise ServiceError(f"{place} answered /{path} with {error.response.status_code}; look into its log.") from error
    except (httpx.HTTPError, ValueError) as error:
        raise ServiceError(f"{place} cannot be used ({type(error).__name__} at /{path}); does it run there?") from error
    if not isinstance(answer, dict):
        raise ServiceError(f"{place} did not answer /{path} with a JSON object; is it an ML backend?")
    return answer
