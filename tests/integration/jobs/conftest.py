"""Programs that stand in for `errata job`: what a queue runs is theirs, how it runs them is ours."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object], float], None]:
    """Wait for a condition, never for a time."""

    def wait(condition: Callable[[], object], timeout_s: float = 20.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true in time"
            time.sleep(0.01)

    return wait


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
def redis_server(tmp_path: Path) -> Iterator[str]:
    """A redis-server of this test's own; yields its address."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    url = f"redis://127.0.0.1:{port}/0"
    try:
        with Redis.from_url(url) as redis:
            deadline = time.monotonic() + 20
            while True:
                try:
                    redis.ping()
                    break
                except RedisConnectionError:
                    assert time.monotonic() < deadline, "redis-server did not start"
                    time.sleep(0.02)
        yield url
    finally:
        process.kill()
        process.wait()
