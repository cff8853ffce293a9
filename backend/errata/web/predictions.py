"""Answers what the model says about tasks: one result a task, in order, always.

A task's result where there is no prediction:

- withheld, where `ERRATA_PREDICTIONS` keeps it back, `labelled` until the task's annotators are done, and pending (the
  media have not been looked at yet; a job does, and pushes the prediction): an empty list. Label Studio takes a list
  of predictions for a task, stores nothing of an empty one, so that annotators see no change, and asks again the next
  time;
- before the first audit, and unusable (no media, a broken file, or labels that the label config no longer has): a
  result without regions, whose version is not the model's, so that Label Studio asks again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from errata.audit.beliefs import NO_VERSION
from errata.audit.best_answer import best_answer
from errata.audit.best_opinions import answer_results, opinions_of
from errata.audit.best_regions import best_regions, region_results, regions_at
from errata.audit.ports import MediaIndex, Regions
from errata.errors import UsageError
from errata.jobs.queue import Queue
from errata.settings import PredictionsMode
from errata.web.belief import ControlRows, ProjectBelief, RegionRows
from errata.web.beliefs import Beliefs
from errata.web.bodies import AskedTask, PredictRequest
from errata.web.contents import Contents, Patience, held_by, uri_of
from errata.web.newcomers import Encoders, Newcomers
from errata.web.region_newcomers import RegionNewcomers
from errata.web.texts import near_forms, read_texts
from errata_model.records import Control

logger = logging.getLogger(__name__)

LOADING_S = 20.0  # how long a request waits for a belief that is being loaded after a start
AUDIT_DELAY_S = 5.0
FEW_TASKS = 32  # so many are answered in the event loop: a thread would take longer than the answer
MOST_CONFIGS = 64

ReadControls = Callable[[str], Sequence[Control]]
Allowed = Mapping[str, frozenset[str]]  # control -> labels that the label config has
Said = dict[str, Any] | Literal["pending", "unusable", "withheld"]  # a prediction, or why there is none


class Predictions:
    """Answers POST /predict from memory; what it takes longer to find out is left to threads and jobs.

    Args:
        index: what was found behind media addresses; asked outside the event loop, once an address.
        read_controls: reads a label config's controls; raises `UsageError` where there are none.
        mode_of: which tasks of a project get predictions; from memory.
        patience: how long a request waits for media that are new.
        region_newcomers: lets learners of regions believe about new items.
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
        region_newcomers: RegionNewcomers,
    ) -> None:
        self._beliefs = beliefs
        self._encoders = encoders
        self._contents = Contents(index, encoders, newcomers, region_newcomers, patience)
        self._regions = regions
        self._read_controls = read_controls
        self._queue = queue
        self._mode_of = mode_of
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
        readers = near_forms(belief, self._encoders.texts)
        texts: Mapping[str, str] = {}
        if readers:
            read = await run_in_threadpool(read_texts, shown, readers)
            shown, texts = read.tasks, read.texts
        problems = await self._contents.find_out(belief, shown, texts) | await self._contents.mark(belief, shown)
        allowed = self._allowed(request.label_config)
        if len(shown) <= FEW_TASKS:
            results = self._results(belief, shown, allowed, problems, request.context)
        else:
            results = await run_in_threadpool(self._results, belief, shown, allowed, problems, request.context)
        if "pending" in results:
            self._queue.submit("audit", request.project_id, AUDIT_DELAY_S)
        if len(shown) == len(request.tasks):
            return results
        of_shown = iter(results)
        return [next(of_shown) if _is_shown(task, mode) else "withheld" for task in request.tasks]

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
        self,
        belief: ProjectBelief,
        tasks: Sequence[AskedTask],
        allowed: Allowed | None,
        problems: set[str],
        context: Sequence[Mapping[str, Any]],
    ) -> list[Said]:
        return [self._result(belief, task, allowed, problems, context) for task in tasks]

    def _result(
        self,
        belief: ProjectBelief,
        task: AskedTask,
        allowed: Allowed | None,
        problems: set[str],
        context: Sequence[Mapping[str, Any]],
    ) -> Said:
        regions: list[dict[str, Any]] = []
        scores = []
        for rows in belief.controls:
            uri = uri_of(task, rows)
            probabilities = self._probabilities(rows, task, uri)
            if probabilities is None:
                if uri and uri not in problems and rows.model is not None:
                    return "pending"
                continue
            best = best_answer(rows.control, probabilities, _lost(rows, allowed))
            if best is not None:
                regions.extend(self._regions.regions(rows.control, best.labels))
                scores.append(best.score)
        for drawn in belief.drawn:
            uri = held_by(task, drawn)
            found = drawn.find(task.id, uri, self._contents.key(uri_of(task, drawn)))
            if found is None:
                if uri and drawn.is_own and uri not in problems:
                    return "pending"
                continue
            believed, size = found
            value = task.held.get(drawn.control.data_key)
            asked, *_ = self._regions.regions_in(context, drawn.control, value) if context else ([], [], None)
            lost = _lost(drawn, allowed)
            if lost == drawn.labels:  # the config has another control by this name, or none
                continue
            if context and not asked:
                continue  # the annotator is drawing for another control
            marked = regions_at(believed, asked, size) if asked else best_regions(believed, size, lost)
            regions.extend(region_results(drawn.control, marked, size, task.held, self._regions))
            scores.append(marked.score)
        for control, opinion in opinions_of(task.id, belief.answered):
            if allowed is None or control.name in allowed:
                regions.extend(answer_results(control, opinion, self._regions))
                scores.append(opinion.certainty)
        if not scores:
            return "unusable"
        return {"result": regions, "score": min(scores), "model_version": belief.version}

    def _probabilities(self, rows: ControlRows, task: AskedTask, uri: str) -> NDArray[np.float32] | None:
        if rows.needs_no_media(task.id):
            return rows.of_task(task.id)
        key = self._contents.key(uri)
        return None if key is None else rows.of_content(task.id, key)


def _lost(rows: ControlRows | RegionRows, allowed: Allowed | None) -> frozenset[str]:
    """Return the labels that the config does not have any more."""
    return frozenset() if allowed is None else rows.labels - allowed.get(rows.control.name, frozenset())


def _is_shown(task: AskedTask, mode: PredictionsMode) -> bool:
    return mode == "all" or (mode == "labelled" and task.is_labeled)


def _nothing(request: PredictRequest, version: str, why: str | None) -> Any:
    """Return the result of a task without a prediction: a version of its own makes Label Studio ask again.

    Of an empty list Label Studio stores nothing, so that annotators see nothing of what is withheld from them, or not
    there yet: of a task that has any prediction it does not ask again when it is opened. An interactive result is not
    stored but handed on to the page, which reads its `result`.
    """
    if why in ("withheld", "pending") and not request.is_interactive:
        return []
    return {"result": [], "score": 0.0, "model_version": f"{version}-{why}" if why else version}
