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
def source(project: Any, label_studio: Any) -> Any:
    """Return a project of twenty pictures, the first of which says "truck" and is a car."""
    made = project(GOOD)
    wrong = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}
    label_studio.client.patch(f"api/annotations/{made.annotation_ids[0]}/", {"result": [wrong]})
    return made


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
def start_worker(errata: Any) -> Iterator[Callable[[], Any]]:
    """Start an `errata worker` beside the service; it is ended afterwards."""
    started: list[Any] = []

    def start() -> Any:
        worker = replace(errata, process=None)
        started.append(worker)
        worker.serve("worker")
        return worker

    yield start
    for worker in started:
        worker.stop()


def job_status(errata: Any, project_id: int) -> str:
    """Ask as Label Studio does."""
    answer: httpx.Response = errata.post("job_status", {"job": f"audit-{project_id}"})
    return str(answer.json()["job_status"])


def audits(errata: Any) -> list[tuple[bool, str | None]]:
    """Return of every audit, oldest first, whether it has ended and what was wrong with it."""
    engine = open_database(f"sqlite:///{errata.data_dir / 'errata.db'}")
    try:
        with engine.begin() as connection:
            rows = connection.execute(select(AUDITS.c.finished_at, AUDITS.c.problem).order_by(AUDITS.c.id)).all()
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


def test_worker_audits_and_a_burst_is_few_audits(
    label_studio: Any, source: Any, errata: Any, start_worker: Any, wait: Any
) -> None:
    """START_TRAINING waits for a worker, which audits; fifty events at once make at most two more audits."""
    errata.run("connect", str(source.id), "--yes")
    said = errata.post("webhook", {"action": "START_TRAINING", "project": {"id": source.id}})
    assert said.is_success
    wait(lambda: job_status(errata, source.id) == "queued", "the job in Redis")
    assert audits(errata) == []
    start_worker()
    wait(lambda: job_status(errata, source.id) == "finished", "the audit by the worker")
    assert audits(errata) == [(True, None)]
    assert_all_is_there_once(label_studio.client, errata, source)

    event = {"action": "ANNOTATION_UPDATED", "project": {"id": source.id}, "annotation": {"id": 1}, "task": {"id": 1}}
    answers = [errata.post("webhook", event) for _ in range(50)]
    assert all(answer.is_success for answer in answers)
    wait(lambda: len(audits(errata)) > 1 and job_status(errata, source.id) == "finished", "the audit after the burst")
    assert audits(errata) in ([(True, None)] * 2, [(True, None)] * 3)
    assert_all_is_there_once(label_studio.client, errata, source)


@pytest.mark.parametrize("moment", [PUSH, PUBLISH], ids=["pushing predictions", "publishing findings"])
def test_killed_worker_s_audit_is_finished_by_the_next(
    label_studio: Any,
    source: Any,
    errata: Any,
    start_worker: Any,
    redis: Redis,
    wire: Any,
    wait: Any,
    moment: str,
) -> None:
    """Killed right after Label Studio accepted a bulk write: done again by itself, nothing lost, nothing twice."""
    before = source_state(label_studio.client, source.id)
    errata.run("connect", str(source.id), "--yes")
    worker = start_worker()
    wire.break_at(moment, 1, "after", lambda: kill_with_all_below(worker))
    errata.post("webhook", {"action": "START_TRAINING", "project": {"id": source.id}})
    assert wire.broken.wait(180), errata.log
    worker.stop()
    assert audits(errata) == [(False, None)]
    a_minute_passes(redis)
    start_worker()
    wait(lambda: audits(errata)[-1] == (True, None), "the audit by the second worker")
    assert audits(errata)[0] == (False, "Its process ended before it did.")
    assert_all_is_there_once(label_studio.client, errata, source)
    assert source_state(label_studio.client, source.id) == before


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
