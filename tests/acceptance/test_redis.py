"""The service and its worker as processes on a real Redis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import psutil
import pytest
from redis import Redis
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from sqlalchemy import select

from errata.demo.reviewer import source_state
from errata.jobs.rq_worker import QUEUE
from errata.store.database import open_database
from errata.store.tables import AUDITS

GOOD = ("car", "truck") * 10
PUSH = r"POST /api/projects/\d+/import/predictions"
PUBLISH = r"POST /api/projects/\d+/import\?return_task_ids"


@pytest.fixture
def source(project: Any, label_studio: Any) -> Callable[[], Any]:
    """Make projects of twenty pictures, the first of which says "truck" and is a car."""

    def make() -> Any:
        made = project(GOOD)
        wrong = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}
        label_studio.client.patch(f"api/annotations/{made.annotation_ids[0]}/", {"result": [wrong]})
        return made

    return make


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
def errata(make_errata: Callable[..., Any], redis: Redis, redis_url: str, wire: Any) -> Iterator[Any]:
    """Serve, with jobs left to workers."""
    one = make_errata(wire.url, ERRATA_REDIS_URL=redis_url)
    one.serve()
    yield one
    one.stop()


@pytest.fixture
def start_worker(errata: Any, wire: Any) -> Iterator[Callable[..., Any]]:
    """Start an `errata worker` beside the service, which may be killed at a request; it is ended afterwards."""
    started: list[Any] = []

    def start(killed_at: str = "") -> Any:
        worker = replace(errata, process=None)
        started.append(worker)
        if killed_at:
            wire.break_at(killed_at, 1, "after", lambda: kill_with_all_below(worker))
        worker.start("worker")
        return worker

    yield start
    for worker in started:
        worker.stop()


def job_status(errata: Any, project_id: int) -> str:
    """Ask as Label Studio does."""
    answer: httpx.Response = errata.post("job_status", {"job": f"audit-{project_id}"})
    return str(answer.json()["job_status"])


def audits(errata: Any, source: Any) -> list[tuple[bool, str | None]]:
    """Return of every audit of a project, oldest first, whether it has ended and what was wrong with it."""
    engine = open_database(f"sqlite:///{errata.data_dir / 'errata.db'}")
    try:
        with engine.begin() as connection:
            of_project = select(AUDITS.c.finished_at, AUDITS.c.problem).where(AUDITS.c.project_id == source.id)
            rows = connection.execute(of_project.order_by(AUDITS.c.id)).all()
    finally:
        engine.dispose()
    return [(row.finished_at is not None, row.problem) for row in rows]


def assert_all_is_there_once(client: Any, errata: Any, source: Any) -> None:
    listed = client.paged("api/projects/", {"include": "id,description"})
    (review_id,) = [each["id"] for each in listed if f"project {source.id}]" in (each["description"] or "")]
    review = list(client.paged("api/tasks/", {"project": review_id, "fields": "all"}))
    assert source.task_ids[0] in {task["data"]["source_task"] for task in review}
    assert max(Counter(task["data"]["finding"] for task in review).values()) == 1
    assert len(review) == errata.ask("status", str(source.id))["to_review"]
    tasks = list(client.paged("api/tasks/", {"project": source.id, "fields": "all"}))
    assert {len(task["predictions"]) for task in tasks} == {1}
    assert len({prediction["model_version"] for task in tasks for prediction in task["predictions"]}) == 1


def test_workers_audit_and_finish_what_a_killed_one_began(
    label_studio: Any,
    source: Callable[[], Any],
    errata: Any,
    start_worker: Any,
    redis: Redis,
    wire: Any,
    wait: Any,
) -> None:
    """START_TRAINING waits for a worker, which audits; fifty events at once make at most two more audits.

    Killed right after Label Studio accepted a bulk write: done again by itself, nothing lost, nothing twice.
    """
    burst, killed = source(), source()
    for each in (burst, killed):
        errata.run("connect", str(each.id), "--yes")
    said = errata.post("webhook", {"action": "START_TRAINING", "project": {"id": burst.id}})
    assert said.is_success
    wait(lambda: job_status(errata, burst.id) == "queued", "the job in Redis")
    assert audits(errata, burst) == []
    worker = start_worker()
    wait(lambda: job_status(errata, burst.id) == "finished", "the audit by the worker")
    assert audits(errata, burst) == [(True, None)]
    assert_all_is_there_once(label_studio.client, errata, burst)

    event = {"action": "ANNOTATION_UPDATED", "project": {"id": burst.id}, "annotation": {"id": 1}, "task": {"id": 1}}
    answers = [errata.post("webhook", event) for _ in range(50)]
    assert all(answer.is_success for answer in answers)
    wait(
        lambda: len(audits(errata, burst)) > 1 and job_status(errata, burst.id) == "finished",
        "the audit after the burst",
    )
    assert audits(errata, burst) in ([(True, None)] * 2, [(True, None)] * 3)
    assert_all_is_there_once(label_studio.client, errata, burst)
    worker.stop()

    before = source_state(label_studio.client, killed.id)
    errata.post("webhook", {"action": "START_TRAINING", "project": {"id": killed.id}})
    ended: list[tuple[bool, str | None]] = []
    for moment in (PUSH, PUBLISH):
        worker = start_worker(moment)
        assert wire.broken.wait(180), errata.log
        worker.stop()
        assert audits(errata, killed) == [*ended, (False, None)]
        ended.append((False, "Its process ended before it did."))
        a_minute_passes(redis)
    start_worker()
    wait(lambda: (True, None) in audits(errata, killed), "the audit by the last worker")
    assert audits(errata, killed)[:3] == [*ended, (True, None)]
    assert_all_is_there_once(label_studio.client, errata, killed)
    assert source_state(label_studio.client, killed.id) == before


def kill_with_all_below(worker: Any) -> None:
    process = psutil.Process(worker.process.pid)
    for one in (process, *process.children(recursive=True)):  # RQ's own processes are not of the worker's group
        one.kill()


def a_minute_passes(redis: Redis) -> None:
    """Do what a minute without the worker's heartbeats does: its job and all that it holds are given up."""
    registry = StartedJobRegistry(QUEUE, connection=redis, serializer=JSONSerializer)
    for entry in redis.zrange(registry.key, 0, -1):
        redis.zadd(registry.key, {entry: 1})
    for key in (*redis.keys("errata:project:*"), *redis.keys("rq:scheduler-lock:*")):
        redis.delete(key)
