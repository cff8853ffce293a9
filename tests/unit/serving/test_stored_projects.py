from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from errata.audit.ports import Trace
from errata.errors import LabelStudioGone
from errata.review.records import Project
from errata.serving import StoredProjects
from errata.settings import Settings
from errata.web.projects import KnownProjects
from errata.wiring import Wiring


class Tasks:
    """A Label Studio whose projects have one answered task each; counts what it is asked."""

    url = "http://ls/"

    def __init__(self) -> None:
        self.updated_at = {7: "day 1", 70: "day 1"}
        self.n_requests = 0

    def get(self, path: str, params: Any = None) -> Any:
        self.n_requests += 1
        if params["project"] not in self.updated_at:
            raise LabelStudioGone("There is no such project.")
        tasks = [{"id": 1, "updated_at": self.updated_at[params["project"]]}]
        return {"tasks": tasks, "total": 1, "total_annotations": 1}

    def close(self) -> None:
        pass


class WiringOfTasks(Wiring):
    """On that Label Studio."""

    @cached_property
    def client(self) -> Any:
        return Tasks()


@pytest.fixture
def wiring(tmp_path: Path) -> Iterator[WiringOfTasks]:
    """Project 7 with its review project 70."""
    settings = Settings(label_studio_url="http://ls", label_studio_token="t", data_dir=tmp_path, _env_file=None)
    wiring = WiringOfTasks(settings)
    wiring.audits.connected(Project(7, "Cars", "http://ls/"))
    wiring.footprint.add(7, Trace("review_project", "70"))
    yield wiring
    wiring.close()


def test_a_look_for_answers_is_two_small_requests(wiring: WiringOfTasks) -> None:
    """The review project is known by the footprint, and the mark changes with its answers."""
    projects = StoredProjects(wiring)
    before = projects.answers_mark(7)
    assert (wiring.client.n_requests, projects.answers_mark(7)) == (2, before)
    wiring.client.updated_at[70] = "day 2"
    assert projects.answers_mark(7) not in (before, None)
    del wiring.client.updated_at[70]
    assert projects.answers_mark(7) is None


def test_a_project_that_is_gone_is_left_alone(wiring: WiringOfTasks) -> None:
    """Once Label Studio no longer has it, nobody asks again; a review project's end alone changes nothing."""
    projects = StoredProjects(wiring)
    del wiring.client.updated_at[70]
    assert projects.answers_mark(7) is None
    assert projects.read() == KnownProjects(frozenset({7}), {70: 7}, frozenset())
    del wiring.client.updated_at[7]
    assert projects.answers_mark(7) is None
    assert projects.read() == KnownProjects(frozenset(), {}, frozenset({7}))


def test_only_connected_projects_are_looked_at_for_labels(wiring: WiringOfTasks) -> None:
    """One that was only audited by hand is not; neither is one that was disconnected."""
    projects = StoredProjects(wiring)
    assert projects.told_of_labels() == frozenset()
    wiring.footprint.add(7, Trace("webhook", "1"))
    assert projects.told_of_labels() == {7}
    wiring.audits.disconnected(7)
    assert projects.told_of_labels() == frozenset()
