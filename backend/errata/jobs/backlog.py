"""Which job is due: the rules of a queue as plain data, without threads or processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from errata.jobs.queue import PATIENCE, RETRY_S, JobName, JobState

Job = tuple[JobName, int]  # name, project


@dataclass(slots=True)
class _Waiting:
    due: float
    latest: float  # being asked for again never postpones it beyond this
    since: datetime
    attempts: int = 0
    problem: str | None = None  # of the try before: set where it waits to be tried again


@dataclass(slots=True)
class _Running:
    since: datetime
    attempts: int


class Backlog:
    """Jobs that wait, run and have failed. Not safe for threads: its owner locks.

    Args:
        clock: seconds that only go forward, `time.monotonic` as a rule.
        max_running: how many of each name may run.
    """

    def __init__(self, clock: Callable[[], float], *, retry_s: Sequence[float] = RETRY_S, max_running: int = 2) -> None:
        self._clock = clock
        self._retry_s = tuple(retry_s)
        self._max_running = max_running
        self._waiting: dict[Job, _Waiting] = {}
        self._running: dict[Job, _Running] = {}
        self._failed: dict[Job, JobState] = {}

    def submit(self, job: Job, delay_s: float) -> None:
        """Ask for a job; see `Queue.submit`. One that waits to be tried again keeps its time."""
        now = self._clock()
        waiting = self._waiting.get(job)
        if waiting is None:
            self._failed.pop(job, None)
            self._waiting[job] = _Waiting(now + delay_s, now + PATIENCE * delay_s, _wall())
        elif waiting.problem is None:
            waiting.latest = min(waiting.latest, now + PATIENCE * delay_s)
            waiting.due = min(now + delay_s, waiting.latest)

    def take(self) -> Job | None:
        """Start the job that has been due longest and whose project is free; None where there is none."""
        due = [item for item in self._startable() if item[0] <= self._clock()]
        if not due:
            return None
        job = min(due)[1]
        self._running[job] = _Running(_wall(), self._waiting.pop(job).attempts + 1)
        return job

    def wait_s(self) -> float | None:
        """Return the seconds until `take` may have one; None where only another event can change that."""
        return min((max(0.0, due - self._clock()) for due, _ in self._startable()), default=None)

    def settle(self, job: Job, problem: str | None, *, is_worth_retrying: bool = True) -> None:
        """Say how a running job ended: well (`problem` is None) or not, to be tried again later or not."""
        ran = self._running.pop(job)
        if problem is None:
            return
        follower = self._waiting.get(job)
        if not is_worth_retrying or ran.attempts > len(self._retry_s):
            if follower is None:
                self._failed[job] = JobState(*job, "failed", ran.attempts, _wall(), problem)
            return
        due = self._clock() + self._retry_s[ran.attempts - 1]
        self._waiting[job] = _Waiting(max(due, follower.due) if follower else due, due, _wall(), ran.attempts, problem)

    def states(self) -> list[JobState]:
        """Return every job, the running ones first."""
        running = [JobState(*job, "running", ran.attempts, ran.since) for job, ran in self._running.items()]
        waiting = [
            JobState(*job, "waiting", one.attempts, one.since, one.problem) for job, one in self._waiting.items()
        ]
        return [*running, *waiting, *self._failed.values()]

    def _startable(self) -> list[tuple[float, Job]]:
        n_running = Counter(name for name, _ in self._running)
        return [
            (one.due, job)
            for job, one in self._waiting.items()
            if job not in self._running and n_running[job[0]] < self._max_running
        ]


def _wall() -> datetime:
    return datetime.now(timezone.utc)
