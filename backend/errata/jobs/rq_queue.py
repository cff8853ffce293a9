"""Jobs by RQ on Redis: for `errata worker`, on this machine or others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import rq
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.registry import FailedJobRegistry, ScheduledJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from errata.errors import QueueUnreachable, SettingError
from errata.jobs.queue import JOB_NAMES, PATIENCE, RETRY_S, TIMEOUT_S, JobName, JobState
from errata.jobs.rq_worker import QUEUE, ErrataJob, ProjectWorker

logger = logging.getLogger(__name__)

RUN_JOB = "errata.wiring.run_job"
SLOTS = ("a", "b")  # a job that runs and the one that follows it need different ids
FAILURES_KEPT_S = 7 * 24 * 3600
LONGEST_PAUSE_S = 30.0
WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULED, JobStatus.DEFERRED)


class RedisQueue:
    """Hands jobs to RQ. What is submitted while Redis is down waits in memory.

    Several processes may use one Redis database, but all for one Label Studio: jobs are known by project id.

    Args:
        redis_url: as redis-py reads it; it is never shown, since it may hold a password.
        run: the function that workers import and call with the job's name and project id.
        retry_s: how long a job that failed waits before each new try, in whole seconds.
    """

    def __init__(
        self,
        redis_url: str,
        *,
        run: str = RUN_JOB,
        retry_s: Sequence[float] = RETRY_S,
        timeout_s: Mapping[JobName, int] = TIMEOUT_S,
    ) -> None:
        self._where = _where(redis_url)
        self._redis = _connection(redis_url, socket_connect_timeout=2, socket_timeout=5)
        self._queue = rq.Queue(QUEUE, connection=self._redis, serializer=JSONSerializer, job_class=ErrataJob)
        self._run = run
        self._retry_s = [int(seconds) for seconds in retry_s]
        self._timeout_s = timeout_s
        self._submitted: dict[tuple[JobName, int], float] = {}
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._hand_over, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to hand over what is submitted."""
        self._thread.start()

    def stop(self) -> None:
        """Hand over what is left, unless Redis is down, and end."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._redis.close()

    def check(self) -> None:
        """Ask Redis whether it is there.

        Raises:
            QueueUnreachable: it is not.
        """
        try:
            self._redis.ping()
        except RedisError as error:
            raise self._unreachable(error) from error

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        """See `Queue.submit`. Another thread talks to Redis."""
        with self._changed:
            self._submitted[name, project_id] = min(delay_s, self._submitted.get((name, project_id), delay_s))
            self._changed.notify_all()

    def states(self) -> list[JobState]:
        """See `Queue.states`."""
        try:
            jobs = Job.fetch_many(self._job_ids(), connection=self._redis, serializer=JSONSerializer)
        except RedisError as error:
            raise self._unreachable(error) from error
        states = [self._state(job) for job in jobs if job is not None]
        return [state for state in states if state is not None]

    def workers(self) -> list[str]:
        """Return the hosts of the workers that are alive, one a worker.

        Raises:
            QueueUnreachable: Redis cannot be reached.
        """
        try:
            alive = rq.Worker.all(queue=self._queue)
        except RedisError as error:
            raise self._unreachable(error) from error
        return sorted(str(worker.hostname or "?") for worker in alive)

    def _job_ids(self) -> list[str]:
        """Read the queue and its registries at one moment: a job that moves between two reads would be in none."""
        registries = (ScheduledJobRegistry(queue=self._queue), FailedJobRegistry(queue=self._queue))
        started = StartedJobRegistry(queue=self._queue)
        with self._redis.pipeline(transaction=True) as moment:
            moment.zrange(started.key, 0, -1)
            moment.lrange(self._queue.key, 0, -1)
            moment.lrange(self._queue.intermediate_queue_key, 0, -1)
            for registry in registries:
                moment.zrange(registry.key, 0, -1)
            running, *others = moment.execute()
        ids = [started.parse_job_id(entry) for entry in running]
        ids += [entry.decode() for entries in others for entry in entries]
        return list(dict.fromkeys(ids))

    def _state(self, job: Job) -> JobState | None:
        name, project_id = job.args
        status = job.get_status(refresh=False)
        if name not in JOB_NAMES or status in (JobStatus.FINISHED, JobStatus.CANCELED):
            return None
        attempts, problem = job.meta.get("attempts", 0), job.meta.get("problem")
        since = _utc(job.enqueued_at or job.created_at)
        if status == JobStatus.STARTED:
            return JobState(name, project_id, "running", attempts, _utc(job.started_at or since))
        if status in WAITING:
            return JobState(name, project_id, "waiting", attempts, since, problem)
        ended = _utc(job.ended_at or since)
        return JobState(name, project_id, "failed", attempts, ended, problem or "its worker died")

    def _unreachable(self, error: RedisError) -> QueueUnreachable:
        return QueueUnreachable(
            f"Redis at {self._where} cannot be used ({type(error).__name__}); start it, or set ERRATA_REDIS_URL right."
        )

    def _hand_over(self) -> None:
        pause_s = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopping or self._submitted)
                if pause_s:
                    self._changed.wait_for(lambda: self._is_stopping, pause_s)
                submitted, self._submitted = self._submitted, {}
            try:
                while submitted:
                    (name, project_id), delay_s = next(iter(submitted.items()))
                    self._try(name, project_id, delay_s)
                    del submitted[name, project_id]
                pause_s = 0.0
            except RedisError as error:
                if not pause_s:
                    logger.warning("%s Jobs wait in memory until then.", self._unreachable(error))
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s or 0.5)
                with self._changed:
                    self._submitted = {**submitted, **self._submitted}
            if self._is_stopping:
                return

    def _try(self, name: JobName, project_id: int, delay_s: float) -> None:
        try:
            self._enqueue(name, project_id, delay_s)
        except RedisError:
            raise
        except Exception as error:  # noqa: BLE001  a thread's boundary; its text may hold what no log may
            logger.error("%s of project %d was not asked for: unexpected %s", name, project_id, type(error).__name__)

    def _enqueue(self, name: JobName, project_id: int, delay_s: float) -> None:
        """Put a job into RQ unless it waits there already."""
        with self._redis.lock(f"errata:submit:{name}:{project_id}", timeout=10, blocking_timeout=5):
            slots = {f"{name}-{project_id}-{slot}": self._fetch(f"{name}-{project_id}-{slot}") for slot in SLOTS}
            for job in slots.values():
                if job is not None and job.get_status(refresh=False) in WAITING:
                    self._postpone(job, delay_s)
                    return
            for job_id, job in slots.items():
                if job is None or job.get_status(refresh=False) != JobStatus.STARTED:
                    if job is not None:
                        job.delete()
                    self._place(job_id, name, project_id, delay_s)
                    return
        # Both are called started: one was abandoned by a worker that died, and RQ will start it again.

    def _place(self, job_id: str, name: JobName, project_id: int, delay_s: float) -> None:
        job = self._queue.create_job(
            self._run,
            args=(name, project_id),
            job_id=job_id,
            description=f"{name} of project {project_id}",
            timeout=int(self._timeout_s[name]),
            result_ttl=0,
            failure_ttl=FAILURES_KEPT_S,
            meta={"latest": time.time() + PATIENCE * delay_s, "problem": None},
            retry=rq.Retry(max=len(self._retry_s), interval=self._retry_s),
        )
        if delay_s > 0:
            self._queue.schedule_job(job, datetime.now(timezone.utc) + timedelta(seconds=delay_s))
        else:
            self._queue.enqueue_job(job)

    def _postpone(self, job: Job, delay_s: float) -> None:
        """Move the time of a job that was asked for again; one that waits to be tried again keeps it."""
        if job.get_status(refresh=False) != JobStatus.SCHEDULED or job.meta.get("problem"):
            return
        now = time.time()
        latest = min(job.meta["latest"], now + PATIENCE * delay_s)
        registry = ScheduledJobRegistry(queue=self._queue)
        self._redis.zadd(registry.key, {job.id: int(min(now + delay_s, latest))}, xx=True)
        job.meta["latest"] = latest
        job.save_meta()

    def _fetch(self, job_id: str) -> Job | None:
        with suppress(NoSuchJobError):
            return ErrataJob.fetch(job_id, connection=self._redis, serializer=JSONSerializer)
        return None


def work(redis_url: str, burst: bool = False) -> None:
    """Do jobs until told to stop (SIGTERM lets the one that runs end), or, with `burst`, until none is left.

    Raises:
        QueueUnreachable: Redis cannot be reached.
        SettingError: the address cannot be read.
    """
    RedisQueue(redis_url).check()
    worker = ProjectWorker([QUEUE], connection=_connection(redis_url), serializer=JSONSerializer)
    worker.work(burst=burst, with_scheduler=True)


def _connection(redis_url: str, **options: Any) -> Redis:
    try:
        return Redis.from_url(redis_url, **options)
    except ValueError as error:
        raise SettingError(
            "ERRATA_REDIS_URL is wrong because it is no Redis address; write redis://HOST:PORT/NUMBER."
        ) from error


def _where(redis_url: str) -> str:
    """Return host and port of the address, which may also hold a password."""
    try:
        parts = urlsplit(redis_url)
        return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else "its socket"
    except ValueError:
        return "its address"


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
