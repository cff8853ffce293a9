from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from errata.errors import LabelStudioUnreachable
from errata.review.apply import Applied
from errata.review.plans import Conflict
from errata.review.records import Change, Project
from errata.settings import Settings
from errata.wiring import Wiring, do_job

CONFIG = """<View><Image name="image" value="$image"/><Choices name="kind" toName="image">
<Choice value="car"/><Choice value="truck"/></Choices></View>"""
CHANGE = Change("f", 7, 10, 1, "kind", None, "truck", "h", "car", "rev", datetime(2026, 1, 1, tzinfo=timezone.utc), "y")
NOTHING = Applied(changeset_id=None, written=(), done=0, conflicts=(), stopped=None)


class BareLabelStudio:
    """Has one project and no review project."""

    url = "http://ls/"

    def get(self, path: str, params: Any = None) -> Any:
        assert path == "api/projects/7/"
        return {"id": 7, "title": "Cars", "label_config": CONFIG}

    def paged(self, path: str, params: Any = None) -> Iterator[Any]:
        return iter(())

    def close(self) -> None:
        pass


@dataclass
class WatchedWiring(Wiring):
    """Applies nothing, and says how often it was asked to."""

    settings: Settings
    outcome: Applied = NOTHING
    n_applied: int = field(default=0, init=False)
    retried: list[bool] = field(default_factory=list, init=False)
    n_audited: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        super().__init__(self.settings)

    @cached_property
    def client(self) -> Any:
        return BareLabelStudio()

    def audit(self, project_id: int, options: Any, progress: Any) -> Any:
        self.n_audited += 1

    def apply(self, project_id: int, include_undone: bool = False, retry_refused: bool = True) -> Applied:
        self.n_applied += 1
        self.retried.append(retry_refused)
        return self.outcome


@pytest.fixture
def auto(tmp_path: Path) -> Iterator[WatchedWiring]:
    wiring = WatchedWiring(Settings(data_dir=tmp_path, apply="auto"))
    yield wiring
    wiring.close()


def test_looking_at_verdicts_writes_nothing(auto: WatchedWiring) -> None:
    """`errata status`, `plan` and `export` take verdicts: with ERRATA_APPLY=auto, too, only jobs write."""
    auto.take_verdicts(7)
    assert auto.n_applied == 0
    do_job(auto, "verdicts", 7)
    assert (auto.n_applied, auto.retried) == (1, [False])


def test_jobs_apply_only_where_the_settings_say_so(tmp_path: Path) -> None:
    """By default a person applies."""
    wiring = WatchedWiring(Settings(data_dir=tmp_path))
    do_job(wiring, "verdicts", 7)
    wiring.close()
    assert wiring.n_applied == 0


def test_a_job_tells_what_was_left_alone_and_why_it_stopped(
    auto: WatchedWiring, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody sees what `apply` returned: conflicts go to the log, and a job that stopped is tried again."""
    conflicts = (Conflict(CHANGE, "the annotation was deleted since"),)
    auto.outcome = replace(NOTHING, conflicts=conflicts, stopped=LabelStudioUnreachable("down"))
    with caplog.at_level(logging.WARNING), pytest.raises(LabelStudioUnreachable):
        do_job(auto, "verdicts", 7)
    assert caplog.messages == ["project 7: task 10 left alone: the annotation was deleted since"]


def test_a_job_that_audits_never_applies(auto: WatchedWiring) -> None:
    """Whatever asked for it: changed labels, or tasks that Label Studio asked about before errata had seen them."""
    do_job(auto, "audit", 7)
    assert (auto.n_audited, auto.n_applied) == (1, 0)


def test_a_job_that_waited_while_its_project_was_disconnected_does_nothing(auto: WatchedWiring) -> None:
    """It would add to Label Studio again what was just taken away; connecting lets jobs work again."""
    auto.audits.disconnected(7)
    do_job(auto, "audit", 7)
    do_job(auto, "verdicts", 7)
    assert (auto.n_audited, auto.n_applied) == (0, 0)
    auto.audits.connected(Project(7, "Cars", "http://ls/"))
    do_job(auto, "audit", 7)
    assert auto.n_audited == 1
