from __future__ import annotations

import logging
import threading

import pytest

from errata.errors import LabelStudioUnreachable
from errata.jobs.periodic import Periodic
from errata.jobs.poller import Poller
from errata.jobs.queue import JobName, JobState


class Submitted:
    """A queue that remembers."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, int, float]] = []
        self.changed = threading.Condition()

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        with self.changed:
            self.jobs.append((name, project_id, delay_s))
            self.changed.notify_all()

    def states(self) -> list[JobState]:
        return []


def test_it_survives_errors_and_tells_each_problem_once(caplog: pytest.LogCaptureFixture) -> None:
    """A step that fails is tried again; the log holds errata's own text, or only an exception's type, and once."""
    caplog.set_level(logging.INFO)
    outcomes = iter([LabelStudioUnreachable("Label Studio is down."), None, ValueError("secret"), ValueError("secret")])
    done = threading.Event()

    def step() -> None:
        outcome = next(outcomes, "end")
        if isinstance(outcome, Exception):
            raise outcome
        if outcome == "end":
            done.set()

    thread = Periodic("looking", step, 0.001)
    thread.start()
    assert done.wait(10)
    thread.stop()
    assert [record.getMessage() for record in caplog.records] == [
        "looking: Label Studio is down.",
        "looking: works again",
        "looking: unexpected ValueError",
        "looking: works again",
    ]


def test_it_can_be_woken_and_stopped_at_once() -> None:
    """Neither waking nor stopping waits for the next turn."""
    turns = threading.Semaphore(0)
    thread = Periodic("turning", turns.release, 3600)
    thread.start()
    assert turns.acquire(timeout=10)
    thread.wake()
    assert turns.acquire(timeout=10)
    thread.stop()


def test_stopping_what_never_started_is_fine() -> None:
    """A service that failed to start can be stopped like the others."""
    Periodic("never", lambda: None, 1).stop()


def test_the_poller_asks_for_the_verdicts_of_every_project_again_and_again() -> None:
    """At start and each poll_s: "verdicts" for each project known at that time, although a look failed between."""
    queue = Submitted()
    looks = iter([[7, 3], OSError("database is locked"), [3]])

    def sources() -> list[int]:
        found = next(looks, [])
        if isinstance(found, Exception):
            raise found
        return found

    poller = Poller(queue, sources, 0.001)
    poller.start()
    with queue.changed:
        assert queue.changed.wait_for(lambda: len(queue.jobs) >= 3, 10)
    poller.stop()
    assert queue.jobs == [("verdicts", 3, 0.0), ("verdicts", 7, 0.0), ("verdicts", 3, 0.0)]
