"""Annotators at work on a project while errata is connected to it: they see what they saw before."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from errata.demo.label_studio import free_port

LABELS = ["car", "truck"] * 6
FORM = """() => {
    const store = window.Htx?.annotationStore, shown = store?.selected;
    const editor = document.querySelector(".lsf-editor");
    if (!shown || !editor?.querySelector("canvas") || editor.innerText.includes("Downloading image")) return null;
    return {
        annotations: store.annotations.length,
        predictions: store.predictions.length,
        began_with: shown.parent_prediction ?? null,
        answers: shown.results.length,
        entries: document.querySelectorAll(".lsf-annotation-button").length,
        checked: [...document.querySelectorAll(".lsf-editor input")].filter((each) => each.checked).length,
        text: editor.innerText,
    };
}"""
# Who gave an annotation and when: the page names the annotator themselves until it knows the others' names.
_GIVEN = re.compile(r"\b[^\n]{1,2}\n[^\n]+\n[^\n]*\bago\b")


@dataclass(frozen=True)
class Errata:
    """errata's commands and its service."""

    environment: dict[str, str]
    url: str
    log: Path

    def run(self, *arguments: str) -> str:
        """Run a command; return what it prints."""
        command = [sys.executable, "-m", "errata", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answers(self) -> bool:
        """Say whether the service is up."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health", trust_env=False).is_success
        return False

    def n_asked(self) -> int:
        """Return how often Label Studio asked for predictions."""
        return self.log.read_text(errors="replace").count("POST /predict 200")


@pytest.fixture
def errata(label_studio: Any, tmp_path: Path) -> Iterator[Errata]:
    """Serve errata as its ML backend to the test run's Label Studio, with the default for who sees predictions."""
    port, log = free_port(), tmp_path / "serve.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")} | {
        "ERRATA_LABEL_STUDIO_URL": label_studio.url,
        "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
        "ERRATA_DATA_DIR": str(tmp_path / "data"),
        "ERRATA_ENCODER": "pixels",
        "ERRATA_PORT": str(port),
    }
    made = Errata(environment, f"http://127.0.0.1:{port}", log)
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "errata", "serve"]
        with subprocess.Popen(command, env=environment, stdout=sink, stderr=subprocess.STDOUT) as process:
            eventually(made.answers)
            yield made
            process.terminate()


def eventually(condition: Callable[[], bool], timeout_s: float = 300, pause_s: float = 0.1) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(pause_s)


@pytest.fixture
def annotator(browser: Browser, label_studio: Any) -> Iterator[Page]:
    """Let somebody who is no administrator sign up by the invitation link, and log in."""
    context = browser.new_context(viewport={"width": 1366, "height": 800})
    context.set_default_timeout(180_000)
    context.route(lambda url: not url.startswith(label_studio.url), lambda route: route.abort())
    page = context.new_page()
    page.goto(label_studio.url + label_studio.client.get("api/invite")["invite_url"].lstrip("/"))
    page.fill("input[name=email]", f"annotator-{secrets.token_hex(4)}@example.com")
    page.fill("input[name=password]", "a-long-password")
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "signup" not in url)
    user = page.evaluate("async () => (await fetch('/api/current-user/whoami')).json()")
    yield page
    context.close()
    label_studio.client.delete(f"api/users/{user['id']}/")


@dataclass(frozen=True)
class Work:
    """What an annotator has before them: a project, and a task of it that still needs them."""

    project_id: int
    task_id: int
    n_others: int  # annotations of others that are there


@pytest.fixture
def colleague(label_studio: Any) -> Iterator[int]:
    """Make an account that labels, too; return its id."""
    name = f"colleague-{secrets.token_hex(4)}"
    made = label_studio.client.post("api/users/", {"username": name, "email": f"{name}@example.com"})
    yield made["id"]
    label_studio.client.delete(f"api/users/{made['id']}/")


@pytest.fixture
def works(label_studio: Any, project: Any, colleague: int) -> list[Work]:
    """Labelled projects with one open task; at overlap 2 somebody else is done with that one, and all others are."""
    return [_work(label_studio.client, project(LABELS), overlap, colleague) for overlap in (1, 2)]


def _work(client: Any, source: Any, overlap: int, colleague: int) -> Work:
    listed = list(client.paged("api/tasks/", {"project": source.id, "fields": "all"}))
    body = [{"data": {"image": listed[0]["data"]["image"]}}]
    (task_id,) = client.post(f"api/projects/{source.id}/import", body, params={"return_task_ids": "true"})["task_ids"]
    if overlap == 2:
        client.patch(f"api/projects/{source.id}/", {"maximum_annotations": 2})
        for task in (*listed, {"id": task_id, "annotations": listed[0]["annotations"]}):
            said = {"result": task["annotations"][0]["result"], "completed_by": colleague}
            client.post(f"api/tasks/{task['id']}/annotations/", said)
    open_ = [t["id"] for t in client.paged("api/tasks/", {"project": source.id}) if not t["is_labeled"]]
    assert open_ == [task_id]
    return Work(source.id, task_id, overlap - 1)


def form(page: Page) -> dict[str, Any]:
    """Return what a form shows once it is there; the page builds it several times over."""
    expect(page.locator("button", has_text=re.compile("Submit|Update"))).to_be_visible()
    readings: list[dict[str, Any] | None] = [None]

    def is_settled() -> bool:
        readings.append(page.evaluate(FORM))
        return readings[-1] is not None and readings[-1] == readings[-2]

    eventually(is_settled, pause_s=0.5)
    shown = readings[-1] or {}
    return shown | {"text": _GIVEN.sub("somebody, ... ago", shown["text"])}


def in_quick_view(page: Page, url: str, work: Work) -> dict[str, Any]:
    """Click on the task's row, and begin an annotation of one's own where others' are shown first."""
    page.goto(f"{url}projects/{work.project_id}/data?task={work.task_id}")
    shown = form(page)
    if work.n_others:  # of theirs, which fills in when it likes, only the tabs
        tabs = {name: shown[name] for name in ("entries", "predictions")}
        page.get_by_role("button", name="Create an annotation").click()
        expect(page.locator("button", has_text="Submit")).to_be_visible()
        shown = {"first": tabs, **form(page)}
    return shown


def in_stream(page: Page, url: str, work: Work) -> dict[str, Any]:
    """Press "Label All Tasks"."""
    page.goto(f"{url}projects/{work.project_id}/data")
    page.get_by_role("button", name="Label All Tasks").click()
    expect(page.locator("button", has_text="Skip")).to_be_visible()
    return form(page)


def seen(page: Page, url: str, works: list[Work]) -> dict[str, Any]:
    """Return every form of every project."""
    forms = {f"quick view, {work.n_others} others": in_quick_view(page, url, work) for work in works}
    return forms | {f"stream, {work.n_others} others": in_stream(page, url, work) for work in works}


def test_annotators_see_the_same_empty_form_before_and_after(
    annotator: Page, label_studio: Any, works: list[Work], errata: Errata
) -> None:
    """errata connected, attached as ML backend and audited: the same form in quick view and stream, and nothing in it.

    Label Studio does ask errata about the task: that errata withholds shows when it is told not to.
    """
    client, url = label_studio.client, label_studio.url
    ids = [str(work.project_id) for work in works]
    before = seen(annotator, url, works)
    for shown in before.values():
        assert (shown["predictions"], shown["answers"], shown["checked"], shown["began_with"]) == (0, 0, 0, None)

    errata.run("connect", *ids, "--yes", "--backend")
    errata.run("audit", "--all")
    for work in works:
        assert [each["title"] for each in client.get("api/ml/", {"project": work.project_id})] == ["errata"]
    n_asked = errata.n_asked()
    for _ in range(2):  # the first time might leave something that shows the second time
        assert seen(annotator, url, works) == before
    eventually(lambda: errata.n_asked() >= n_asked + len(works))
    for work in works:
        assert not client.get(f"api/projects/{work.project_id}/")["model_version"]
        tasks = {t["id"]: t for t in client.paged("api/tasks/", {"project": work.project_id, "fields": "all"})}
        assert [len(task["predictions"]) for id_, task in tasks.items() if id_ != work.task_id] == [1] * len(LABELS)
        assert tasks[work.task_id]["predictions"] == []
        annotate(annotator, url, work, client)

    errata.run("connect", *ids, "--yes", "--predictions", "all")
    for work in works:
        entries = before[f"quick view, {work.n_others} others"]["entries"]
        eventually(lambda work=work, n=entries: in_quick_view(annotator, url, work)["entries"] > n)


def annotate(page: Page, url: str, work: Work, client: Any) -> None:
    """Give an answer, see that it began with nothing, and take it back."""
    in_quick_view(page, url, work)
    choice = page.locator("label").filter(has_text="car[1]")
    choice.click()
    expect(choice.locator("input")).to_be_checked()
    with page.expect_response(lambda said: said.request.method == "POST" and "annotations" in said.url) as said:
        page.locator("button", has_text="Submit").click()
    given = said.value.json()
    assert (given["parent_prediction"], given["result"][0]["origin"]) == (None, "manual")
    client.delete(f"api/annotations/{given['id']}/")
