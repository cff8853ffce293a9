"""Finds projects whose audit is due while no webhook told of it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Protocol

from errata.errors import ErrataError
from errata.jobs.queue import Queue
from errata.review.records import AuditRecord

logger = logging.getLogger(__name__)

FIRST_AFTER = timedelta(minutes=5)  # whoever has just connected a project may want to audit it themselves
AGAIN_AFTER = timedelta(hours=1)  # what failed, or was asked for in vain, is not asked for again before


class Audits(Protocol):
    """What is known of audits: `store.audits.AuditStore` is one."""

    def last(self, project_id: int) -> AuditRecord | None:
        """Return the latest audit, None before the first."""

    def last_good(self, project_id: int) -> AuditRecord | None:
        """Return the latest audit that ended well."""

    def is_running(self, project_id: int) -> bool:
        """Say whether a process audits the project now."""


class Labels(Protocol):
    """What tells of changed labels: `labelstudio.changes.LabelChanges` is one."""

    def have_changed(self, project_id: int, since: str) -> bool:
        """Say whether labels have changed after `since`, a time as Label Studio writes it."""


class DueAudits:
    """Asks for the audits that are due.

    Due is an audit that died, at once; one that failed, after an hour, where labels have changed since the last good
    one or there is none; the first one, five minutes after the project was first seen; else where labels have changed.

    Args:
        sources: returns the ids of the projects to look at.
        delay_s: as for the audit after a webhook.
        clock: the time, with its zone.
    """

    def __init__(
        self,
        queue: Queue,
        audits: Audits,
        labels: Labels,
        sources: Callable[[], Iterable[int]],
        delay_s: float,
        clock: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self._queue = queue
        self._audits = audits
        self._labels = labels
        self._sources = sources
        self._delay_s = delay_s
        self._clock = clock
        self._first_seen: dict[int, datetime] = {}
        self._asked: dict[int, tuple[int | None, datetime]] = {}  # project -> last audit then, and when

    def look(self) -> None:
        """Look at each project once."""
        for project_id in sorted(self._sources()):
            try:
                if self._is_due(project_id) and not self._audits.is_running(project_id):
                    last = self._audits.last(project_id)
                    self._asked[project_id] = (last.id if last else None, self._clock())
                    self._queue.submit("audit", project_id, self._delay_s)
            except ErrataError as error:
                logger.warning("project %d: %s", project_id, error)

    def _is_due(self, project_id: int) -> bool:
        now, last = self._clock(), self._audits.last(project_id)
        asked_at, asked = self._asked.get(project_id, (None, None))
        if asked and asked_at == (last.id if last else None) and now - asked < AGAIN_AFTER:
            return False
        if last is None:
            return now - self._first_seen.setdefault(project_id, now) >= FIRST_AFTER
        if last.finished_at is None:
            return True
        if last.problem and now - last.finished_at < AGAIN_AFTER:
            return False
        good = self._audits.last_good(project_id)
        if good is None:
            return True
        newest = good.summary.get("newest_change")
        return newest is not None and self._labels.have_changed(project_id, str(newest))
