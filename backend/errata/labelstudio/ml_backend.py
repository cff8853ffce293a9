"""Another ML backend as a source of belief: what Label Studio would ask it, errata asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx

from errata.audit.believe import Belief
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.ports import Progress
from errata.audit.snapshot import Snapshot, Task
from errata.errors import ServiceError, UsageError
from errata.labelstudio.network import Network, Proxy, explain
from errata.labelstudio.predictions import is_own_version
from errata.labelstudio.tasks import TaskReader

ASKED_AT_ONCE = 16
TIMEOUT_S = 100.0  # as long as Label Studio itself waits

Ask = Callable[[list[dict[str, Any]]], object]
"""Takes tasks as Label Studio writes them, returns the model's `results`."""


class BackendBeliever:
    """Asks an ML backend by its URL (with `user:password@` where it wants them); labels are never sent to it.

    Args:
        url: of the backend.
        network: the way to it; the environment's proxies and the system's trust by default.

    Raises:
        UsageError: `url` is no address.
    """

    def __init__(self, url: str, network: Network | None = None) -> None:
        try:
            self._url = httpx.URL(url.rstrip("/") + "/")
            _ = urlsplit(url).port
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError("The ML backend to believe has no address that works; give http://HOST:PORT.") from error
        self._network = network or Network()

    def believe(self, snapshot: Snapshot, progress: Progress) -> Belief:
        """See `Believer.believe`.

        Raises:
            ServiceError: the backend cannot be reached, or does not answer as Label Studio wants it to.
        """
        place = f"the ML backend at {self._url.host}"
        project = f"{snapshot.project_id}.0"
        about = {"project": project, "schema": snapshot.label_config, "hostname": snapshot.url}
        asked = {"project": project, "label_config": snapshot.label_config, "params": {"context": None}}
        proxy = self._network.proxy(str(self._url))
        with self._network.open(str(self._url), base_url=self._url, timeout_s=TIMEOUT_S) as http:
            version = str(_answer(http, "setup", about, place, proxy).get("model_version") or place)
            if is_own_version(version):
                raise UsageError(f"{place} is errata itself, which is no second opinion: use --belief own.")
            return believe_answers(
                snapshot,
                version,
                place,
                lambda tasks: _answer(http, "predict", {**asked, "tasks": tasks}, place, proxy).get("results"),
                progress,
            )


def believe_answers(snapshot: Snapshot, version: str, place: str, ask: Ask, progress: Progress) -> Belief:
    """Ask about every task of a snapshot, a few at a time, and believe the answers. Labels are withheld.

    Args:
        version: of the model that is asked.
        place: who is asked, for the operator.

    Raises:
        UsageError: an answer is not one result a task.
        NothingToLearn: nothing that was answered can be used.
    """
    progress.stage(f"Asking {place}", len(snapshot.tasks))
    tasks = tuple(_asked(snapshot, version, place, ask, progress))
    belief = StoredBeliever(version).believe(replace(snapshot, tasks=tasks), progress)
    caution = f"What {place} says counts as in-sample: where it has learned from these labels, it repeats their errors."
    return replace(belief, caution=caution)


def _asked(snapshot: Snapshot, version: str, place: str, ask: Ask, progress: Progress) -> Iterator[Task]:
    reader = TaskReader(snapshot.controls)
    for start in range(0, len(snapshot.tasks), ASKED_AT_ONCE):
        part = snapshot.tasks[start : start + ASKED_AT_ONCE]
        results = ask([_unlabelled(task, snapshot.project_id) for task in part])
        if not isinstance(results, list) or len(results) != len(part):
            raise UsageError(f"{place} did not give one result for each of {len(part)} tasks; mend it or use another.")
        for task, result in zip(part, results, strict=True):
            prediction = _first(result) | {"model_version": version}
            answered = reader.read({"id": task.id, "data": task.data, "predictions": [prediction]})
            yield replace(task, predictions=answered.predictions)
        progress.advance(len(part))


def _unlabelled(task: Task, project_id: int) -> dict[str, Any]:
    return {"id": task.id, "data": dict(task.data), "project": project_id, "annotations": [], "predictions": []}


def _first(result: Any) -> dict[str, Any]:
    """Return a task's prediction; a backend may give several, the first being its best."""
    first = result[0] if isinstance(result, list | tuple) and result else result
    return dict(first) if isinstance(first, dict) else {}


def _answer(http: httpx.Client, path: str, body: dict[str, Any], place: str, proxy: Proxy | None) -> dict[str, Any]:
    try:
        response = http.post(path, json=body)
        response.raise_for_status()
        answer = response.json()
    except httpx.HTTPStatusError as error:
        raise ServiceError(f"{place} answered /{path} with {error.response.status_code}; look into its log.") from error
    except (httpx.HTTPError, ValueError) as error:
        reason = explain(error, proxy) or f"{type(error).__name__} at /{path}; does it run there?"
        raise ServiceError(f"{place} cannot be used: {reason}") from error
    if not isinstance(answer, dict):
        raise ServiceError(f"{place} did not answer /{path} with a JSON object; is it an ML backend?")
    return answer
