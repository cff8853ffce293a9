"""errata is killed at the worst moments: nothing is lost, nothing is there twice, journal and Label Studio agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
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


@pytest.fixture
def new_errata(make_errata: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Make erratas that end with their test: their polling would go on beside the next one."""
    made: list[Any] = []

    def make(*arguments: Any, **settings: str) -> Any:
        made.append(make_errata(*arguments, **settings))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def source(label_studio: Any) -> Iterator[tuple[int, dict[int, str]]]:
    """Return a project of digits, some labelled wrong, and what their labels should be."""
    every = load_digits(seed=3, planted_share=0.1)
    digits = Digits(every.pngs[:N_DIGITS], every.given[:N_DIGITS], every.right[:N_DIGITS])
    project_id, task_ids = make_source_project(label_studio.client, digits, QUIET)
    yield project_id, dict(zip(task_ids, digits.right, strict=True))
    for each in list(label_studio.client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] == project_id or f"project {project_id}]" in (each["description"] or ""):
            label_studio.client.delete(f"api/projects/{each['id']}/")


def review_tasks(client: Any, project_id: int) -> list[dict[str, Any]]:
    listed = client.paged("api/projects/", {"include": "id,description"})
    ids = [each["id"] for each in listed if f"project {project_id}]" in (each["description"] or "")]
    return [task for each in ids for task in client.paged("api/tasks/", {"project": each, "fields": "all"})]


def audit_finished(errata: Any, project_id: int) -> bool:
    audit = errata.last_audit(project_id)
    return bool(audit and audit.finished_at and not audit.problem)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("moment", [PUSH, PUBLISH], ids=["pushing predictions", "publishing findings"])
def test_killed_audit_is_finished_after_a_restart(
    moment: str,
    when: str,
    label_studio: Any,
    source: tuple[int, dict[int, str]],
    new_errata: Callable[..., Any],
    wire: Any,
    wait: Callable[..., Any],
) -> None:
    """Killed before or right after Label Studio accepted a bulk write, the audit is done again by itself, once."""
    project_id, _ = source
    client = label_studio.client
    before = source_state(client, project_id)
    errata = new_errata(wire.url)
    errata.serve()
    errata.run("connect", str(project_id), "--yes")
    wire.break_at(moment, 1, when, errata.kill)
    errata.post("webhook", {"action": "START_TRAINING", "project": {"id": project_id}})
    assert wire.broken.wait(180), errata.log
    errata.stop()
    errata.serve()
    wait(lambda: audit_finished(errata, project_id), "the audit after the restart")
    tasks = review_tasks(client, project_id)
    assert tasks
    assert max(Counter(task["data"]["finding"] for task in tasks).values()) == 1
    assert len(tasks) == errata.ask("status", str(project_id))["to_review"]
    listed = list(client.paged("api/tasks/", {"project": project_id, "fields": "all"}))
    versions = {prediction["model_version"] for task in listed for prediction in task["predictions"]}
    assert len(versions) == 1
    assert {len(task["predictions"]) for task in listed} == {1}
    assert source_state(client, project_id) == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_apply_is_finished_after_a_restart(
    when: str,
    label_studio: Any,
    source: tuple[int, dict[int, str]],
    new_errata: Callable[..., Any],
    wire: Any,
    wait: Callable[..., Any],
) -> None:
    """Killed between two fixes, with one accepted and not yet answered: each fix is written once and can be undone."""
    project_id, right = source
    client = label_studio.client
    before = source_state(client, project_id)
    errata = new_errata(wire.url, ERRATA_APPLY="auto")
    errata.run("audit", str(project_id))
    review_id = review_tasks(client, project_id)[0]["project"]
    judged_wrong = answer_findings(client, review_id, right, QUIET)
    assert len(judged_wrong) > 5
    errata.serve()
    wire.break_at(APPLY, 3, when, errata.kill)
    assert wire.broken.wait(180), errata.log
    errata.stop()
    halfway = source_state(client, project_id)
    n_written = sum(label_of(halfway[task_id]) != label_of(before[task_id]) for task_id in before)
    assert n_written == (2 if when == "before" else 3)
    errata.serve()

    def is_fixed() -> bool:
        now = source_state(client, project_id)
        return all(label_of(now[task_id]) == label for task_id, label in judged_wrong.items())

    wait(is_fixed, "the rest of the fixes")
    wait(lambda: errata.ask("plan", str(project_id))["applied"] == len(judged_wrong), "the journal")
    errata.stop()
    after = source_state(client, project_id)
    assert without_labels(after) == without_labels(before)
    undone = errata.ask("undo", "--all", str(project_id))
    assert undone["restored"] == len(judged_wrong)
    assert without_times(source_state(client, project_id)) == without_times(before)
