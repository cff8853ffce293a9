"""Answers what the model says about tasks: one result a task, in order, always.

A task's result where there is no prediction:

- withheld, where `ERRATA_PREDICTIONS` keeps it back, `labelled` until the task's annotators are done: an empty list.
  Label Studio takes a list of predictions for a task, stores nothing of an empty one, so that annotators see no
  change, and asks again the next time;
- before the first audit, pending (the media have not been looked at yet; a job does, and pushes the prediction) and
  unusable (no media, a broken file, or labels that the label config no longer has): a result without regions, whose
  version is not the model's, so that Label Studio asks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from errata.audit.ports import NO_VERSION, MediaIndex, Regions, UsedEncoder
from errata.errors import UsageError
from errata.jobs.queue import Queue
from errata.settings import PredictionsMode
from errata.web.belief import ControlRows, ProjectBelief
from errata.web.beliefs import Beliefs
from errata.web.bodies import AskedTask, PredictRequest
from errata.web.newcomers import Encoders, Newcomers
from errata_model.records import Control

logger = logging.getLogger(__name__)

LOADING_S = 20.0  # how long a request waits for a belief that is being loaded after a start
AUDIT_DELAY_S = 5.0
FEW_TASKS = 32  # so many are answered in the event loop: a thread would take longer than the answer
MOST_KEYS = 500_000  # addresses whose content is remembered in memory
MOST_CONFIGS = 64

ReadControls = Callable[[str], Sequence[Control]]
Allowed = Mapping[str, frozenset[str]]  # control -> labels that the label config has
Said = dict[str, Any] | Literal["pending", "unusable", "withheld"]  # a prediction, or why there is none


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request waits for media that are new. Label Studio gives up after 100 s, some proxies after 90."""

    first_s: float = 5.0
    each_s: float = 0.1
    longest_s: float = 60.0

    def seconds(self, n_media: int) -> float:
        """Return the seconds for so many media."""
        return min(self.longest_s, self.first_s + self.each_s * n_media)


class _Need(NamedTuple):
    """What a request still has to find out."""

    media: dict[tuple[UsedEncoder, str], int]  # address, by whose encoder -> task id: content not known
    contents: dict[ControlRows, set[str]]  # content keys that the control's model has not seen


class Predictions:
    """Answers POST /predict from memory; what it takes longer to find out is left to threads and jobs.

    Args:
        index: what was found behind media addresses; asked outside the event loop, once an address.
        read_controls: reads a label config's controls; raises `UsageError` where there are none.
        mode_of: which tasks of a project get predictions; from memory.
        patience: how long a request waits for media that are new.
    """

    def __init__(
        self,
        beliefs: Beliefs,
        index: MediaIndex,
        encoders: Encoders,
        newcomers: Newcomers,
        regions: Regions,
        read_controls: ReadControls,
        queue: Queue,
        mode_of: Callable[[int], PredictionsMode],
        patience: Patience,
    ) -> None:
        self._beliefs = beliefs
        self._index = index
        self._encoders = encoders
        self._newcomers = newcomers
        self._regions = regions
        self._read_controls = read_controls
        self._queue = queue
        self._mode_of = mode_of
        self._patience = patience
        self._keys: dict[str, str] = {}
        self._configs: dict[str, Allowed] = {}

    async def answer(self, request: PredictRequest) -> list[Any]:
        """Return Label Studio's `results`: one a task."""
        belief = await self._beliefs.belief(request.project_id, LOADING_S)
        if belief is None:
            mode = self._mode_of(request.project_id)
            said = [None if _is_shown(task, mode) else "withheld" for task in request.tasks]
            return [_nothing(request, NO_VERSION, why) for why in said]
        results = await self._say(belief, request)
        return [each if isinstance(each, dict) else _nothing(request, belief.version, each) for each in results]

    async def _say(self, belief: ProjectBelief, request: PredictRequest) -> list[Said]:
        mode = self._mode_of(request.project_id)
        shown = [task for task in request.tasks if _is_shown(task, mode)]
        problems = await self._find_out(belief, shown)
        allowed = self._allowed(request.label_config)
        if len(shown) <= FEW_TASKS:
            results = self._results(belief, shown, allowed, problems)
        else:
            results = await run_in_threadpool(self._results, belief, shown, allowed, problems)
        if "pending" in results:
            self._queue.submit("audit", request.project_id, AUDIT_DELAY_S)
        if len(shown) == len(request.tasks):
            return results
        of_shown = iter(results)
        return [next(of_shown) if _is_shown(task, mode) else "withheld" for task in request.tasks]

    async def _find_out(self, belief: ProjectBelief, tasks: Sequence[AskedTask]) -> set[str]:
        """Find out what tasks show, and believe about it; return the addresses of media that cannot be used."""
        need = self._need(belief, tasks)
        if need.media:
            self._keep(await run_in_threadpool(self._index.known, list({uri for _, uri in need.media})))
            need = self._need(belief, tasks)
        lacking = await run_in_threadpool(self._believe, need.contents) if need.contents else {}
        to_look_at = {**need.media, **self._shown_as(lacking, tasks)}
        if not to_look_at:
            return set()
        outcomes = await self._newcomers.look_at(to_look_at, self._patience.seconds(len(to_look_at)))
        self._keep({uri: key for (_, uri), (key, _) in outcomes.items() if key})
        contents = self._need(belief, tasks).contents
        if contents:
            await run_in_threadpool(self._believe, contents)
        return {uri for (_, uri), (_, problem) in outcomes.items() if problem}

    def _need(self, belief: ProjectBelief, tasks: Sequence[AskedTask]) -> _Need:
        need = _Need({}, {})
        for rows in belief.controls:
            for task in tasks:
                uri = _uri(task, rows)
                if not uri or rows.encoder is None or rows.needs_no_media(task.id):
                    continue
                key = self._keys.get(uri)
                if key is None:
                    need.media.setdefault((rows.encoder, uri), task.id or 0)
                elif rows.model is not None and rows.of_content(task.id, key) is None:
                    need.contents.setdefault(rows, set()).add(key)
        return need

    def _shown_as(
        self, lacking: Mapping[ControlRows, set[str]], tasks: Sequence[AskedTask]
    ) -> dict[tuple[UsedEncoder, str], int]:
        """Return whose media have these contents, as `_Need.media` does."""
        return {
            (rows.encoder, uri): task.id or 0
            for rows, keys in lacking.items()
            for task in tasks
            if rows.encoder is not None and self._keys.get(uri := _uri(task, rows)) in keys
        }

    def _believe(self, contents: Mapping[ControlRows, set[str]]) -> dict[ControlRows, set[str]]:
        """Let the models believe about new contents; return those without an embedding."""
        lacking: dict[ControlRows, set[str]] = {}
        for rows, wanted in contents.items():
            keys = sorted(wanted)
            if rows.encoder is None:
                continue
            found, is_known = self._encoders.embeddings(rows.encoder, rows.width).get(keys)
            rows.predict([key for key, known in zip(keys, is_known, strict=True) if known], found[is_known])
            if not is_known.all():
                lacking[rows] = {key for key, known in zip(keys, is_known, strict=True) if not known}
        return lacking

    def _keep(self, keys: Mapping[str, str]) -> None:
        if len(self._keys) + len(keys) > MOST_KEYS:
            self._keys = {}
        self._keys.update(keys)

    def _allowed(self, label_config: str | None) -> Allowed | None:
        """Return the labels that the config has, None where there is no config to ask."""
        if label_config is None:
            return None
        found = self._configs.get(label_config)
        if found is None:
            try:
                found = {control.name: frozenset(control.labels) for control in self._read_controls(label_config)}
            except UsageError:
                found = {}
            if len(self._configs) >= MOST_CONFIGS:
                self._configs.clear()
            self._configs[label_config] = found
        return found

    def _results(
        self, belief: ProjectBelief, tasks: Sequence[AskedTask], allowed: Allowed | None, problems: set[str]
    ) -> list[Said]:
        return [self._result(belief, task, allowed, problems) for task in tasks]

    def _result(self, belief: ProjectBelief, task: AskedTask, allowed: Allowed | None, problems: set[str]) -> Said:
        regions, scores = [], []
        for rows in belief.controls:
            uri = _uri(task, rows)
            probabilities = self._probabilities(rows, task, uri)
            if probabilities is None:
                if uri and uri not in problems and rows.model is not None:
                    return "pending"
                continue
            best = _best(probabilities, rows, allowed)
            if best is not None:
                score = round(min(max(float(probabilities[best]), 0.0), 1.0), 4)
                regions.append(self._regions.region(rows.control, rows.control.labels[best], score))
                scores.append(score)
        if not regions:
            return "unusable"
        return {"result": regions, "score": min(scores), "model_version": belief.version}

    def _probabilities(self, rows: ControlRows, task: AskedTask, uri: str) -> NDArray[np.float32] | None:
        if rows.needs_no_media(task.id):
            return rows.of_task(task.id)
        key = self._keys.get(uri)
        return None if key is None else rows.of_content(task.id, key)


def _best(probabilities: NDArray[np.float32], rows: ControlRows, allowed: Allowed | None) -> int | None:
    """Return the likeliest label that the config still has; its probability stays what it was."""
    has = rows.labels if allowed is None else allowed.get(rows.control.name, frozenset())
    if has >= rows.labels:
        best = int(probabilities.argmax())
    else:
        left = [k for k, label in enumerate(rows.control.labels) if label in has]
        if not left:
            return None
        best = max(left, key=lambda k: float(probabilities[k]))
    return best if np.isfinite(probabilities[best]) else None


def _is_shown(task: AskedTask, mode: PredictionsMode) -> bool:
    return mode == "all" or (mode == "labelled" and task.is_labeled)


def _uri(task: AskedTask, rows: ControlRows) -> str:
    value = task.data.get(rows.control.data_key)
    return str(value) if value else ""


def _nothing(request: PredictRequest, version: str, why: str | None) -> Any:
    """Return the result of a task without a prediction: a version of its own makes Label Studio ask again.

    Of an empty list Label Studio stores nothing, so that annotators see nothing of what is withheld from them. An
    interactive result is not stored but handed on to the page, which reads its `result`.
    """
    if why == "withheld" and not request.is_interactive:
        return []
    return {"result": [], "score": 0.0, "model_version": f"{version}-{why}" if why else version}
