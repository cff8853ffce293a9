"""errata is killed at the worst moments: nothing is lost, nothing is there twice, journal and Label Studio agree.

The tests are one story and run in order on one project.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.reviewer import answer_findings, label_of, source_state, without_labels, without_times
from errata.demo.source_project import make_source_project

N_DIGITS = 120
QUIET = LineProgress(lambda _: None)
PUSH = r"POST /api/projects/\d+/import/predictions"
PUBLISH = r"POST /api/projects/\d+/import\?return_task_ids"
APPLY = r"PATCH /api/annotations/"


@dataclass
class Story:
    """A project of digits, some labelled wrong, what their labels should be, and an errata that is killed."""

    client: Any
    project_id: int
    right: dict[int, str]
    errata: Any
    wire: Any
    before: dict[int, Any]

    def state(self) -> dict[int, Any]:
        return source_state(self.client, self.project_id)

    def killed_at(self, moment: str, nth: int, when: str, begin: Callable[[], None]) -> None:
        """Begin something, and kill errata before or after Label Studio accepted the n-th such request."""
        self.wire.break_at(moment, nth, when, self.errata.kill)
        begin()
        assert self.wire.broken.wait(180), self.errata.log
        self.errata.stop()

    def review_tasks(self) -> list[dict[str, Any]]:
        listed = self.client.paged("api/projects/", {"include": "id,description"})
        ids = [each["id"] for each in listed if f"project {self.project_id}]" in (each["description"] or "")]
        return [task for each in ids for task in self.client.paged("api/tasks/", {"project": each, "fields": "all"})]

    def predictions(self) -> list[list[str]]:
        """Return the model versions of each task's predictions."""
        listed = self.client.paged("api/tasks/", {"project": self.project_id, "fields": "all"})
        return [[prediction["model_version"] for prediction in task["predictions"]] for task in listed]

    def audit_finished(self) -> bool:
        audit = self.errata.last_audit(self.project_id)
        return bool(audit and audit.finished_at and not audit.problem)


@pytest.fixture(scope="module")
def story(label_studio: Any, make_errata: Callable[..., Any], lasting_wire: Any) -> Iterator[Story]:
    client = label_studio.client
    every = load_digits(seed=3, planted_share=0.1)
    digits = Digits(every.pngs[:N_DIGITS], every.given[:N_DIGITS], every.right[:N_DIGITS])
    project_id, task_ids = make_source_project(client, digits, QUIET)
    right = dict(zip(task_ids, digits.right, strict=True))
    errata = make_errata(lasting_wire.url)
    yield Story(client, project_id, right, errata, lasting_wire, source_state(client, project_id))
    for each in list(client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] == project_id or f"project {project_id}]" in (each["description"] or ""):
            client.delete(f"api/projects/{each['id']}/")


def test_killed_audit_is_finished_after_a_restart(story: Story, wait: Callable[..., Any]) -> None:
    """Killed before or right after Label Studio accepted a bulk write, again and again, the audit that was asked for
    once is done again by itself, each time on what the killed one left, and writes nothing twice.
    """
    errata = story.errata
    errata.serve()
    errata.run("connect", str(story.project_id), "--yes")
    event = {"action": "START_TRAINING", "project": {"id": story.project_id}}
    story.killed_at(PUSH, 1, "before", lambda: errata.post("webhook", event))
    assert {len(versions) for versions in story.predictions()} == {0}
    story.killed_at(PUSH, 1, "after", errata.start)
    pushed = story.predictions()
    assert {len(versions) for versions in pushed} == {1}
    story.killed_at(PUBLISH, 1, "before", errata.start)
    assert (story.predictions(), story.review_tasks()) == (pushed, [])
    story.killed_at(PUBLISH, 1, "after", errata.start)
    published = {task["data"]["finding"] for task in story.review_tasks()}
    assert published
    assert not story.audit_finished()
    errata.serve()
    wait(story.audit_finished, "the audit after the restarts")
    tasks = story.review_tasks()
    assert published <= {task["data"]["finding"] for task in tasks}
    assert max(Counter(task["data"]["finding"] for task in tasks).values()) == 1
    assert len(tasks) == errata.ask("status", str(story.project_id))["to_review"]
    predictions = story.predictions()
    assert {len(versions) for versions in predictions} == {1}
    assert len({version for versions in predictions for version in versions}) == 1
    assert story.state() == story.before
    errata.stop()


def test_killed_apply_is_finished_after_a_restart(story: Story, wait: Callable[..., Any]) -> None:
    """Killed between fixes, with one accepted and not yet answered: each fix is written once and can be undone."""
    errata, before = story.errata, story.before
    errata.settings["ERRATA_APPLY"] = "auto"
    judged_wrong = answer_findings(story.client, story.review_tasks()[0]["project"], story.right, QUIET)
    assert len(judged_wrong) > 6
    for nth, when, n_written in ((3, "before", 2), (3, "after", 5)):
        story.killed_at(APPLY, nth, when, errata.start)
        halfway = story.state()
        assert sum(label_of(halfway[task_id]) != label_of(before[task_id]) for task_id in before) == n_written
    errata.serve()

    def is_fixed() -> bool:
        now = story.state()
        return all(label_of(now[task_id]) == label for task_id, label in judged_wrong.items())

    def applied() -> int:
        return int(errata.ask("plan", str(story.project_id))["applied"])

    wait(is_fixed, "the rest of the fixes")
    wait(lambda: applied() == len(judged_wrong), "the journal")
    errata.stop()
    after = story.state()
    assert without_labels(after) == without_labels(before)
    undone = errata.ask("undo", "--all", str(story.project_id))
    assert undone["restored"] == len(judged_wrong)
    assert without_times(story.state()) == without_times(before)
