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
import orjson
from numpy.typing import NDArray
from starlette.concurrency import run_in_threadpool

from errata.audit.best_answer import best_answer
from errata.audit.best_opinions import answer_results, opinions_of
from errata.audit.best_regions import best_regions, region_results, regions_at
from errata.audit.ports import NO_VERSION, MediaIndex, Regions
from errata.errors import UsageError
from errata.jobs.queue import Queue
from errata.settings import PredictionsMode
from errata.web.belief import ControlRows, ProjectBelief, RegionRows
from errata.web.beliefs import Beliefs
from errata.web.bodies import AskedTask, PredictRequest
from errata.web.newcomers import PLAIN, Encoders, Newcomers, Wanted
from errata.web.region_newcomers import Asked, RegionNewcomers
from errata.web.texts import key_of_mark, near_forms, read_texts
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

    media: dict[Wanted, int]  # what is to be looked at -> task id: content not known
    contents: dict[ControlRows, set[str]]  # content keys that the control's model has not seen


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
        self._index = index
        self._encoders = encoders
        self._newcomers = newcomers
        self._regions = regions
        self._read_controls = read_controls
        self._queue = queue
        self._mode_of = mode_of
        self._patience = patience
        self._region_newcomers = region_newcomers
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
        readers = near_forms(belief, self._encoders.texts)
        texts: Mapping[str, str] = {}
        if readers:
            read = await run_in_threadpool(read_texts, shown, readers)
            shown, texts = read.tasks, read.texts
        problems = await self._find_out(belief, shown, texts) | await self._mark(belief, shown)
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

    async def _find_out(self, belief: ProjectBelief, tasks: Sequence[AskedTask], texts: Mapping[str, str]) -> set[str]:
        """Find out what tasks show, and believe about it; return the addresses of media that cannot be used.

        Args:
            texts: content key -> text, of those that tasks hold themselves.
        """
        need = self._need(belief, tasks)
        pictures = {wanted.value for wanted in need.media if wanted.text is None}
        if pictures:
            self._keep(await run_in_threadpool(self._index.known, list(pictures)))
            need = self._need(belief, tasks)
        lacking = await run_in_threadpool(self._believe, need.contents, texts) if need.contents else {}
        to_look_at = {**need.media, **self._shown_as(lacking, tasks, texts)}
        if not to_look_at:
            return set()
        outcomes = await self._newcomers.look_at(to_look_at, self._patience.seconds(len(to_look_at)))
        self._keep({wanted.value: key for wanted, (key, _) in outcomes.items() if key and key not in texts})
        contents = self._need(belief, tasks).contents
        if contents:
            await run_in_threadpool(self._believe, contents, texts)
        return {wanted.value for wanted, (_, problem) in outcomes.items() if problem}

    async def _mark(self, belief: ProjectBelief, tasks: Sequence[AskedTask]) -> set[str]:
        """Let learners of regions believe about what was not audited; return what cannot be used."""
        own = [rows for rows in belief.drawn if rows.is_own]
        uris = {uri for rows in own for task in tasks if (uri := _uri(task, rows)) and self._key(uri) is None}
        if uris:
            self._keep(await run_in_threadpool(self._index.known, list(uris)))
        new = {
            Asked(rows, uri): (task.id or 0, task.held[rows.control.data_key])
            for rows in own
            for task in tasks
            if (uri := _held(task, rows)) and rows.find(task.id, uri, self._key(_uri(task, rows))) is None
        }
        return await self._region_newcomers.look_at(new, self._patience.seconds(len(new))) if new else set()

    def _need(self, belief: ProjectBelief, tasks: Sequence[AskedTask]) -> _Need:
        need = _Need({}, {})
        for rows in belief.controls:
            for task in tasks:
                uri = _uri(task, rows)
                if not uri or rows.encoder is None or rows.needs_no_media(task.id):
                    continue
                key = self._key(uri)
                if key is None:
                    need.media.setdefault(Wanted(rows.encoder, rows.control.text, uri), task.id or 0)
                elif rows.model is not None and rows.of_content(task.id, key) is None:
                    need.contents.setdefault(rows, set()).add(key)
        return need

    def _shown_as(
        self, lacking: Mapping[ControlRows, set[str]], tasks: Sequence[AskedTask], texts: Mapping[str, str]
    ) -> dict[Wanted, int]:
        """Return what shows these contents, as `_Need.media` does."""
        found: dict[Wanted, int] = {}
        for rows, keys in lacking.items():
            for task in tasks:
                uri = _uri(task, rows)
                key = self._key(uri)
                if rows.encoder is None or key not in keys:
                    continue
                text = texts.get(key or "")
                wanted = (rows.control.text, uri) if text is None else (PLAIN, text)
                found[Wanted(rows.encoder, *wanted)] = task.id or 0
        return found

    def _believe(
        self, contents: Mapping[ControlRows, set[str]], texts: Mapping[str, str]
    ) -> dict[ControlRows, set[str]]:
        """Let the models believe about new contents; return those without an embedding."""
        lacking: dict[ControlRows, set[str]] = {}
        for rows, wanted in contents.items():
            keys = sorted(wanted)
            if rows.encoder is None:
                continue
            counter = self._encoders.counter(rows.encoder)
            if counter is not None:
                known = [key for key in keys if key in texts]
                rows.predict(known, counter.encode([texts[key] for key in known]))
            else:
                found, is_known = self._encoders.embeddings(rows.encoder, rows.width).get(keys)
                known = [key for key, is_there in zip(keys, is_known, strict=True) if is_there]
                rows.predict(known, found[is_known])
            if len(known) < len(keys):
                lacking[rows] = wanted.difference(known)
        return lacking

    def _key(self, uri: str) -> str | None:
        return key_of_mark(uri) or self._keys.get(uri)

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
            uri = _uri(task, rows)
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
            uri = _held(task, drawn)
            found = drawn.find(task.id, uri, self._key(_uri(task, drawn)))
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
        key = self._key(uri)
        return None if key is None else rows.of_content(task.id, key)


def _lost(rows: ControlRows | RegionRows, allowed: Allowed | None) -> frozenset[str]:
    """Return the labels that the config does not have any more."""
    return frozenset() if allowed is None else rows.labels - allowed.get(rows.control.name, frozenset())


def _is_shown(task: AskedTask, mode: PredictionsMode) -> bool:
    return mode == "all" or (mode == "labelled" and task.is_labeled)


def _uri(task: AskedTask, rows: ControlRows | RegionRows) -> str:
    value = task.data.get(rows.control.data_key)
    return str(value) if value else ""


def _held(task: AskedTask, rows: RegionRows) -> str:
    """Return what a task holds under a control's key, as a string; "" for nothing."""
    value = task.held.get(rows.control.data_key)
    return value if isinstance(value, str) else orjson.dumps(value).decode() if value else ""


def _nothing(request: PredictRequest, version: str, why: str | None) -> Any:
    """Return the result of a task without a prediction: a version of its own makes Label Studio ask again.

    Of an empty list Label Studio stores nothing, so that annotators see nothing of what is withheld from them. An
    interactive result is not stored but handed on to the page, which reads its `result`.
    """
    if why == "withheld" and not request.is_interactive:
        return []
    return {"result": [], "score": 0.0, "model_version": f"{version}-{why}" if why else version}
