"""Keeps the active belief of each project in memory; a thread loads, requests only look."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

from errata.audit.ports import Artefacts
from errata.errors import ErrataError
from errata.jobs.periodic import Periodic
from errata.web.belief import ProjectBelief

logger = logging.getLogger(__name__)

POLL_S = 1.0
MAX_PROJECTS = 16


@dataclass(slots=True)
class _Entry:
    """What is known of one project. Replaced fields are read without a lock: each is one reference."""

    version: str | None = None  # what will be served as soon as it is loaded, or is served
    belief: ProjectBelief | None = None
    problem: str | None = None
    seen: Future[None] = field(default_factory=Future)  # done once the version is known
    loaded: Future[None] = field(default_factory=Future)  # done once the belief is there, if there is one


class Beliefs:
    """The active belief of each project that Label Studio asks about.

    Args:
        artefacts: where audits leave their beliefs; asked by the loading thread only.
        max_projects: how many are kept; the one not asked about for longest goes first.
    """

    def __init__(self, artefacts: Artefacts, *, poll_s: float = POLL_S, max_projects: int = MAX_PROJECTS) -> None:
        self._artefacts = artefacts
        self._max_projects = max_projects
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._thread = Periodic("loading beliefs", self._refresh, poll_s)

    def start(self) -> None:
        """Begin to look for new artefacts."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def preload(self, project_ids: Iterable[int]) -> None:
        """Load these as well, as far as there is room."""
        for project_id in list(project_ids)[: self._max_projects]:
            self._entry(project_id)

    async def version(self, project_id: int, timeout_s: float) -> str | None:
        """Return the version that is, or is about to be, served; waits until it has been looked up once."""
        entry = self._entry(project_id)
        await _wait(entry.seen, timeout_s)
        return entry.version

    async def belief(self, project_id: int, timeout_s: float) -> ProjectBelief | None:
        """Return what is served, None before the first audit; waits until it has been loaded once."""
        entry = self._entry(project_id)
        await _wait(entry.loaded, timeout_s)
        return entry.belief

    def served(self) -> dict[int, ProjectBelief]:
        """Return the beliefs that are in memory, by project."""
        with self._lock:
            return {project_id: entry.belief for project_id, entry in self._entries.items() if entry.belief}

    def _entry(self, project_id: int) -> _Entry:
        with self._lock:
            entry = self._entries.get(project_id)
            if entry is not None:
                self._entries.move_to_end(project_id)
                return entry
            entry = self._entries[project_id] = _Entry()
            if len(self._entries) > self._max_projects:
                _, evicted = self._entries.popitem(last=False)
                _finish(evicted)
        self._thread.wake()
        return entry

    def _refresh(self) -> None:
        with self._lock:
            entries = list(self._entries.items())
        for project_id, entry in entries:
            try:
                self._look(project_id, entry)
                problem = None
            except ErrataError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001  one project's damage is not the others'
                problem = f"its model cannot be loaded: unexpected {type(error).__name__}"
            if problem:
                entry.version = entry.belief.version if entry.belief else None
                if problem != entry.problem:
                    logger.warning("project %d: %s", project_id, problem)
            entry.problem = problem
            _finish(entry)

    def _look(self, project_id: int, entry: _Entry) -> None:
        active = self._artefacts.active(project_id)
        if active is None:
            entry.version = entry.belief = None
        elif entry.belief is None or entry.belief.version != active:
            if entry.belief is None:
                entry.version = active
                _set(entry.seen)
            entry.belief = ProjectBelief(self._artefacts.load(project_id, active))
            entry.version = entry.belief.version
            logger.info("project %d: serving %s", project_id, entry.version)


def _finish(entry: _Entry) -> None:
    _set(entry.seen)
    _set(entry.loaded)


def _set(future: Future[None]) -> None:
    with suppress(InvalidStateError):  # requests evict entries while the thread fills them
        future.set_result(None)


async def _wait(future: Future[None], timeout_s: float) -> None:
    if not future.done():
        await asyncio.wait([asyncio.wrap_future(future)], timeout=timeout_s)
