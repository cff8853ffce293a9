"""errata comes to a project that others have worked in for long, mends some labels, and leaves.

The tests are one story and run in order: with Label Studio on PostgreSQL, and with an earlier version of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

EARLIER = "1.21.0"


@dataclass
class Story:
    """What the tests of this file share."""

    project: Any
    errata: Any
    before: dict[str, Any]
    fresh_form: dict[str, Any]  # what somebody saw before errata came who has not annotated yet
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.project.id)

    def review_tasks(self) -> list[dict[str, Any]]:
        listed = self.project.owner.paged("api/projects/", {"include": "id,description"})
        (review_id,) = [each["id"] for each in listed if f"project {self.id}]" in (each["description"] or "")]
        return list(self.project.owner.paged("api/tasks/", {"project": review_id, "fields": "all"}))


def snapshot(project: Any) -> dict[str, Any]:
    """Return all that people see of a project, and all that they have made in it."""
    parts = ("settings", "backends", "webhooks", "views", "storages", "predictions", "tasks", "annotations")
    return {part: getattr(project, part)() for part in parts}


@pytest.fixture(scope="module", params=["PostgreSQL", EARLIER])
def server(request: pytest.FixtureRequest, start_label_studio: Callable[..., Any]) -> Iterator[Any]:
    """Label Studio of today on PostgreSQL, and an earlier one on SQLite; all other tests have today's on SQLite."""
    with ExitStack() as stack:
        if request.param == "PostgreSQL":
            environment = request.getfixturevalue("postgres_server")
            yield stack.enter_context(start_label_studio(**environment))
        else:
            yield stack.enter_context(start_label_studio(request.param))


@pytest.fixture(scope="module")
def story(server: Any, foreign: Any, live_in: Callable[..., Any], make_errata: Callable[..., Any]) -> Iterator[Story]:
    with live_in(server, foreign) as project:
        project.next_form(project.fresh)  # which lends the task to this person
        fresh_form = project.next_form(project.fresh)
        project.quick_view(project.fresh, project.unlabelled[0])
        # The audits of this story are those that are asked for.
        token = project.user_of_errata.token
        errata = make_errata(server.url, ERRATA_LABEL_STUDIO_TOKEN=token, ERRATA_AUDIT_DELAY_S="3600")
        errata.serve()
        yield Story(project, errata, snapshot(project), fresh_form)
        errata.stop()


def test_the_project_is_one_that_errata_did_not_make(story: Story) -> None:
    """Before errata comes there are three annotators, a skip, a draft, ground truths, a backend and its webhook."""
    before = story.before
    annotations = [json.loads(each) for each in before["annotations"].values()]
    assert len({each["completed_by"] for each in annotations}) == 3
    assert sum(each["was_cancelled"] for each in annotations) == 1
    assert sum(each["ground_truth"] for each in annotations) == 2
    assert sum(each["parent_prediction"] is not None for each in annotations) == 2
    assert sum(len(each["drafts"]) for each in before["tasks"].values()) == 1
    settings = before["settings"]
    assert (settings["maximum_annotations"], settings["model_version"]) == (2, "Meter reader")
    assert settings["start_training_on_annotation_update"] is True
    assert settings["created_by"]["id"] != story.project.user_of_errata.id
    assert [each["state"] for each in before["backends"]] == ["CO"]
    assert len(before["webhooks"]) == 2
    assert [each["data"]["title"] for each in before["views"]].count("Sevens") == 1
    assert len(before["storages"]) == 1
    assert len({task["data"]["photo"].split("/")[2] for task in before["tasks"].values()}) == 2
    assert story.project.foreign.asked("/predict")
    assert story.project.foreign.trainings >= 4
    assert story.project.foreign.asked("/team", "ANNOTATION_CREATED")


def test_connect_changes_nothing_that_people_see(story: Story) -> None:
    """The backend stays first and alone, the model version stays, and webhooks are added to those that are there."""
    dry = story.errata.run("connect", story.id, "--dry-run")
    assert "Meter reader" in dry
    assert snapshot(story.project) == story.before
    said = story.errata.run("connect", story.id, "--yes")
    assert "Meter reader" in said
    connected = story.notes["connected"] = snapshot(story.project)
    added = [hook for hook in connected["webhooks"] if hook not in story.before["webhooks"]]
    assert [hook["url"] for hook in added] == [f"{story.errata.url}/webhook"]
    assert connected | {"webhooks": story.before["webhooks"]} == story.before


def test_connecting_twice_is_once(story: Story) -> None:
    """The second time adds nothing."""
    story.errata.run("connect", story.id, "--yes")
    assert snapshot(story.project) == story.notes["connected"]


def test_audit_finds_the_wrong_labels_and_stores_no_prediction_where_people_still_label(story: Story) -> None:
    """Wrong labels, and those that annotators differ about, are suspects; open tasks get no prediction of errata's."""
    said = story.errata.ask("audit", story.id)
    assert said["from_predictions"] == {"reader-3": 2}  # what annotators took over from a model is no evidence
    tasks = story.review_tasks()
    assert {task["data"]["source_task"] for task in tasks} >= story.project.planted
    assert story.project.annotations() == story.before["annotations"]
    assert story.project.tasks() == story.before["tasks"]
    assert {part: getattr(story.project, part)() for part in ("settings", "backends", "views")} == {
        part: story.before[part] for part in ("settings", "backends", "views")
    }
    predictions = story.project.predictions()
    assert {key: predictions[key] for key in story.before["predictions"]} == story.before["predictions"]
    added = [json.loads(predictions[key]) for key in predictions.keys() - story.before["predictions"].keys()]
    assert added
    assert all(each["model_version"].startswith("errata-") for each in added)
    open_tasks = {*story.project.unlabelled, *story.project.still_open}
    assert not open_tasks & {each["task"] for each in added}


def test_annotators_see_the_same_form(story: Story) -> None:
    """In the stream and in quick view a person sees what their own backend says, and nothing of errata's."""
    project = story.project
    assert project.next_form(project.fresh) == story.fresh_form
    n_asked = len(project.foreign.asked("/predict"))
    seen = [project.next_form(project.newcomer), project.quick_view(project.newcomer, project.unlabelled[1])]
    assert len(project.foreign.asked("/predict")) > n_asked
    for form in seen:
        assert {each["model_version"] for each in form["predictions"]} == {"reader-3"}
    story.notes["predictions"] = {
        key: value for key, value in project.predictions().items() if json.loads(value)["model_version"] == "reader-3"
    }


def test_plan_names_trainings_and_other_people_s_webhooks(story: Story, wait: Any) -> None:
    """A reviewer decides in the review project; what applying sets off elsewhere is said before it is done."""
    project = story.project
    right = {task["data"]["finding"]: project.right[task["data"]["source_task"]] for task in story.review_tasks()}
    for task in story.review_tasks():
        project.decide(task, right[task["data"]["finding"]])
    n_findings = len(right)
    wait(lambda: story.errata.ask("status", story.id)["reviewed"] == n_findings, "all verdicts")
    plan = story.errata.ask("plan", story.id)
    effects = " ".join(plan["side_effects"])
    assert "Meter reader" in effects
    assert "train" in effects
    assert project.foreign.url in effects
    changes = {change["annotation_id"]: change["new_label"] for change in plan["changes"]}
    wrong = {key for key, value in story.before["annotations"].items() if project.is_wrong(json.loads(value))}
    assert set(changes) == wrong
    assert project.annotations() == story.before["annotations"]
    story.notes["changes"] = changes


def test_apply_changes_the_planned_labels_and_trains_nobody(story: Story) -> None:
    """Every other annotation is the same to the byte; training is paused and set on again."""
    changes, n_trainings = story.notes["changes"], story.project.foreign.trainings
    applied = story.errata.ask("apply", story.id, "--pause-training")
    assert applied["written"] == len(changes)
    after = story.project.annotations()
    assert after.keys() == story.before["annotations"].keys()
    untouched = after.keys() - changes.keys()
    assert {key: after[key] for key in untouched} == {key: story.before["annotations"][key] for key in untouched}
    for key, label in changes.items():
        assert without_label(after[key]) == without_label(story.before["annotations"][key])
        assert json.loads(after[key])["result"][0]["value"] == {"choices": [label]}
    assert story.project.foreign.trainings == n_trainings
    assert story.project.settings() == story.before["settings"]
    story.notes |= {"changeset": applied["changeset"]}


def without_label(annotation: str) -> dict[str, Any]:
    """Return an annotation without what a fix changes: the value, and when and by whom it was written.

    Label Studio counts regions when an annotation is written, and not when it is imported.
    """
    whole = json.loads(annotation)
    for region in whole["result"]:
        region.pop("value")
    return {key: value for key, value in whole.items() if key not in ("updated_at", "updated_by", "result_count")}


def test_undo_restores_the_labels(story: Story) -> None:
    """Undone, every label is as it was; what was never planned is still the same to the byte."""
    n_trainings = story.project.foreign.trainings
    undone = story.errata.ask("undo", str(story.notes["changeset"]), "--pause-training")
    assert story.project.foreign.trainings == n_trainings
    assert undone["restored"] == len(story.notes["changes"])
    before, after = story.before["annotations"], story.project.annotations()
    assert {key: value for key, value in after.items() if key not in story.notes["changes"]} == {
        key: value for key, value in before.items() if key not in story.notes["changes"]
    }
    for key in story.notes["changes"]:
        assert json.loads(after[key])["result"] == json.loads(before[key])["result"]
        assert without_label(after[key]) == without_label(before[key])


def test_disconnect_leaves_the_fixes_and_nothing_else(story: Story) -> None:
    """Settings, backends, webhooks, predictions and views are as before errata came; the fixes stay."""
    n_trainings = story.project.foreign.trainings
    applied = story.errata.ask("apply", story.id, "--pause-training", "--include-undone")
    assert applied["written"] == len(story.notes["changes"])
    assert story.project.foreign.trainings == n_trainings
    fixed = story.project.annotations()
    story.errata.run("disconnect", story.id, "--delete-review", "--yes", "--purge")
    story.errata.stop()
    left = snapshot(story.project)
    for part in ("settings", "backends", "webhooks", "views", "storages"):
        assert left[part] == story.before[part], part
    assert left["predictions"] == story.notes["predictions"]
    assert left["annotations"] == fixed
    titles = [each["title"] for each in story.project.owner.paged("api/projects/", {"include": "id,title"})]
    assert not [title for title in titles if title.startswith("Review: Meter")]
    assert {task_id: task["data"] for task_id, task in left["tasks"].items()} == {
        task_id: task["data"] for task_id, task in story.before["tasks"].items()
    }
    for key, label in story.notes["changes"].items():
        assert json.loads(fixed[key])["result"][0]["value"] == {"choices": [label]}
