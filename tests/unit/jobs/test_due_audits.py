from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from errata.errors import LabelStudioUnreachable
from errata.jobs.due_audits import DueAudits
from errata.jobs.queue import JobName, JobState
from errata.review.records import AuditRecord

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)


class World:
    """Queue, audits, labels and clock in one."""

    def __init__(self) -> None:
        self.now = NOW
        self.audits: list[AuditRecord] = []
        self.running = False
        self.changed_at: str | None = None
        self.jobs: list[tuple[str, int, float]] = []
        self.projects = {1}
        self.due = DueAudits(self, self, self, lambda: self.projects, 60, lambda: self.now)

    def submit(self, name: JobName, project_id: int, delay_s: float = 0.0) -> None:
        self.jobs.append((name, project_id, delay_s))

    def states(self) -> list[JobState]:
        return []

    def last(self, project_id: int) -> AuditRecord | None:
        return self.audits[-1] if self.audits and project_id == 1 else None

    def last_good(self, project_id: int) -> AuditRecord | None:
        return next((audit for audit in reversed(self.audits) if audit.version), None)

    def is_running(self, project_id: int) -> bool:
        return self.running

    def have_changed(self, project_id: int, since: str) -> bool:
        if project_id == 0:
            raise LabelStudioUnreachable("Label Studio is down.")
        return self.changed_at is not None and self.changed_at > since

    def audited(self, problem: str | None = None, *, ended: bool = True) -> None:
        version = None if problem or not ended else "v"
        newest = {"newest_change": f"day {len(self.audits)}"}
        number = len(self.audits) + 1
        self.audits.append(AuditRecord(number, 1, self.now, self.now if ended else None, version, newest, problem))

    def look(self, after: timedelta = MINUTE) -> int:
        """Look once more; return how many audits that asked for."""
        self.now += after
        before = len(self.jobs)
        self.due.look()
        return len(self.jobs) - before


@pytest.fixture
def world() -> World:
    return World()


def test_an_audit_follows_changed_labels_once(world: World) -> None:
    """While the audit that was asked for waits, it is not asked for (and so postponed) again; then anew."""
    world.audited()
    assert world.look() == 0
    world.changed_at = "day 1"
    assert [world.look(), world.look(), world.look()] == [1, 0, 0]
    world.audited()
    assert world.look() == 0
    world.changed_at = "day 2"
    assert world.look() == 1
    assert world.jobs[0] == ("audit", 1, 60)


def test_a_died_audit_is_done_again_at_once(world: World) -> None:
    """One without an end, unless a process is at it."""
    world.audited(ended=False)
    world.running = True
    assert world.look() == 0
    world.running = False
    assert world.look() == 1


def test_a_failed_audit_is_tried_again_after_an_hour(world: World) -> None:
    """Where there was no good one, or labels have changed since the last good one."""
    world.audited("Label Studio is down.")
    assert [world.look(30 * MINUTE), world.look(40 * MINUTE)] == [0, 1]
    world.audited()
    world.changed_at = "day 1x"
    world.audited("Label Studio is down.")
    assert [world.look(30 * MINUTE), world.look(40 * MINUTE)] == [0, 1]


def test_a_failed_audit_of_unchanged_labels_is_not_needed(world: World) -> None:
    """The last good one still tells what is so."""
    world.audited()
    world.audited("Label Studio is down.")
    assert world.look(120 * MINUTE) == 0


def test_a_project_without_an_audit_gets_its_first(world: World) -> None:
    """Five minutes after it was seen first; where that comes to nothing, once an hour."""
    assert [world.look(), world.look(4 * MINUTE), world.look(), world.look(50 * MINUTE)] == [0, 0, 1, 0]
    assert world.look(11 * MINUTE) == 1
    world.audited()
    assert world.look(120 * MINUTE) == 0


def test_trouble_with_one_project_does_not_keep_the_others(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the next one is looked at."""
    world.projects = {0, 1}
    world.audited()
    world.due = DueAudits(world, _Same(world), world, lambda: world.projects, 60, lambda: world.now)
    world.changed_at = "day 1"
    assert world.look() == 1
    assert "project 0: Label Studio is down." in caplog.text


class _Same:
    """Every project was audited like project 1."""

    def __init__(self, world: World) -> None:
        self._world = world

    def last(self, project_id: int) -> AuditRecord | None:
        return self._world.last(1)

    def last_good(self, project_id: int) -> AuditRecord | None:
        return self._world.last_good(1)

    def is_running(self, project_id: int) -> bool:
        return False
