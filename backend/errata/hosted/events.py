"""What follows from Label Studio's events where label-studio-ml takes them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Any

from errata.jobs.queue import JobName, JobState
from errata.serving import StoredProjects
from errata.settings import Settings, read_settings
from errata.web.projects import ProjectBook
from errata.web.webhook import Webhooks, project_of
from errata.wiring import Wiring

if TYPE_CHECKING:
    from errata.jobs.rq_queue import RedisQueue

logger = logging.getLogger(__name__)


def take_event(payload: Mapping[str, Any]) -> None:
    """Ask for the job that an event calls for, as `errata serve` would.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    settings = read_settings()
    project_id = project_of(payload)
    with closing(Wiring(settings)) as wiring:
        book = ProjectBook(StoredProjects(wiring))
        book.refresh()
        if project_id is not None:
            book.attach(project_id)  # Label Studio tells of a project only where this backend was attached to it
        queue = open_queue(settings)
        queue.start()
        try:
            Webhooks(queue, book, settings.audit_delay_s).take(payload)
        finally:
            queue.stop()


def open_queue(settings: Settings) -> RedisQueue | NobodysQueue:
    """Return where jobs go: to Redis, or nowhere, since label-studio-ml's processes cannot run audits."""
    if settings.redis_url is None:
        return NobodysQueue()
    from errata.jobs.rq_queue import RedisQueue  # noqa: PLC0415 (only where there is Redis)

    return RedisQueue(settings.redis_url)


class NobodysQueue:
    """Says what would have to be done, where nobody does it."""

    def start(self) -> None:
        """Nothing begins."""

    def stop(self) -> None:
        """Nothing ends."""

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        """Log it; see `Queue.submit`. As an error: label-studio-ml shows nothing less."""
        logger.error(
            "project %d: %s is due; run `errata audit %d`, or set ERRATA_REDIS_URL and run `errata worker`.",
            project_id,
            "taking verdicts" if name == "verdicts" else "an audit",
            project_id,
        )

    def states(self) -> list[JobState]:
        """Return nothing; see `Queue.states`."""
        return []
