from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from errata.jobs.child_process import ChildProcessQueue

WaitFor = Callable[..., None]
Command = Callable[[str], list[str]]


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[ChildProcessQueue]:
    queue = ChildProcessQueue(command, **options)
    queue.start()
    try:
        yield queue
    finally:
        queue.stop()


def test_a_job_is_run_with_name_and_project_at_low_priority(
    job_command: Command, tmp_path: Path, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    """The child gets the job's name and project, a low priority, and its lines are passed on to the log."""
    caplog.set_level(logging.INFO)
    command = job_command(
        "print('Encoding images: 5 of 10', flush=True)\n(folder / 'ran').write_text(f'{name} {project} {os.nice(0)}')"
    )
    with running(command) as queue:
        queue.submit("audit", 12)
        wait_for(lambda: not queue.states())
    assert (tmp_path / "ran").read_text() == "audit 12 15"
    assert "audit of project 12: Encoding images: 5 of 10" in [r.getMessage() for r in caplog.records]


def test_one_child_a_project_and_two_in_all(job_command: Command, tmp_path: Path, wait_for: WaitFor) -> None:
    """Six jobs of three projects, each asked for twice: of a name never two of one project run, nor three in all."""
    command = job_command(
        "mine = folder / f'{name}-{project}.run'\n"
        "mine.touch()\n"
        "others = [p.stem for p in folder.glob(f'{name}-*.run')]\n"
        "assert len(others) <= 2 and len({o.split('-')[1] for o in others}) == len(others), others\n"
        "time.sleep(0.3)\n"
        "mine.rename(mine.with_suffix('.done'))"
    )
    with running(command) as queue:
        for project_id in (1, 2, 3):
            queue.submit("audit", project_id)
            queue.submit("audit", project_id)
            queue.submit("verdicts", project_id)
        wait_for(lambda: len(list(tmp_path.glob("*.done"))) == 6)
        wait_for(lambda: not queue.states())


def test_a_job_that_dies_is_tried_again_until_it_is_done(
    job_command: Command, tmp_path: Path, wait_for: WaitFor
) -> None:
    """A child killed by SIGKILL, then one that fails, then one that works: the job ends well."""
    command = job_command(
        "tries = folder / 'tries'\n"
        "n = len(tries.read_text()) if tries.exists() else 0\n"
        "tries.write_text('x' * (n + 1))\n"
        "if n == 0: os.kill(os.getpid(), 9)\n"
        "sys.exit('Label Studio is down.' if n == 1 else 0)"
    )
    with running(command, retry_s=(0.01, 3600)) as queue:
        queue.submit("audit", 1)
        wait_for(lambda: [(s.problem, s.attempts) for s in queue.states()] == [("Label Studio is down.", 2)])
    (tmp_path / "tries").unlink()
    with running(command, retry_s=(0.01, 0.01)) as queue:
        queue.submit("audit", 1)
        wait_for(lambda: not queue.states())
    assert (tmp_path / "tries").read_text() == "xxx"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("print('ERRATA_PORT is wrong.'); sys.exit(2)", "ERRATA_PORT is wrong."),
        ("sys.exit(2)", "it ended with exit code 2 and said nothing"),
    ],
)
def test_wrong_input_is_not_tried_again(job_command: Command, wait_for: WaitFor, lines: str, problem: str) -> None:
    """Exit code 2 means that no second try can help: the job has failed, with its last line as the problem."""
    with running(job_command(lines)) as queue:
        queue.submit("audit", 1)
        wait_for(lambda: [(s.state, s.attempts, s.problem) for s in queue.states()] == [("failed", 1, problem)])


def test_a_job_that_hangs_is_ended(job_command: Command, wait_for: WaitFor) -> None:
    """A child that takes longer than it may is killed, and the problem says so."""
    limits = {"audit": 1.0, "verdicts": 1.0}
    with running(job_command("time.sleep(600)"), timeout_s=limits, retry_s=()) as queue:
        queue.submit("audit", 1)
        wait_for(lambda: [s.problem for s in queue.states()] == ["it took longer than 1 s"])


def test_a_program_that_is_missing_is_a_failed_job(tmp_path: Path, wait_for: WaitFor) -> None:
    """A child that cannot be started is a problem of its job, not the end of the queue."""
    with running([str(tmp_path / "nothing")], retry_s=()) as queue:
        queue.submit("audit", 1)
        wait_for(lambda: [s.problem for s in queue.states()] == ["it could not be started: No such file or directory"])


def test_stopping_ends_the_children_even_those_that_refuse(
    job_command: Command, tmp_path: Path, wait_for: WaitFor
) -> None:
    """After `stop` no child is left: SIGTERM first, SIGKILL once the grace is over."""
    command = job_command(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "(folder / 'pid.part').write_text(str(os.getpid())); os.rename(folder / 'pid.part', folder / 'pid')\n"
        "time.sleep(600)"
    )
    with running(command, grace_s=0.2) as queue:
        queue.submit("audit", 1)
        wait_for((tmp_path / "pid").exists)
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_children_end_when_their_parent_is_killed(
    job_command: Command, tmp_path: Path, wait_for: WaitFor, has_ended: Callable[[psutil.Process], bool]
) -> None:
    """SIGKILL of `errata serve` leaves no audit behind."""
    command = job_command(
        "(folder / 'pid.part').write_text(str(os.getpid())); os.rename(folder / 'pid.part', folder / 'pid')\n"
        "time.sleep(600)"
    )
    serve = (
        "import time\nfrom errata.jobs.child_process import ChildProcessQueue\n"
        f"queue = ChildProcessQueue({command!r})\nqueue.start()\nqueue.submit('audit', 1)\ntime.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", serve])
    wait_for((tmp_path / "pid").exists)
    child = psutil.Process(int((tmp_path / "pid").read_text()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    wait_for(lambda: has_ended(child))


def test_submitting_never_waits_for_a_job(job_command: Command, tmp_path: Path, wait_for: WaitFor) -> None:
    """A web request that submits is not held up while children start and run: none of them ends before it returns."""
    jobs = job_command("while not (folder / 'go').exists(): time.sleep(0.01)\n(folder / f'{project}.done').touch()")
    with running(jobs, retry_s=(), grace_s=0.2) as queue:
        for n in range(1000):
            queue.submit("verdicts", n % 20)
        wait_for(lambda: [s.state for s in queue.states()].count("running") == 2)
        for n in range(1000):
            queue.submit("verdicts", n % 20)
        assert not list(tmp_path.glob("*.done"))
        (tmp_path / "go").touch()
        wait_for(lambda: list(tmp_path.glob("*.done")))
