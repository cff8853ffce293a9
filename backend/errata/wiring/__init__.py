"""Puts adapters on ports: the only place that knows which use case runs on what."""

from __future__ import annotations

import logging

from errata.audit.progress import LineProgress
from errata.errors import SettingError
from errata.jobs.queue import JobName
from errata.settings import read_settings
from errata.store.purge import left_projects
from errata.wiring.auditing import Auditing
from errata.wiring.belief_options import BeliefOptions
from errata.wiring.connecting import Connecting
from errata.wiring.reviewing import Reviewing

__all__ = ["BeliefOptions", "Wiring", "do_job", "run_job"]

logger = logging.getLogger(__name__)


class Wiring(Auditing, Reviewing, Connecting):
    """errata's use cases on the adapters that the settings ask for; what is not needed is not opened."""

    def work(self) -> None:
        """Run jobs from Redis until told to stop."""
        if self.settings.redis_url is None:
            raise SettingError("ERRATA_REDIS_URL is not set; without Redis `errata serve` runs the jobs by itself.")
        from errata.jobs.rq_queue import work  # noqa: PLC0415 (only a worker needs Redis)

        work(self.settings.redis_url)


def run_job(name: JobName, project_id: int) -> None:
    """Run one job; what a child process or an RQ worker calls."""
    wiring = Wiring(read_settings())
    try:
        do_job(wiring, name, project_id)
    finally:
        wiring.close()


def do_job(wiring: Wiring, name: JobName, project_id: int) -> None:
    """Audit a project, or take its verdicts and apply them where the settings say so.

    Nothing is done where the project was disconnected while the job waited.

    Raises:
        ServiceError: Label Studio failed; what was done so far is written down.
    """
    if project_id in left_projects(wiring.engine):
        logger.info("project %d is not connected any more: no %s", project_id, name)
        return
    if name != "verdicts":
        wiring.audit(project_id, BeliefOptions(), LineProgress(print))
        return
    wiring.take_verdicts(project_id)
    if wiring.settings_of(project_id).apply == "auto":
        applied = wiring.apply(project_id, retry_refused=False)  # a person may, a job would for ever
        for conflict in applied.conflicts:
            logger.warning("project %d: task %d left alone: %s", project_id, conflict.change.task_id, conflict.why)
        if applied.stopped:
            raise applied.stopped
