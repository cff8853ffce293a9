"""Several projects on one server: each with settings, model, version, queue and review project of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.source_project import CONFIG, CONTROL, choice, make_source_project

N_DIGITS = 40


@dataclass
class Source:
    """A project of digits; the last task has no label."""

    id: int
    task_ids: list[int]
    open_task: dict[str, Any]


@dataclass
class Story:
    client: Any
    errata: Any
    own: Source  # believed by errata's own model, predictions on all tasks
    stored: Source  # believed by stored predictions, predictions on labelled tasks
    bare: int  # the id of a project without labels: nothing can be learned there

    def ask(self, source: Source) -> tuple[str, list[str | None]]:
        """Return the version that /setup names, and those that /predict gives a labelled and an open task."""
        of = f"{source.id}.1"
        labelled = {"id": source.task_ids[0], "data": source.open_task["data"], "is_labeled": True}
        tasks = [labelled, {**source.open_task, "is_labeled": False}]
        setup = self.errata.post("setup", {"project": of, "schema": CONFIG}).json()
        body = {"tasks": tasks, "project": of, "label_config": CONFIG, "params": {}}
        results = self.errata.post("predict", body).json()["results"]
        return setup["model_version"], [each["model_version"] if each else None for each in results]

    def queue(self, source: Source) -> list[int]:
        """Return the source tasks of the project's review project."""
        listed = self.client.paged("api/projects/", {"include": "id,description"})
        (review_id,) = [p["id"] for p in listed if f"project {source.id}]" in (p["description"] or "")]
        tasks = self.client.paged("api/tasks/", {"project": review_id, "fields": "all"})
        return [task["data"]["source_task"] for task in tasks]

    def audits(self) -> dict[int, int]:
        """Return project -> id of its last audit that has ended."""
        found = {}
        for source in (self.own, self.stored):
            last = self.errata.last_audit(source.id)
            found[source.id] = last.id if last and last.finished_at else 0
        return found


def make_source(client: Any, digits: Digits) -> Source:
    project_id, task_ids = make_source_project(client, digits, LineProgress(lambda _: None))
    listed = client.get("api/tasks/", {"project": project_id, "page_size": 1, "resolve_uri": "false"})["tasks"]
    data = {"image": listed[0]["data"]["image"]}
    said = client.post(f"api/projects/{project_id}/import", [{"data": data}], {"return_task_ids": "true"})
    return Source(project_id, task_ids, {"id": said["task_ids"][0], "data": data})


@pytest.fixture(scope="module")
def story(label_studio: Any, make_errata: Any) -> Iterator[Story]:
    client = label_studio.client
    every = load_digits(seed=7)
    digits = Digits(every.pngs[:N_DIGITS], every.given[:N_DIGITS], every.right[:N_DIGITS])
    own, stored = (make_source(client, digits) for _ in range(2))
    bare = client.post("api/projects/", {"title": "Bare", "label_config": CONFIG})["id"]
    client.post(f"api/projects/{bare}/import", [{"data": own.open_task["data"]}])
    rows = [
        {"task": task_id, "result": [choice(CONTROL, label)], "score": 0.9, "model_version": "theirs"}
        for task_id, label in zip(stored.task_ids, digits.right, strict=True)
    ]
    client.post(f"api/projects/{stored.id}/import/predictions", rows)
    errata = make_errata(ERRATA_ENCODER="resnet50", ERRATA_PREDICTIONS="none")
    errata.serve()
    yield Story(client, errata, own, stored, bare)
    errata.stop()
    made = [own.id, stored.id, bare]
    for each in list(client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] in made or any(f"project {m}]" in (each["description"] or "") for m in made):
            client.delete(f"api/projects/{each['id']}/")


def test_one_failing_project_does_not_stop_the_others(story: Story) -> None:
    """`audit --all` goes on past a project that cannot be audited, says each outcome, ends with the worst exit code."""
    errata = story.errata
    errata.run("connect", str(story.bare), "--encoder", "pixels", "--yes")
    errata.run("connect", str(story.own.id), "--predictions", "all", "--encoder", "pixels", "--yes")
    errata.run("connect", str(story.stored.id), "--predictions", "labelled", "--belief", "stored", "--yes")
    done = errata.done("audit", "--all", "--limit", "5", "--json")
    outcomes = {each["project"]: each for each in json.loads(done.stdout)["projects"]}
    assert (done.returncode, list(outcomes)) == (2, sorted((story.own.id, story.stored.id, story.bare)))
    assert [outcomes[each.id]["exit_code"] for each in (story.own, story.stored)] == [0, 0]
    assert [outcomes[each.id]["suspects"] > 0 for each in (story.own, story.stored)] == [True, True]
    assert outcomes[story.bare]["exit_code"] == 2
    assert '"Bare" cannot be audited yet' in outcomes[story.bare]["problem"]


def test_status_is_a_row_each(story: Story) -> None:
    """Aligned for people, a list for programs; what went wrong is said below, with the project it is about."""
    rows = {row["project"]: row for row in json.loads(story.errata.run("status", "--json"))}
    assert rows.keys() == {story.own.id, story.stored.id, story.bare}
    assert {row["connected"] for row in rows.values()} == {"webhooks + backend"}
    assert [rows[each]["to_review"] > 0 for each in (story.own.id, story.stored.id, story.bare)] == [True, True, False]
    assert rows[story.own.id]["audit_problem"] is None
    lines = story.errata.run("status").splitlines()
    assert len({line.index(way) for line, way in zip(lines, ["connected", *["webhooks"] * 3], strict=False)}) == 1
    assert lines[4].startswith(f'{story.bare}: the last audit: "Bare" cannot be audited yet')


def test_each_project_answers_with_its_own_model(story: Story) -> None:
    """Versions differ; open tasks get a prediction in the one project and none in the other, whatever the default."""
    own, of_own = story.ask(story.own)
    stored, of_stored = story.ask(story.stored)
    assert own.startswith("errata-")
    assert stored.startswith("errata-")
    assert own != stored
    assert (of_own, of_stored) == ([own, own], [stored, None])
    for source, version in ((story.own, own), (story.stored, stored)):
        listed = list(story.client.paged("api/tasks/", {"project": source.id, "fields": "all"}))
        pushed = {task["id"] for task in listed if version in {p["model_version"] for p in task["predictions"]}}
        assert pushed >= set(source.task_ids)
        assert (source.open_task["id"] in pushed) == (source is story.own)


def test_queues_do_not_mix(story: Story) -> None:
    """Each review project asks about labels of its own source alone."""
    for source in (story.own, story.stored):
        assert story.queue(source)
        assert set(story.queue(source)) <= set(source.task_ids)


def test_a_webhook_of_one_project_audits_that_one(story: Story, wait: Any) -> None:
    """The other's last audit stays the last."""
    wait(lambda: all(story.audits().values()), "both audits")
    before = story.audits()
    task = story.client.get("api/tasks/", {"project": story.own.id, "page_size": 1, "fields": "all"})["tasks"][0]
    (annotation,) = task["annotations"]
    given = annotation["result"][0]["value"]["choices"][0]
    result = [choice(CONTROL, "1" if given == "0" else "0")]
    story.client.patch(f"api/annotations/{annotation['id']}/", {"result": result})
    wait(lambda: story.audits()[story.own.id] > before[story.own.id], "the audit")
    assert story.audits()[story.stored.id] == before[story.stored.id]


def test_connecting_again_changes_what_a_running_server_does(story: Story, wait: Any) -> None:
    """Without a restart, and only for that project."""
    version, said = story.ask(story.own)
    assert said == [version, version]
    story.errata.run("connect", str(story.own.id), "--predictions", "labelled", "--yes")
    wait(lambda: story.ask(story.own)[1][1] is None, "the new setting")
    assert story.ask(story.own)[1][0] is not None
    version, said = story.ask(story.stored)
    assert said == [version, None]
    story.errata.run("connect", str(story.stored.id), "--predictions", "none", "--yes")
    wait(lambda: story.ask(story.stored)[1][0] is None, "the new setting")
