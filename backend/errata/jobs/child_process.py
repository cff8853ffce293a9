"""Jobs as child processes of `errata serve`, at low priority."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence

from errata.jobs.backlog import Backlog, Job
from errata.jobs.queue import RETRY_S, TIMEOUT_S, JobName, JobState

logger = logging.getLogger(__name__)

N_LINES_KEPT = 20
LONGEST_PROBLEM = 300
WRONG_USE = 2  # the exit code of what no second try can mend
NICENESS = 15


class ChildProcessQueue:
    """Starts `errata job NAME PROJECT_ID` for each job: one a project and name, two in all of a name.

    What waits is in memory. What a crash loses is found again by polling.

    Args:
        command: what is started, the job's name and project being added.
        retry_s: how long a job that failed waits before each new try.
        timeout_s: the longest that a job may run.
        grace_s: how long children may take to end when the queue stops.
    """

    def __init__(
        self,
        command: Sequence[str] = (sys.executable, "-m", "errata", "job"),
        *,
        retry_s: Sequence[float] = RETRY_S,
        timeout_s: Mapping[JobName, float] = TIMEOUT_S,
        max_children: int = 2,
        grace_s: float = 10.0,
    ) -> None:
        self._command = tuple(command)
        self._timeout_s = timeout_s
        self._grace_s = grace_s
        self._backlog = Backlog(time.monotonic, retry_s=retry_s, max_running=max_children)
        self._changed = threading.Condition()
        self._is_stopping = False
        self._children: dict[Job, tuple[subprocess.Popen[str], threading.Thread]] = {}
        self._dispatcher = threading.Thread(target=self._dispatch, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to run jobs."""
        self._dispatcher.start()

    def stop(self) -> None:
        """End the children, and wait until they are gone."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify_all()
        if self._dispatcher.is_alive():
            self._dispatcher.join()
        with self._changed:
            children = list(self._children.values())
        for process, _ in children:
            process.terminate()
        deadline = time.monotonic() + self._grace_s
        for process, watcher in children:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
            watcher.join()

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        """See `Queue.submit`."""
        with self._changed:
            self._backlog.submit((name, project_id), delay_s)
            self._changed.notify_all()

    def states(self) -> list[JobState]:
        """See `Queue.states`."""
        with self._changed:
            return self._backlog.states()

    def _dispatch(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._spawn(job)
            except OSError as error:
                self._settle(job, f"it could not be started: {error.strerror}")

    def _next(self) -> Job | None:
        """Wait for a job that is due; None once the queue stops."""
        with self._changed:
            while not self._is_stopping:
                job = self._backlog.take()
                if job is not None:
                    return job
                self._changed.wait(self._backlog.wait_s())
        return None

    def _spawn(self, job: Job) -> None:
        name, project_id = job
        process = subprocess.Popen(
            [*self._command, name, str(project_id)],
            stdin=subprocess.PIPE,  # nothing is written to it: it closes with this process, see child.py
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=os.environ | _computing_threads(),
        )
        _lower_priority(process.pid)
        watcher = threading.Thread(target=self._watch, args=(job, process), name=f"job {name} {project_id}")
        with self._changed:
            self._children[job] = (process, watcher)
        watcher.start()

    def _watch(self, job: Job, process: subprocess.Popen[str]) -> None:
        """Pass on what a child says until it ends, and settle its job."""
        out_of_time = threading.Event()

        def end() -> None:
            out_of_time.set()
            process.kill()

        timer = threading.Timer(self._timeout_s[job[0]], end)
        timer.daemon = True
        timer.start()
        lines: deque[str] = deque(maxlen=N_LINES_KEPT)
        with process:
            for line in process.stdout or ():
                if text := line.strip():
                    lines.append(text)
                    logger.info("%s of project %d: %s", *job, text)
        timer.cancel()
        if out_of_time.is_set():
            self._settle(job, f"it took longer than {self._timeout_s[job[0]]:.0f} s")
        else:
            self._settle(job, _problem(process.returncode, lines), process.returncode)

    def _settle(self, job: Job, problem: str | None, code: int = 1) -> None:
        with self._changed:
            self._children.pop(job, None)
            self._backlog.settle(job, problem, is_worth_retrying=code != WRONG_USE)
            if problem and not self._is_stopping:
                logger.warning("%s of project %d failed: %s", *job, problem)
            self._changed.notify_all()


def _problem(code: int, lines: Sequence[str]) -> str | None:
    if code == 0:
        return None
    if code < 0:
        return f"it was ended by signal {-code}"
    return lines[-1][:LONGEST_PROBLEM] if lines else f"it ended with exit code {code} and said nothing"


def _computing_threads() -> dict[str, str]:
    """Leave a core to the web process: a low priority alone does not, where numpy's threads spin on all of them."""
    n_threads = str(max(1, (os.cpu_count() or 1) - 1))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: n_threads for name in names if name not in os.environ}


def _lower_priority(pid: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    except ProcessLookupError:
        return  # it has ended already
