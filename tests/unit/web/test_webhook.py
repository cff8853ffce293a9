from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from errata.labelstudio.echoes import signed
from errata.web.security import Credentials

MakeWorld = Callable[..., Any]
PROJECT = {"id": 1, "title": "cars", "token": "hunter2", "label_config": "<View/>", "task_data_password": "x"}
ANNOTATION = {"id": 5, "task": 3, "project": 1, "result": [], "completed_by": 1, "was_cancelled": False}
TASK = {"id": 3, "project": 1, "data": {"image": "/data/3.png"}}


@pytest.mark.parametrize(
    "payload",
    [
        {"action": "ANNOTATION_CREATED", "annotation": ANNOTATION, "project": PROJECT, "task": TASK},
        {"action": "ANNOTATION_UPDATED", "annotation": ANNOTATION, "project": PROJECT, "task": TASK},
        {"action": "ANNOTATIONS_CREATED", "annotation": [ANNOTATION], "project": PROJECT, "task": [TASK]},
        {"action": "ANNOTATIONS_DELETED", "annotations": [{"id": 5}], "project": PROJECT},
        {"action": "TASKS_CREATED", "tasks": [TASK], "project": PROJECT},
        {"action": "TASKS_DELETED", "tasks": [{"id": 3}], "project": PROJECT},
        {"action": "ANNOTATION_CREATED", "annotation": ANNOTATION},
        {"action": "ANNOTATIONS_CREATED", "annotation": [ANNOTATION], "project": None},
        {"action": "TASKS_CREATED", "tasks": [TASK], "project": {}},
        {"action": "TASKS_CREATED", "project": 1},
    ],
)
def test_a_change_in_a_source_project_leads_to_an_audit_after_some_quiet(
    world: MakeWorld, payload: dict[str, Any]
) -> None:
    """Lists and single objects, with and without the project's object, as Label Studio sends them."""
    w = world()
    answer = w.client.post("/webhook", json=payload)
    assert (answer.status_code, answer.json()) == (200, {})
    assert w.queue.jobs == [("audit", 1, 60)]


@pytest.mark.parametrize("action", ["ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED"])
def test_a_decision_in_a_review_project_leads_to_its_verdicts_at_once(world: MakeWorld, action: str) -> None:
    """What a reviewer decides is taken into the source project's verdicts without delay."""
    w = world()
    w.client.post("/webhook", json={"action": action, "project": {"id": 2}, "annotation": {"id": 1}})
    assert w.queue.jobs == [("verdicts", 1, 0.0)]


def test_what_errata_answers_for_the_scan_board_brings_no_verdict(world: MakeWorld) -> None:
    """Until somebody changes it, or copies it into another task or another name."""
    note = {"from_name": "errata_note", "to_name": "image", "type": "textarea", "value": {"text": ["x"]}}
    choice = {"id": "v", "from_name": "errata_verdict", "type": "choices", "value": {"choices": ["keep"]}}
    own = {**ANNOTATION, "project": 2, "completed_by": 4, "result": signed([choice], note, 3, 4)}
    changed = {**choice, "value": {"choices": ["wrong"]}}
    answers = [own, {**own, "result": [changed, own["result"][1]]}, {**own, "task": 8}, {**own, "completed_by": 5}]
    for answer, jobs in zip(answers, ([], *([[("verdicts", 1, 0.0)]] * 3)), strict=True):
        w = world()
        w.client.post("/webhook", json={"action": "ANNOTATION_CREATED", "project": {"id": 2}, "annotation": answer})
        assert w.queue.jobs == jobs


@pytest.mark.parametrize(
    "payload",
    [
        {"action": "PROJECT_UPDATED", "project": PROJECT},
        {"action": "PROJECT_DELETED", "project": PROJECT},
        {"action": "LABEL_LINK_CREATED", "project": PROJECT},
        {"action": "SOMETHING_NEW", "project": PROJECT},
        {"action": "TASKS_CREATED", "tasks": [{"id": 1}], "project": {"id": 2}},  # errata filled its review project
        {"action": "ANNOTATION_CREATED", "project": {"id": 77}},  # a project that errata does not know
        {"action": "ANNOTATION_CREATED"},
        {"action": "ANNOTATION_CREATED", "project": {"id": "1"}, "annotation": "x", "tasks": [], "task": [7]},
        {"action": "ANNOTATION_CREATED", "project": {"id": True}},
        {"action": "START_TRAINING"},
        {"action": ["ANNOTATION_CREATED"], "project": PROJECT},
        {"action": None, "project": PROJECT},
        {},
    ],
)
def test_everything_else_is_acknowledged_and_starts_nothing(world: MakeWorld, payload: dict[str, Any]) -> None:
    """errata's own writes to projects must not start audits for ever; unknown events are not an error."""
    w = world()
    answer = w.client.post("/webhook", json=payload)
    assert (answer.status_code, answer.json()) == (200, {})
    assert w.queue.jobs == []


def test_start_training_begins_an_audit_and_names_its_job(world: MakeWorld) -> None:
    """The button in Label Studio needs a JSON object; it works for any project whose backend errata is."""
    w = world()
    for project_id in (1, 77):
        answer = w.client.post("/webhook", json={"action": "START_TRAINING", "project": {"id": project_id}})
        assert answer.json() == {"job": f"audit-{project_id}"}
    assert w.queue.jobs == [("audit", 1, 0.0), ("audit", 77, 0.0)]


def test_a_project_that_attached_errata_in_its_own_form_is_a_source(world: MakeWorld) -> None:
    """After /setup, label changes of the project lead to audits; a review project stays one."""
    w = world()
    for project in ("77.123", "2.123"):
        w.client.post("/setup", json={"project": project, "access_token": "x"})
    w.client.post("/webhook", json={"action": "ANNOTATION_CREATED", "project": {"id": 77}})
    w.client.post("/webhook", json={"action": "TASKS_CREATED", "project": {"id": 2}})
    assert w.queue.jobs == [("audit", 77, 60)]


def test_a_disconnected_project_starts_nothing_though_label_studio_still_asks(world: MakeWorld) -> None:
    """Project 3 was disconnected; what its owner attached by hand still calls /setup."""
    w = world()
    w.client.post("/setup", json={"project": "3.123"})
    w.client.post("/webhook", json={"action": "ANNOTATION_CREATED", "project": {"id": 3}})
    assert w.queue.jobs == []


def test_the_book_tells_which_projects_label_studio_attached(world: MakeWorld) -> None:
    """Those that no command connected are to be audited too; review and disconnected projects are not."""
    w = world()
    for project in ("77.123", "2.123", "3.123"):
        w.client.post("/setup", json={"project": project, "access_token": "x"})
    assert w.book.attached() == {77}


def test_status_says_when_webhooks_last_came_and_how_many_were_refused(world: MakeWorld) -> None:
    """By project, also of events that start nothing; nothing else of a payload is kept."""
    w = world(credentials=Credentials("errata", "pw", "s3cret"))
    before = w.client.get("/", auth=("errata", "pw")).json()
    assert before["webhooks"] == {"last": {}, "refused": 0}
    sent_at = datetime.now(timezone.utc)
    for secret in ("s3cret", "wrong"):
        event = {"action": "PROJECT_UPDATED", "project": PROJECT}
        w.client.post("/webhook", json=event, headers={"X-Errata-Secret": secret})
    answer = w.client.get("/", auth=("errata", "pw"))
    said = answer.json()
    assert said["webhooks"]["refused"] == 1
    assert list(said["webhooks"]["last"]) == ["1"]
    came_at = datetime.fromisoformat(said["webhooks"]["last"]["1"])
    assert datetime.fromisoformat(said["started_at"]) <= sent_at <= came_at
    assert "hunter2" not in answer.text
