"""Any selection of tasks sent into the review project by hand, then audited, decided and applied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.reviewer import label_of, source_state, without_labels
from errata.demo.source_project import CONTROL, choice, make_source_project

N_DIGITS, N_IN_TAB = 120, 30


@dataclass
class Story:
    client: Any
    project_id: int
    task_ids: list[int]
    errata: Any
    folder: Path
    tab: int

    def send(self, *options: str) -> dict[str, Any]:
        said: dict[str, Any] = self.errata.ask("send", str(self.project_id), *options)
        return said

    def queue(self) -> list[dict[str, Any]]:
        """Return what stands in the review project, in the order people are served in."""
        listed = self.client.paged("api/projects/", {"include": "id,description"})
        ids = [each["id"] for each in listed if f"project {self.project_id}]" in (each["description"] or "")]
        tasks = [task for each in ids for task in self.client.paged("api/tasks/", {"project": each, "fields": "all"})]
        return sorted(tasks, key=lambda task: task["id"])

    def sent(self) -> list[dict[str, Any]]:
        return [task for task in self.queue() if task["data"]["stream"] == "selected"]


@pytest.fixture(scope="module")
def story(label_studio: Any, make_errata: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """An audited project, and a tab that shows its first tasks."""
    client = label_studio.client
    every = load_digits(seed=7)
    digits = Digits(every.pngs[:N_DIGITS], every.given[:N_DIGITS], every.right[:N_DIGITS])
    project_id, task_ids = make_source_project(client, digits, LineProgress(lambda _: None))
    items = [{"filter": "filter:tasks:id", "operator": "less", "type": "Number", "value": task_ids[N_IN_TAB]}]
    view = {"title": "First", "type": "list", "target": "tasks", "filters": {"conjunction": "and", "items": items}}
    tab = client.post("api/dm/views/", {"project": project_id, "data": view})["id"]
    errata = make_errata(ERRATA_PREDICTIONS="none")
    errata.ask("audit", str(project_id))
    yield Story(client, project_id, task_ids, errata, tmp_path_factory.mktemp("lists"), tab)
    for each in list(client.paged("api/projects/", {"include": "id,description"})):
        if each["id"] == project_id or f"project {project_id}]" in (each["description"] or ""):
            client.delete(f"api/projects/{each['id']}/")


def test_a_tab_is_sent_into_its_place_in_the_queue(story: Story) -> None:
    """Every label of the tab's tasks is asked about, most likely error first; suspects among them stay suspects."""
    suspects = {task["data"]["source_task"] for task in story.queue()}
    in_tab = set(story.task_ids[:N_IN_TAB])
    n_there = len(suspects & in_tab)
    assert 0 < n_there < len(suspects)
    assert story.send("--tab", str(story.tab)) == {
        "project": story.project_id, "tasks": N_IN_TAB, "labels": N_IN_TAB, "sent": N_IN_TAB - n_there,
        "already_there": n_there, "unlabelled": 0,
    }  # fmt: skip
    queue = story.queue()
    disagreements = [task["data"]["disagreement"] for task in queue]
    assert disagreements == sorted(disagreements, reverse=True)
    streams = {task["data"]["source_task"]: task["data"]["stream"] for task in queue}
    assert streams.keys() == suspects | in_tab
    assert {task for task, stream in streams.items() if stream == "suspect"} == suspects
    asked = story.sent()[-1]["data"]
    assert asked["question"] == f'Labelled "{asked["given_label"]}". Is the label right?'
    assert asked["why"] == "Sent by hand."


def test_a_list_is_sent_past_what_is_no_task(story: Story) -> None:
    """Lines that are no id, or no task of this project, are named; the rest goes on. Twice is once."""
    listed = story.task_ids[N_IN_TAB : N_IN_TAB + 3]
    there = {task["data"]["source_task"] for task in story.queue()}
    lines = [*map(str, listed), "", "task 7", "999999999", "9" * 30]
    (story.folder / "ids.txt").write_text("\n".join(lines))
    done = story.errata.done("send", str(story.project_id), "--ids", "ids.txt", folder=story.folder)
    assert done.returncode == 0, done.stderr
    new = [task for task in listed if task not in there]
    assert done.stdout.startswith(f"3 labels on 3 tasks: {len(new)} sent to review")
    for words in ("line 5: not a task's id: task 7", "has no task 999999999\n", f"has no task {'9' * 30}\n"):
        assert words in done.stderr
    assert {task["data"]["source_task"] for task in story.queue()} == there | set(listed)
    before = [task["id"] for task in story.queue()]
    said = story.send("--ids", str(story.folder / "ids.txt"))
    assert (said["sent"], said["already_there"]) == (0, 3)
    assert [task["id"] for task in story.queue()] == before


def test_an_audit_leaves_what_was_sent(story: Story) -> None:
    """Nothing is withdrawn, moved or made anew, although no model doubts these labels."""
    before = [task["id"] for task in story.queue()]
    said = story.errata.ask("audit", str(story.project_id))
    assert (said["inserted"], said["moved"], said["withdrawn"], said["open"]) == (0, 0, 0, len(before))
    assert [task["id"] for task in story.queue()] == before


def test_a_verdict_on_what_was_sent_is_applied_and_says_nothing_about_suspects(story: Story) -> None:
    """A fix is planned and written like any other; the share of wrong labels among suspects does not count it."""
    source = source_state(story.client, story.project_id)
    fixed, kept = story.sent()[-1], story.sent()[-2]
    given = fixed["data"]["given_label"]
    right = "1" if given == "0" else "0"
    for task, label, decision in ((fixed, right, "fix"), (kept, kept["data"]["given_label"], "keep")):
        result = [choice(CONTROL, label), choice("errata_verdict", decision)]
        story.client.post(f"api/tasks/{task['id']}/annotations/", {"result": result, "lead_time": 2.0})
    state = story.errata.ask("status", str(story.project_id))
    assert (state["reviewed"], state["wrong"], state["sent_reviewed"], state["sent_wrong"]) == (0, 0, 2, 1)
    assert (state["pending"], state["to_review"]) == (1, len(story.queue()) - 2)
    assert story.errata.ask("apply", str(story.project_id))["written"] == 1
    after = source_state(story.client, story.project_id)
    task_id = fixed["data"]["source_task"]
    assert label_of(after[task_id]) == right
    assert without_labels(after) == without_labels(source)
    assert {t: after[t] for t in after if t != task_id} == {t: source[t] for t in source if t != task_id}


def test_what_was_decided_is_not_asked_again(story: Story) -> None:
    """Neither the label that was kept nor the one that errata wrote; the review project stays as it is."""
    before = [task["id"] for task in story.queue()]
    said = story.send("--tab", str(story.tab))
    assert (said["sent"], said["already_there"]) == (0, N_IN_TAB)
    assert [task["id"] for task in story.queue()] == before


def test_wrong_selections_are_named(story: Story) -> None:
    """Exit 2 and a remedy; nothing is sent."""
    project = str(story.project_id)
    (story.folder / "none.txt").write_text("999999999\n")
    for options, words in (
        ((), "--tab ID for those of a tab, or --ids FILE"),
        (("--tab", "1", "--ids", "x"), "--tab ID for those of a tab, or --ids FILE"),
        (("--tab", "999999"), f"it has: {story.tab} (First)"),
        (("--ids", str(story.folder / "nowhere.txt")), "cannot be read as text"),
        (("--ids", str(story.folder / "none.txt")), "nothing was sent"),
    ):
        assert words in story.errata.run("send", project, *options, code=2)
