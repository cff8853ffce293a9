"""Which projects errata looks after, as a snapshot that requests can read without SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from errata.jobs.periodic import Periodic
from errata.settings import PredictionsMode

REFRESH_S = 5.0
MOST_ATTACHED = 1_000


@dataclass(frozen=True, slots=True)
class KnownProjects:
    """The projects that were connected or audited.

    Attributes:
        sources: ids of source projects.
        source_of_review: review project id -> source project id.
        disconnected: ids of those that errata is to leave alone.
        attached_by_errata: ids of those whose ML backend entry errata itself made.
        predictions: which tasks get predictions, for those that were connected with a word about it.
    """

    sources: frozenset[int] = frozenset()
    source_of_review: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    disconnected: frozenset[int] = frozenset()
    attached_by_errata: frozenset[int] = frozenset()
    predictions: Mapping[int, PredictionsMode] = field(default_factory=lambda: MappingProxyType({}))


class Projects(Protocol):
    """Where errata has written down which projects it looks after."""

    def read(self) -> KnownProjects:
        """Return them all. Called by a thread, never by a request."""


class ProjectBook:
    """The snapshot, refreshed by a thread, and the projects that attached errata in Label Studio's own form."""

    def __init__(self, projects: Projects, *, refresh_s: float = REFRESH_S) -> None:
        self._projects = projects
        self._known = KnownProjects()
        self._attached: frozenset[int] = frozenset()
        self._thread = Periodic("reading the list of projects", self.refresh, refresh_s)

    def start(self) -> None:
        """Begin to refresh."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._thread.stop()

    def attach(self, project_id: int) -> None:
        """Remember that Label Studio set errata up as the project's ML backend."""
        if project_id not in self._attached and len(self._attached) < MOST_ATTACHED:
            self._attached |= {project_id}

    def is_source(self, project_id: int) -> bool:
        """Say whether label changes of the project are to be audited."""
        return project_id in self._known.sources or project_id in self.attached()

    def attached(self) -> frozenset[int]:
        """Return the source projects that Label Studio itself has asked for since the start."""
        return self._attached - self._known.disconnected - frozenset(self._known.source_of_review)

    def is_known(self, project_id: int) -> bool:
        """Say whether the project was connected when the list was last read."""
        return project_id in self._known.sources or project_id in self._known.predictions

    def is_attached_by_errata(self, project_id: int) -> bool:
        """Say whether errata made the project's ML backend entry, and nobody did in Label Studio's own form."""
        return project_id in self._known.attached_by_errata

    def predictions(self, project_id: int) -> PredictionsMode | None:
        """Return which tasks get predictions as the project's own settings have it, None where they do not say."""
        return self._known.predictions.get(project_id)

    def source_of_review(self, project_id: int) -> int | None:
        """Return whose review project this is, None where it is none."""
        return self._known.source_of_review.get(project_id)

    def sources(self) -> frozenset[int]:
        """Return the ids of the source projects, as last read."""
        return self._known.sources

    def refresh(self) -> None:
        """Read the list now."""
        self._known = self._projects.read()
