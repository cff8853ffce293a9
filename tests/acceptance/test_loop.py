"""The loop, end to end: a real Label Studio, errata as processes, people's answers through Label Studio's API.

The tests are one story and run in order on one project: digits of which every twentieth is labelled wrong.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.reviewer import label_of, source_state, without_labels, without_times
from errata.demo.source_project import CONFIG, CONTROL, choice, make_source_project

N_DIGITS = 240
QUIET = LineProgress(lambda _: None)


@dataclass
class Story:
    """What the tests of this file share."""

    client: Any
    project_id: int
    digits: Digits
    task_ids: list[int]
    errata: Any
    folder: Path
    before: dict[int, Any]
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def right(self) -> dict[int, str]:
        return dict(zip(self.task_ids, self.digits.right, strict=True))

    @property
    def planted(self) -> set[int]:
        return {self.task_ids[n] for n in self.digits.planted}

    def state(self) -> dict[int, Any]:
        return source_state(self.client, self.project_id)

    def review_tasks(self) -> list[dict[str, Any]]:
        listed = self.client.paged("api/projects/", {"include": "id,title"})
        ids = [each["id"] for each in listed if each["title"].startswith("Review: Handwritten digits")]
        tasks = [task for each in ids for task in self.client.paged("api/tasks/", {"project": each, "fields": "all"})]
        return sorted(tasks, key=lambda task: task["id"])

    def answer(self, task: dict[str, Any], decision: str, label: str | None = None) -> int:
        """Submit what a reviewer's page would: the label control as prefilled or edited, and the decision."""
        result = [choice(CONTROL, label or task["data"]["given_label"]), choice("errata_verdict", decision)]
        said = self.client.post(f"api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 2.0})
        return int(said["id"])


def some_digits(n: int) -> Digits:
    every = load_digits(seed=7)
    return Digits(every.pngs[:n], every.given[:n], every.right[:n])


@pytest.fixture(scope="module")
def story(label_studio: Any, make_errata: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    digits = some_digits(N_DIGITS)
    client = label_studio.client
    project_id, task_ids = make_source_project(client, digits, QUIET)
    folder = tmp_path_factory.mktemp("story")
    before = source_state(client, project_id)
    yield Story(client, project_id, digits, task_ids, make_errata(ERRATA_PREDICTIONS="all"), folder, before)
    for each in list(client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] == project_id or f"project {project_id}]" in (each["description"] or ""):
            client.delete(f"api/projects/{each['id']}/")


def test_dry_run_finds_errors_and_writes_nothing(story: Story) -> None:
    """`errata audit PROJECT --dry-run` tells what it would find and leaves Label Studio as it was."""
    said = story.errata.ask("audit", str(story.project_id), "--dry-run")
    examples = [finding["task"] for finding in said["examples"]]
    assert len(examples) == min(20, said["suspects"])
    assert len(story.planted.intersection(examples)) >= 8
    assert story.state() == story.before
    assert not story.review_tasks()
    assert story.client.get("api/webhooks/", {"project": story.project_id}) == []


def test_offline_audit_of_the_export_finds_the_same(story: Story, label_studio: Any) -> None:
    """The same code without a server: the same disagreements from Label Studio's own export and the files."""
    export = story.client.get(f"api/projects/{story.project_id}/export", {"exportType": "JSON"})
    (story.folder / "export.json").write_text(json.dumps(export))
    (story.folder / "config.xml").write_text(CONFIG)
    media = story.folder / "media" / "upload" / str(story.project_id)
    media.mkdir(parents=True)
    for task, png in zip(sorted(export, key=lambda t: t["id"]), story.digits.pngs, strict=True):
        (media / Path(task["data"]["image"]).name).write_bytes(png)
    findings = story.folder / "findings.jsonl"
    story.errata.run(
        "audit", str(story.folder / "export.json"), "--config", str(story.folder / "config.xml"),
        "--media", str(story.folder / "media"), "--out", str(findings),
        "--tasks-out", str(story.folder / "tasks.jsonl"),
    )  # fmt: skip
    lines = [json.loads(line) for line in findings.read_text().splitlines()]
    assert [line["disagreement"] for line in lines] == sorted((line["disagreement"] for line in lines), reverse=True)
    assert story.planted <= {line["task"] for line in lines}
    assert {line["task"] for line in lines[: len(story.planted)]} >= set(
        [f["task"] for f in lines if f["task"] in story.planted][:8]
    )
    assert set(lines[0]) == {
        "finding", "task", "annotation", "annotator", "control", "region", "kind", "label", "detectors",
        "disagreement", "p_wrong", "reason", "proposal", "stream", "model_version",
    }  # fmt: skip
    story.notes["offline"] = {line["task"]: line["disagreement"] for line in lines}
    assert len((story.folder / "tasks.jsonl").read_text().splitlines()) == N_DIGITS


def test_connect_adds_webhooks_with_the_secret_and_the_backend(story: Story) -> None:
    """Label Studio gets one webhook a project, with the secret, and errata as ML backend; twice is once."""
    story.errata.serve()
    story.errata.run("connect", str(story.project_id), "--yes")
    story.errata.run("connect", str(story.project_id), "--yes")
    (webhook,) = story.client.get("api/webhooks/", {"project": story.project_id})
    assert webhook["url"] == story.errata.url + "/webhook"
    assert list(webhook["headers"]) == ["X-Errata-Secret"]
    (backend,) = story.client.get("api/ml/", {"project": story.project_id})
    assert backend["state"] == "CO"


def test_audit_fills_the_review_project_most_likely_error_first(story: Story) -> None:
    """Predictions with scores go to the source, findings to the review project, in the order of their ids."""
    said = story.errata.ask("audit", str(story.project_id))
    tasks = story.review_tasks()
    assert said["open"] == len(tasks) == said["inserted"]
    disagreements = [task["data"]["disagreement"] for task in tasks]
    assert disagreements == sorted(disagreements, reverse=True)
    assert {task["data"]["source_task"] for task in tasks} >= story.planted
    offline = story.notes["offline"]
    assert {task["data"]["source_task"] for task in tasks} == set(offline)
    assert all(abs(task["data"]["disagreement"] - offline[task["data"]["source_task"]]) < 0.01 for task in tasks)
    listed = list(story.client.paged("api/tasks/", {"project": story.project_id, "fields": "all"}))
    versions = {p["model_version"] for task in listed for p in task["predictions"]}
    assert versions == {said["model_version"]}
    assert all(0 <= task["predictions"][0]["score"] <= 1 for task in listed)
    assert all(task["predictions"][0]["result"][0]["score"] is not None for task in listed)
    assert story.state() == story.before


def test_review_task_asks_a_question_with_evidence(story: Story) -> None:
    """A reviewer sees the given label filled in, the suggestion beside it, why, and no annotator's name."""
    task = story.review_tasks()[0]
    data = task["data"]
    asked = f'Labelled "{data["given_label"]}". The model suggests "{data["proposed_label"]}"'
    assert data["question"].startswith(asked)
    assert "The model never saw this label." in data["why"]
    given, suggested = sorted(task["predictions"], key=lambda prediction: prediction["id"])
    assert given["result"][0]["value"]["choices"] == [data["given_label"]]
    assert suggested["result"][0]["value"]["choices"] == [data["proposed_label"]]
    assert "example.com" not in json.dumps(data)


def test_auditing_twice_changes_nothing(story: Story) -> None:
    """The second audit pushes no prediction and inserts, moves and withdraws no review task."""
    ids = [task["id"] for task in story.review_tasks()]
    said = story.errata.ask("audit", str(story.project_id))
    assert (said["predictions"], said["inserted"], said["moved"], said["withdrawn"]) == (0, 0, 0, 0)
    assert [task["id"] for task in story.review_tasks()] == ids


def test_label_studio_gets_predictions_from_the_backend(story: Story) -> None:
    """`/predict` answers every task in order, a broken image among them, with the version that `/setup` names."""
    task = story.client.get("api/tasks/", {"project": story.project_id, "fields": "all", "page_size": 1})["tasks"][0]
    setup = story.errata.post("setup", {"project": f"{story.project_id}.1", "schema": CONFIG}).json()
    broken = {"id": 10**9, "data": {"image": "/data/upload/999/no-such-file.png"}, "is_labeled": True}
    tasks = [task, broken, task]
    body = {"tasks": tasks, "project": f"{story.project_id}.1", "label_config": CONFIG, "params": {"context": None}}
    results = story.errata.post("predict", body).json()["results"]
    assert len(results) == 3
    assert results[0] == results[2]
    assert results[0]["model_version"] == setup["model_version"]
    assert results[0]["result"] == task["predictions"][0]["result"]
    assert results[1]["result"] == []
    assert results[1]["model_version"] != setup["model_version"]  # or Label Studio would never ask again


def test_verdicts_arrive_and_contradictions_are_listed(story: Story, wait: Any) -> None:
    """Each answer becomes a verdict by webhook; keep with an edited label is recorded, listed and never applied."""
    tasks = story.review_tasks()
    for task in tasks[:-2]:
        answer = story.right[task["data"]["source_task"]]
        given, proposed = task["data"]["given_label"], task["data"]["proposed_label"]
        if answer == given:
            story.answer(task, "keep")
        elif answer == proposed:
            story.answer(task, "take_proposal")
        else:
            story.answer(task, "fix", answer)
    contradictory = tasks[-2]
    story.answer(contradictory, "keep", contradictory["data"]["proposed_label"])
    status = wait(
        lambda: (s := story.errata.ask("status", str(story.project_id)))["to_review"] == 1 and s, "all verdicts"
    )
    assert status["reviewed"] == len(tasks) - 2
    assert [each["task_id"] for each in status["contradictions"]] == [contradictory["data"]["source_task"]]
    assert "95 %" in status["sentence"]


def test_plan_names_what_else_writing_sets_off(story: Story) -> None:
    """The plan lists each change with who and why, and other people's webhooks."""
    hook = {"project": story.project_id, "url": "http://127.0.0.1:1/elsewhere", "send_for_all_actions": True}
    hook_id = story.client.post("api/webhooks/", hook)["id"]
    plan = story.errata.ask("plan", str(story.project_id))
    story.client.delete(f"api/webhooks/{hook_id}/")
    assert any("127.0.0.1:1" in effect for effect in plan["side_effects"])
    changed = {change["task_id"]: change["new_label"] for change in plan["changes"]}
    assert all(story.right[task_id] == label for task_id, label in changed.items())
    assert all(change["reviewer"] and change["reason"] for change in plan["changes"])
    story.notes["changed"] = changed


def test_export_has_the_fixes_and_nothing_else_changed(story: Story) -> None:
    """`errata export` merges confirmed fixes that are not applied yet, with a manifest."""
    out = story.folder / "clean.json"
    story.errata.run("export", str(story.project_id), "--out", str(out))
    clean = {task["id"]: task for task in json.loads(out.read_text())}
    for task_id, label in story.notes["changed"].items():
        assert clean[task_id]["annotations"][0]["result"][0]["value"]["choices"] == [label]
    manifest = json.loads((story.folder / "clean.json.manifest.json").read_text())
    assert manifest["fixes_merged"] == len(story.notes["changed"])
    assert story.state() == story.before


def test_apply_writes_the_fixes_and_nothing_else(story: Story) -> None:
    """After apply the planned labels are right; everything else in the source is as it was."""
    applied = story.errata.ask("apply", str(story.project_id))
    after = story.state()
    assert applied["written"] == len(story.notes["changed"])
    assert {task_id: label_of(after[task_id]) for task_id in story.notes["changed"]} == story.notes["changed"]
    assert without_labels(after) == without_labels(story.before)
    untouched = story.before.keys() - story.notes["changed"].keys()
    assert {task_id: after[task_id] for task_id in untouched} == {t: story.before[t] for t in untouched}
    assert story.errata.ask("apply", str(story.project_id))["written"] == 0
    story.notes["changeset"] = applied["changeset"]


def test_undo_restores_every_label(story: Story) -> None:
    """After undo the source is as before the apply, and undoing twice is once."""
    undone = story.errata.ask("undo", str(story.notes["changeset"]))
    assert undone["restored"] == len(story.notes["changed"])
    assert without_times(story.state()) == without_times(story.before)
    assert story.errata.ask("undo", str(story.notes["changeset"]))["restored"] == 0


def test_training_button_starts_an_audit(story: Story, wait: Any) -> None:
    """START_TRAINING audits the project in a child process; new tasks are predicted, unusable ones counted."""
    image = io.BytesIO()
    Image.new("L", (40, 40), 128).save(image, "PNG")
    files = [("new.png", image.getvalue()), ("broken.png", image.getvalue()[:30])]
    said = story.client.upload(f"api/projects/{story.project_id}/import", files)
    assert said["task_count"] == 2
    (backend,) = story.client.get("api/ml/", {"project": story.project_id})
    story.client.post(f"api/ml/{backend['id']}/train")

    def last_audit() -> Any:
        audit = story.errata.last_audit(story.project_id)
        return audit.finished_at and audit.summary["tasks"] == N_DIGITS + 2 and audit.summary

    summary = wait(last_audit, "the audit")
    assert any("media" in reason for reason in summary["skipped"])


def test_disconnect_takes_away_what_errata_added(story: Story) -> None:
    """Backend, webhooks and predictions go; labels stay."""
    story.errata.run("disconnect", str(story.project_id))
    story.errata.stop()
    assert story.client.get("api/webhooks/", {"project": story.project_id}) == []
    assert story.client.get("api/ml/", {"project": story.project_id}) == []
    listed = story.client.paged("api/tasks/", {"project": story.project_id, "fields": "all"})
    assert not [p for task in listed for p in task["predictions"]]


def test_no_token_reaches_a_log(story: Story, label_studio: Any) -> None:
    """Neither the service's log nor anything in the data folder holds the token or the backend's password."""
    files = [path for path in story.errata.data_dir.rglob("*") if path.is_file()]
    everything = story.errata.log.encode() + b"".join(path.read_bytes() for path in files)
    assert label_studio.token.encode() not in everything
    assert story.errata.password.encode() not in everything
