"""What a job queue is, whoever runs the jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, Protocol, get_args

JobName = Literal["audit", "verdicts"]
"""`audit`: audit the project. `verdicts`: take its verdicts, and apply them where `ERRATA_APPLY` is `auto`.
A project's jobs of one name take turns; a long audit does not keep verdicts waiting."""

JOB_NAMES: tuple[JobName, ...] = get_args(JobName)
RETRY_S: tuple[float, ...] = (10, 60, 300)  # how long a job that failed waits before each new try
TIMEOUT_S: Mapping[JobName, int] = MappingProxyType({"audit": 6 * 3600, "verdicts": 3600})
PATIENCE = 10  # a job that is submitted again and again runs after at most this many times its delay


@dataclass(frozen=True, slots=True)
class JobState:
    """A job that waits, runs or has failed; one that ended well is no longer listed."""

    name: JobName
    project_id: int
    state: Literal["waiting", "running", "failed"]
    attempts: int  # how many times it was started
    since: datetime  # when it came into this state
    problem: str | None = None  # what went wrong the last time, in words


class Queue(Protocol):
    """Runs jobs outside the process that asks for them, at most one of a project and name at a time."""

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        """Ask for a job once `delay_s` have passed without being asked again. Returns at once.

        A job that waits already is not doubled; being asked for again postpones it to at most 10 x `delay_s`
        after the first time. One that runs gets one follower, since it may have read what has changed since.
        """

    def states(self) -> list[JobState]:
        """Return the jobs that wait, run or have failed.

        Raises:
            QueueUnreachable: the queue is elsewhere and cannot be reached.
        """
