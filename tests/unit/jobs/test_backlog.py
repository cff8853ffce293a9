from __future__ import annotations

import random

import pytest

from errata.jobs.backlog import Backlog


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backlog(clock: Clock) -> Backlog:
    return Backlog(clock, retry_s=(10, 60, 300))


def test_a_job_starts_once_its_delay_has_passed(backlog: Backlog, clock: Clock) -> None:
    """A job waits for its delay, and `wait_s` says how long."""
    backlog.submit(("audit", 1), 60)
    assert backlog.take() is None
    assert backlog.wait_s() == 60
    clock.now += 60
    assert backlog.take() == ("audit", 1)
    assert [state.state for state in backlog.states()] == ["running"]


def test_a_burst_becomes_one_job(backlog: Backlog, clock: Clock) -> None:
    """Ten thousand submissions of one job are one job."""
    for _ in range(10_000):
        backlog.submit(("audit", 1), 0)
    assert backlog.take() == ("audit", 1)
    assert backlog.take() is None


def test_being_asked_again_postpones_but_not_for_ever(backlog: Backlog, clock: Clock) -> None:
    """Labels that change without a pause delay an audit to ten times its delay, not longer."""
    began = clock.now
    backlog.submit(("audit", 1), 60)
    while backlog.take() is None:
        clock.now += 30
        backlog.submit(("audit", 1), 60)
    assert clock.now - began == 600


def test_being_asked_urgently_is_not_undone(backlog: Backlog, clock: Clock) -> None:
    """A job asked for at once starts at once, even if label changes ask for it later again."""
    backlog.submit(("audit", 1), 60)
    backlog.submit(("audit", 1), 0)
    backlog.submit(("audit", 1), 60)
    assert backlog.take() == ("audit", 1)


def test_a_running_job_gets_one_follower(backlog: Backlog) -> None:
    """What changes while a job runs is seen by exactly one more run."""
    backlog.submit(("audit", 1), 0)
    backlog.take()
    for _ in range(5):
        backlog.submit(("audit", 1), 0)
    assert backlog.take() is None
    backlog.settle(("audit", 1), None)
    assert backlog.take() == ("audit", 1)
    backlog.settle(("audit", 1), None)
    assert backlog.take() is None
    assert backlog.states() == []


def test_one_a_project_and_two_in_all(backlog: Backlog) -> None:
    """Jobs of one project take turns; of many projects, two run."""
    for project_id in (1, 2, 3):
        backlog.submit(("audit", project_id), 0)
    assert [backlog.take(), backlog.take(), backlog.take()] == [("audit", 1), ("audit", 2), None]
    backlog.settle(("audit", 1), None)
    backlog.submit(("audit", 2), 0)
    assert [backlog.take(), backlog.take()] == [("audit", 3), None]
    backlog.settle(("audit", 2), None)
    assert backlog.take() == ("audit", 2)


def test_verdicts_do_not_wait_for_audits(backlog: Backlog) -> None:
    """They take turns with each other alone: beside two audits, one of the same project, two projects' verdicts run."""
    for name in ("audit", "verdicts"):
        for project_id in (1, 2, 3):
            backlog.submit((name, project_id), 0)
    taken = [backlog.take() for _ in range(5)]
    assert taken == [("audit", 1), ("audit", 2), ("verdicts", 1), ("verdicts", 2), None]
    assert backlog.wait_s() is None
    backlog.settle(("verdicts", 2), None)
    assert backlog.take() == ("verdicts", 3)


def test_failures_are_tried_again_with_growing_pauses(backlog: Backlog, clock: Clock) -> None:
    """Three more tries after 10, 60 and 300 s; then the job is listed as failed with its problem."""
    backlog.submit(("audit", 1), 0)
    for pause in (10, 60, 300):
        assert backlog.take() == ("audit", 1)
        backlog.settle(("audit", 1), "Label Studio is down")
        assert backlog.wait_s() == pause
        clock.now += pause
    assert backlog.take() == ("audit", 1)
    backlog.settle(("audit", 1), "Label Studio is down")
    (failed,) = backlog.states()
    assert (failed.state, failed.attempts, failed.problem) == ("failed", 4, "Label Studio is down")


def test_wrong_use_is_not_tried_again(backlog: Backlog) -> None:
    """What no second try can mend fails at once, and a new request starts afresh."""
    backlog.submit(("audit", 1), 0)
    backlog.take()
    backlog.settle(("audit", 1), "no labels", is_worth_retrying=False)
    assert backlog.take() is None
    assert backlog.states()[0].state == "failed"
    backlog.submit(("audit", 1), 0)
    assert backlog.take() == ("audit", 1)
    assert len(backlog.states()) == 1


def test_being_asked_again_does_not_defeat_the_pause(backlog: Backlog, clock: Clock) -> None:
    """A failing job is not hammered by webhooks: it keeps its pause."""
    backlog.submit(("verdicts", 1), 0)
    backlog.take()
    backlog.submit(("verdicts", 1), 0)
    backlog.settle(("verdicts", 1), "down")
    backlog.submit(("verdicts", 1), 0)
    assert backlog.take() is None
    assert backlog.wait_s() == 10
    clock.now += 10
    assert backlog.take() == ("verdicts", 1)
    assert backlog.states()[0].attempts == 2


def test_whatever_happens_nothing_runs_twice_and_nothing_is_lost() -> None:
    """Random submissions, ends and pauses: of a name one job a project runs and two in all, and no request is lost."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    clock = Clock()
    backlog = Backlog(clock, retry_s=(1, 2, 3))
    running: set[tuple[str, int]] = set()
    asked: set[tuple[str, int]] = set()
    for _ in range(5_000):
        clock.now += chance.random()
        if chance.random() < 0.4:
            job = (chance.choice(["audit", "verdicts"]), chance.randrange(4))
            backlog.submit(job, chance.choice([0, 1, 5]))  # type: ignore[arg-type]
            asked.add(job)
        if (taken := backlog.take()) is not None:
            assert taken not in running
            running.add(taken)
            asked.discard(taken)
            assert all(len([name for name, _ in running if name == one]) <= 2 for one in ("audit", "verdicts"))
        if running and chance.random() < 0.3:
            ended = chance.choice(sorted(running))
            running.remove(ended)
            backlog.settle(ended, None)  # type: ignore[arg-type]
    while running or backlog.wait_s() is not None:
        for job in running:
            backlog.settle(job, None)  # type: ignore[arg-type]
        running = set()
        clock.now += 100
        if (taken := backlog.take()) is not None:
            running = {taken}
            asked.discard(taken)
    assert asked == set()
