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
    assert done.wait(120)
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
    assert turns.acquire(timeout=120)
    thread.wake()
    assert turns.acquire(timeout=120)
    thread.stop()


def test_stopping_what_never_started_is_fine() -> None:
    """A service that failed to start can be stopped like the others."""
    Periodic("never", lambda: None, 1).stop()


def test_the_poller_asks_for_verdicts_where_there_are_new_answers() -> None:
    """At start, then when a project's mark is another one; else once an hour; a project without one: never."""
    queue, marks, now = Submitted(), {3: "a", 7: "b"}, [0.0]
    poller = Poller(queue, lambda: [7, 3, 9], marks.get, 60, lambda: now[0])

    def asked() -> list[int]:
        queue.jobs.clear()
        now[0] += 60
        poller.look()
        assert all((name, delay_s) == ("verdicts", 0.0) for name, _, delay_s in queue.jobs)
        return [project_id for _, project_id, _ in queue.jobs]

    assert [asked(), asked()] == [[3, 7], []]
    marks[7] = "c"
    assert [asked(), asked()] == [[7], []]
    now[0] += 3600
    assert asked() == [3, 7]


def test_trouble_with_one_project_does_not_keep_the_poller_from_others() -> None:
    """The others are asked for; what is wrong is told at the end; the project is asked for once it can be seen."""
    queue, is_down = Submitted(), [True]

    def mark(project_id: int) -> str:
        if project_id == 3 and is_down[0]:
            raise LabelStudioUnreachable("Label Studio is down.")
        return "a"

    poller = Poller(queue, lambda: [3, 7], mark, 60)
    with pytest.raises(LabelStudioUnreachable):
        poller.look()
    is_down[0] = False
    poller.look()
    assert queue.jobs == [("verdicts", 7, 0.0), ("verdicts", 3, 0.0)]


def test_the_poller_looks_at_start() -> None:
    """What came while errata was down is found without a webhook."""
    queue = Submitted()
    poller = Poller(queue, lambda: [3], str, 3600)
    poller.start()
    with queue.changed:
        assert queue.changed.wait_for(lambda: queue.jobs, 10)
    poller.stop()
