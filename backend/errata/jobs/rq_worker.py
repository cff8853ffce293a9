"""RQ's worker with what errata asks of it beyond RQ's own: one job a project, no leftovers, no secrets kept."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

import rq
from redis.exceptions import LockError
from redis.lock import Lock
from rq.executions import Execution
from rq.job import Job
from rq.scheduler import RQScheduler
from rq.timeouts import JobTimeoutException

from errata.errors import AuditRunning, ErrataError, UsageError
from errata.jobs.child import end_now, watch_parent

logger = logging.getLogger(__name__)

QUEUE = "errata"
NICENESS = 15
HEARTBEAT_S = 10  # a job is taken for abandoned a minute after its worker's last heartbeat (RQ adds 60 s)
MAINTENANCE_S = 30  # how often abandoned jobs are looked for
BUSY_S = 5  # how long a job waits before it looks again whether its project is free


class JobFailedError(ErrataError):
    """What RQ is told of an exception: a text that is safe to keep in Redis and in logs."""


class ErrataJob(Job):
    """A job whose failure says what errata says, and is not tried again where that cannot help."""

    def _execute(self) -> Any:
        self.meta["attempts"] = self.meta.get("attempts", 0) + 1
        self.save_meta()
        try:
            result = super()._execute()
        except JobTimeoutException:
            self.note(f"it took longer than {self.timeout} s")
        except ErrataError as error:
            if isinstance(error, UsageError) and not isinstance(error, AuditRunning):
                self.retries_left = 0
            self.note(str(error))
        except Exception as error:  # noqa: BLE001  the job boundary
            self.note(f"unexpected {type(error).__name__}")
        else:
            return result
        # Not "from error": what caused it may hold a cookie or a payload, and RQ keeps the whole traceback.
        raise JobFailedError(self.meta["problem"])

    def note(self, problem: str) -> None:
        """Keep what went wrong with the job."""
        self.meta["problem"] = problem
        self.save_meta()


class _Scheduler(RQScheduler):
    """RQ's scheduler process, which also ends when its worker was killed."""

    worker_pid = 0

    def work(self) -> None:
        watch_parent(self.worker_pid, self.request_stop)
        super().work()  # type: ignore[no-untyped-call]


class ProjectWorker(rq.Worker):
    """Runs at most one job of a project and name at a time, over all workers of one Redis."""

    def __init__(self, queues: Any, **options: Any) -> None:
        super().__init__(
            queues,
            job_class=ErrataJob,
            job_monitoring_interval=HEARTBEAT_S,
            maintenance_interval=MAINTENANCE_S,
            worker_ttl=MAINTENANCE_S + 15,  # RQ looks at its clock only when it waits for no job
            work_horse_killed_handler=_note_killed,
            **options,
        )
        self._worker_pid = os.getpid()
        self._held: Lock | None = None

    def execute_job(self, job: Job, queue: rq.Queue) -> None:
        """Run a job, or put it back for a moment where another one of its project and name runs."""
        name, project_id = job.args
        key = f"errata:project:{project_id}:{name}"
        held = self.connection.lock(key, timeout=HEARTBEAT_S + 60, thread_local=False)
        if not held.acquire(blocking=False):
            self._put_back(job, queue)
            return
        self._held = held
        try:
            super().execute_job(job, queue)
        finally:
            self._held = None
            with suppress(LockError):
                held.release()

    def maintain_heartbeats(self, job: Job, execution: Execution) -> None:
        """Also keep hold of the project."""
        super().maintain_heartbeats(job, execution)
        if self._held is not None:
            try:
                self._held.reacquire()
            except LockError:
                logger.warning("%s: the hold on its project was lost for a while", job.description)
                self._held.acquire(blocking=False)

    def main_work_horse(self, job: Job, queue: rq.Queue) -> None:
        """Also end with the worker, which RQ's own horses survive, and at low priority."""
        watch_parent(self._worker_pid, end_now)
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        super().main_work_horse(job, queue)

    def _put_back(self, job: Job, queue: rq.Queue) -> None:
        queue.schedule_job(job, datetime.now(timezone.utc) + timedelta(seconds=BUSY_S))
        self.connection.lrem(queue.intermediate_queue_key, 1, job.id)

    def _start_scheduler(self, burst: bool = False, *rest: Any, **options: Any) -> None:
        if burst:
            super()._start_scheduler(burst, *rest, **options)
            return
        self.scheduler = _Scheduler(self.queues, connection=self.connection, serializer=self.serializer)
        self.scheduler.worker_pid = self._worker_pid
        self.scheduler.acquire_locks()
        if self.scheduler.acquired_locks:
            self.scheduler.start()


def _note_killed(job: Job, _pid: int, status: int, _usage: Any) -> None:
    how = f"by signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "unexpectedly"
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        how += ", perhaps because memory ran out"
    if isinstance(job, ErrataJob):
        job.note(f"it was ended {how}")
