"""Programs that stand in for `errata job`: what a queue runs is theirs, how it runs them is ours."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from redis import Redis


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object], float], None]:
    """Wait for a condition, never for a time."""

    def wait(condition: Callable[[], object], timeout_s: float = 180.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.01)

    return wait


@pytest.fixture
def has_ended() -> Callable[[psutil.Process], bool]:
    """Tell whether a process is gone, or waits only for somebody to ask how it ended."""

    def ended(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    return ended


@pytest.fixture
def job_command(tmp_path: Path) -> Callable[[str], list[str]]:
    """Make a command of Python lines; `name`, `project` and `folder` are theirs to use."""

    def make(lines: str) -> list[str]:
        program = tmp_path / "job.py"
        program.write_text(
            "import os, pathlib, sys, time\n"
            "from errata.jobs.child import end_with_parent\n"
            "end_with_parent()\n"
            f"name, project, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path({str(tmp_path)!r})\n{lines}\n"
        )
        return [sys.executable, str(program)]

    return make


@pytest.fixture
def redis_server(redis_url: str) -> str:
    """The test run's Redis, empty; returns its address."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    return redis_url
