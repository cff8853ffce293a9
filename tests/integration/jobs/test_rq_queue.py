from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis
from rq import Queue as PlainQueue
from rq.registry import ScheduledJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer

from errata.errors import QueueUnreachable, SettingError
from errata.jobs.queue import JobState
from errata.jobs.rq_queue import RedisQueue, work

WaitFor = Callable[..., None]
Worker = Callable[..., "subprocess.Popen[str]"]


@contextmanager
def handing_over(url: str, **options: Any) -> Iterator[RedisQueue]:
    queue = RedisQueue(url, run="jobs_of_this_test.run", **options)
    queue.start()
    try:
        yield queue
    finally:
        queue.stop()


@pytest.fixture
def worker(redis_server: str, tmp_path: Path) -> Iterator[Worker]:
    """Start `errata worker` as a process whose jobs are the given Python lines; end it with all it started."""
    started: list[subprocess.Popen[str]] = []

    def start(lines: str, *, burst: bool = False, before: str = "") -> subprocess.Popen[str]:
        (tmp_path / "jobs_of_this_test.py").write_text(
            "import os, pathlib, sys, time\n"
            "from errata.errors import LabelStudioUnreachable, NothingToLearn\n"
            f"folder = pathlib.Path({str(tmp_path)!r})\n"
            "def run(name, project):\n" + "".join(f"    {line}\n" for line in lines.splitlines())
        )
        imports = f"{before}\nfrom errata.jobs.rq_queue import work"
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                f"import logging; logging.basicConfig(level='INFO')\n{imports}; work({redis_server!r}, burst={burst})",
            ],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        for one in (process, *below):
            with suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
                one.kill()
        process.communicate()


def problems(queue: RedisQueue) -> list[tuple[str, str | None]]:
    return [(state.state, state.problem) for state in queue.states()]


def forget_heartbeats(redis: Redis, queue: PlainQueue) -> None:
    """Do what a minute without heartbeats does."""
    registry = StartedJobRegistry(queue=queue)
    for entry in redis.zrange(registry.key, 0, -1):
        redis.zadd(registry.key, {entry: time.time() - 1})
    for key in redis.keys("errata:project:*"):
        redis.delete(key)


def let_an_hour_pass(redis: Redis, queue: PlainQueue) -> None:
    """Make what waits for its time due: RQ's scheduler sees to it."""
    registry = ScheduledJobRegistry(queue=queue)
    for entry in redis.zrange(registry.key, 0, -1):
        redis.zadd(registry.key, {entry: 1}, xx=True)


def test_a_worker_does_what_was_submitted(redis_server: str, worker: Worker, tmp_path: Path, wait_for: WaitFor) -> None:
    """Name and project reach the job, at low priority; one that ended well is no longer listed."""
    with handing_over(redis_server) as queue:
        queue.submit("audit", 12)
        wait_for(lambda: [(s.name, s.project_id, s.state) for s in queue.states()] == [("audit", 12, "waiting")])
        worker("(folder / 'ran').write_text(f'{name} {project} {os.nice(0)}')")
        wait_for(lambda: not queue.states())
    assert (tmp_path / "ran").read_text() == "audit 12 15"


def test_workers_that_are_alive_are_listed(
    redis_server: str, worker: Worker, tmp_path: Path, wait_for: WaitFor
) -> None:
    """One entry a worker, with the host that it is on; none once it has ended."""
    with handing_over(redis_server) as queue:
        assert queue.workers() == []
        process = worker("(folder / 'ran').touch()")
        wait_for(lambda: queue.workers() == [socket.gethostname()])
        queue.submit("audit", 1)
        wait_for((tmp_path / "ran").exists)  # a signal that comes before its handler would only kill it
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: queue.workers() == [])
    with pytest.raises(QueueUnreachable):
        RedisQueue("redis://127.0.0.1:1").workers()


def test_submissions_of_several_processes_coalesce(redis_server: str, wait_for: WaitFor) -> None:
    """Three `errata serve` that hear of the same changes leave one job of each kind."""
    with handing_over(redis_server) as one, handing_over(redis_server) as two, handing_over(redis_server) as three:
        for _ in range(50):
            for queue in (one, two, three):
                queue.submit("audit", 1, 60)
                queue.submit("verdicts", 1)
    with handing_over(redis_server) as queue:
        found = [(state.name, state.state) for state in queue.states()]
    assert sorted(found) == [("audit", "waiting"), ("verdicts", "waiting")]


def test_being_asked_again_postpones_up_to_a_bound(redis_server: str, wait_for: WaitFor) -> None:
    """The time of a job that waits moves with each request, never beyond ten delays, and forward when urgent."""
    redis = Redis.from_url(redis_server)
    registry = ScheduledJobRegistry("errata", connection=redis, serializer=JSONSerializer)

    def due() -> float | None:
        return redis.zscore(registry.key, "audit-1-a")

    def ask(delay_s: float) -> tuple[float, float, float]:
        """Return when it was asked for at the earliest, when it is due, and when it was asked for at the latest."""
        began = time.time()
        with handing_over(redis_server) as queue:
            queue.submit("audit", 1, delay_s)
        found = due()
        assert found is not None
        return began - 1, found, time.time()  # RQ counts whole seconds

    first, at, last = ask(10)
    assert first + 10 <= at <= last + 10
    began, at, ended = ask(60)
    assert began + 60 <= at <= ended + 60
    _, at, _ = ask(1000)
    assert first + 100 <= at <= last + 100
    began, urgent, ended = ask(0)
    assert began <= urgent <= ended
    _, at, _ = ask(60)
    assert first <= at <= ended
    redis.close()


def test_a_job_that_moves_is_seen(redis_server: str, wait_for: WaitFor) -> None:
    """However often RQ's scheduler moves a job between its queue and the waiting room, it is listed at each look."""
    redis = Redis.from_url(redis_server)
    registry = ScheduledJobRegistry("errata", connection=redis, serializer=JSONSerializer)
    done = threading.Event()

    def move() -> None:
        while not done.is_set():
            with redis.pipeline() as forth:
                forth.zrem(registry.key, "audit-1-a").rpush("rq:queue:errata", "audit-1-a").execute()
            with redis.pipeline() as back:
                back.lrem("rq:queue:errata", 0, "audit-1-a").zadd(registry.key, {"audit-1-a": 1}).execute()

    with handing_over(redis_server) as queue:
        queue.submit("audit", 1)
        wait_for(queue.states)
        mover = threading.Thread(target=move)
        mover.start()
        seen = [len(queue.states()) for _ in range(500)]
        done.set()
        mover.join()
    assert set(seen) == {1}
    redis.close()


def test_one_job_a_project_and_one_follower(
    redis_server: str, worker: Worker, tmp_path: Path, wait_for: WaitFor
) -> None:
    """Two workers never run two jobs of a project and name; a running job asked for thrice runs once more."""
    lines = (
        "import uuid\n"
        "mine = folder / f'{name}-{project}-{uuid.uuid4().hex}.run'\n"
        "mine.touch()\n"
        "alone = len(list(folder.glob(f'{name}-{project}-*.run'))) == 1\n"
        "(folder / f'{name}-{project}.started').touch()\n"
        "while name == 'audit' and not (folder / 'go').exists(): time.sleep(0.01)\n"
        "mine.rename(mine.with_suffix('.alone' if alone else '.crowded'))"
    )
    with handing_over(redis_server) as queue:
        worker(lines)
        worker(lines)
        queue.submit("audit", 1)
        wait_for((tmp_path / "audit-1.started").exists)
        for _ in range(3):
            queue.submit("audit", 1)
        for project_id in (1, 2):
            queue.submit("verdicts", project_id)
            wait_for((tmp_path / f"verdicts-{project_id}.started").exists)
        wait_for(lambda: [s.state for s in queue.states()].count("waiting") == 1)
        (tmp_path / "go").touch()
        wait_for(lambda: not queue.states())
    assert not list(tmp_path.glob("*.crowded"))
    assert len(list(tmp_path.glob("audit-1-*.alone"))) == 2


def test_a_long_job_keeps_its_project(redis_server: str, worker: Worker, tmp_path: Path, wait_for: WaitFor) -> None:
    """Every heartbeat renews the hold, for as long as the job takes."""
    redis = Redis.from_url(redis_server)
    with handing_over(redis_server) as queue:
        worker(
            "(folder / 'started').touch()\nwhile not (folder / 'go').exists(): time.sleep(0.01)",
            before="import errata.jobs.rq_worker as it; it.HEARTBEAT_S = 1",
        )
        queue.submit("audit", 1)
        wait_for((tmp_path / "started").exists)
        for _ in range(2):
            redis.pexpire("errata:project:1:audit", 30_000)
            wait_for(lambda: redis.pttl("errata:project:1:audit") > 30_000)
        (tmp_path / "go").touch()
        wait_for(lambda: not queue.states())
    redis.close()


def test_a_job_whose_process_is_killed_is_tried_again(
    redis_server: str, worker: Worker, tmp_path: Path, wait_for: WaitFor
) -> None:
    """SIGKILL of the process that does the job: RQ notices, waits and starts it again."""
    redis = Redis.from_url(redis_server)
    with handing_over(redis_server, retry_s=(3600,)) as queue:
        worker(
            "if (folder / 'tried').exists():\n"
            "    (folder / 'done').touch()\n"
            "    return\n"
            "(folder / 'tried').touch()\n"
            "os.kill(os.getpid(), 9)"
        )
        queue.submit("audit", 1)
        wait_for(lambda: problems(queue) == [("waiting", "it was ended by signal 9, perhaps because memory ran out")])
        let_an_hour_pass(redis, PlainQueue("errata", connection=redis, serializer=JSONSerializer))
        wait_for(lambda: not queue.states())
    assert (tmp_path / "done").exists()
    redis.close()


def test_a_worker_that_is_killed_leaves_nothing_behind_and_its_job_is_done_by_another(
    redis_server: str,
    worker: Worker,
    tmp_path: Path,
    wait_for: WaitFor,
    has_ended: Callable[[psutil.Process], bool],
) -> None:
    """SIGKILL of `errata worker`: the job's process and the scheduler end too, and the next worker does the job."""
    lines = (
        "if (folder / 'started').exists():\n"
        "    (folder / 'done').touch()\n"
        "    return\n"
        "(folder / 'started').touch()\n"
        "time.sleep(600)"
    )
    redis = Redis.from_url(redis_server)
    plain = PlainQueue("errata", connection=redis, serializer=JSONSerializer)
    with handing_over(redis_server, retry_s=(1, 1, 1)) as queue:
        first = worker(lines)
        queue.submit("audit", 1)
        wait_for((tmp_path / "started").exists)
        below = psutil.Process(first.pid).children(recursive=True)
        assert len(below) == 2
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        wait_for(lambda: all(has_ended(each) for each in below))
        assert [state.state for state in queue.states()] == ["running"]
        forget_heartbeats(redis, plain)
        worker(lines)
        wait_for((tmp_path / "done").exists)
        wait_for(lambda: not queue.states())
    redis.close()


def test_failures_keep_errata_s_own_text_and_nothing_else(
    redis_server: str, worker: Worker, tmp_path: Path, wait_for: WaitFor
) -> None:
    """What an exception was caused by reaches neither Redis nor the worker's log; wrong input is not tried again."""
    lines = (
        "if name == 'audit':\n"
        "    try: raise ValueError('cookie-4711')\n"
        "    except ValueError as error: raise NothingToLearn('Label a few tasks.') from error\n"
        "raise RuntimeError('cookie-4711')"
    )
    with handing_over(redis_server, retry_s=(60, 60, 60)) as queue:
        process = worker(lines)
        queue.submit("audit", 1)
        queue.submit("verdicts", 2)
        expected = {
            ("audit", "failed", 1, "Label a few tasks."),
            ("verdicts", "waiting", 1, "unexpected RuntimeError"),
        }
        wait_for(lambda: {(s.name, s.state, s.attempts, s.problem) for s in queue.states()} == expected)
        queue.submit("audit", 1)
        wait_for(lambda: len([s for s in queue.states() if s.state == "failed"]) == 1)
    redis = Redis.from_url(redis_server)
    for key in redis.keys("*"):
        assert b"cookie-4711" not in redis.dump(key)
    redis.close()
    os.kill(process.pid, signal.SIGTERM)
    said, _ = process.communicate(timeout=180)
    assert "Label a few tasks." in said
    assert "cookie-4711" not in said


def test_submitting_while_redis_is_down_neither_waits_nor_loses(
    wait_for: WaitFor, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    """`submit` returns without Redis, `states` says what to do, and the job arrives when Redis does."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    queue = RedisQueue(f"redis://:hunter2@127.0.0.1:{port}/0")
    queue.start()
    queue.submit("audit", 1)
    with pytest.raises(QueueUnreachable, match=rf"Redis at 127\.0\.0\.1:{port} .*; start it") as problem:
        queue.states()
    assert "hunter2" not in str(problem.value)
    redis = subprocess.Popen(
        [program, "--port", str(port), "--requirepass", "hunter2", "--save", ""],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:

        def seen() -> list[JobState]:
            try:
                return queue.states()
            except QueueUnreachable:
                return []

        wait_for(lambda: [(s.name, s.project_id) for s in seen()] == [("audit", 1)])
        queue.stop()
    finally:
        redis.kill()
        redis.wait()


def test_a_job_that_cannot_be_handed_over_does_not_keep_the_others(
    redis_server: str, wait_for: WaitFor, caplog: pytest.LogCaptureFixture
) -> None:
    """What lies in Redis is damaged for one job: that is logged by its type, and the thread goes on."""
    redis = Redis.from_url(redis_server)
    redis.hset("rq:job:audit-1-a", mapping={"created_at": "nonsense-4711", "data": "nonsense-4711"})
    with handing_over(redis_server) as queue:
        queue.submit("audit", 1)
        wait_for(lambda: "audit of project 1 was not asked for: unexpected " in caplog.text)
        redis.delete("rq:job:audit-1-a")
        for project_id in (1, 2):
            queue.submit("audit", project_id)
        wait_for(lambda: sorted(state.project_id for state in queue.states()) == [1, 2])
    assert "4711" not in caplog.text
    redis.close()


def test_a_burst_worker_without_redis_says_so() -> None:
    """`errata worker` fails at once, naming the setting."""
    with pytest.raises(QueueUnreachable, match="ERRATA_REDIS_URL"):
        work("redis://127.0.0.1:1/0", burst=True)
    with pytest.raises(SettingError, match="redis://HOST:PORT/NUMBER"):
        work("localhost:6379")
