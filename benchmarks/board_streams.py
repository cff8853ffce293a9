"""The same findings judged twice by a script: on the board, and in Label Studio's own label stream.

The script goes on as soon as the page shows the next one with its picture, so it measures the pages, not people. Each
verdict is explicit: a key on the board; a decision's key and Ctrl+Enter in the review project's stream ("Label All
Tasks"), which is filled in and has nothing to scroll. All findings are kept in the stream and called wrong on the
board, so that every verdict there is a change. errata is not running while the stream is measured.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol

from board_chromium import WINDOW, Pages, until, wait_for_page, wait_until_saved
from playwright.sync_api import Page
from pydantic import SecretStr
from reaudit import digits

from errata.audit.progress import LineProgress
from errata.demo.label_studio import LabelStudioServer
from errata.demo.source_project import CONTROL, make_source_project
from errata.labelstudio.client import LabelStudio
from errata.settings import Settings
from errata.wiring import Wiring

_TILES_OF_A_PAGE = 40
_DIGITS_OF_A_FINDING = 24  # one label in 20 is wrong

# Another task than the last one stands there, with its picture and its form.
_NEXT_TASK = """
(last) => {
  const task = window.Htx?.task;
  const form = [...document.querySelectorAll("label")].some((label) => label.textContent.includes("[q]"));
  const pictures = [...document.querySelectorAll("img")].filter((img) => img.src.startsWith("blob:"));
  const isShown = pictures.some((img) => img.complete && img.naturalWidth);
  return task && task.id !== last && form && isShown ? task.id : null;
}
"""
_CHOSEN = """
() => {
  const ours = [...document.querySelectorAll("label")].find((label) => label.textContent.includes("[q]"));
  return Boolean(ours?.querySelector("input:checked"));
}
"""
# The tile shows a decision.
_MARKED = """
(index) => new Promise((done) => {
  const badge = document.querySelector(`#tile-${index} .badge.mine`);
  const look = () => (badge.textContent ? done() : requestAnimationFrame(look));
  look();
})
"""


class Errata(Protocol):
    """errata's commands and its service, as processes."""

    environment: dict[str, str]

    def run(self, *arguments: str) -> None: ...

    def start(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(frozen=True)
class Judging:
    """What judging took.

    Attributes:
        n: verdicts.
        seconds: from the first key to the last answer.
    """

    n: int
    seconds: float

    @property
    def ms(self) -> float:
        """A verdict's."""
        return round(1000 * self.seconds / self.n, 1)


def machine_time(
    client: LabelStudio, server: LabelStudioServer, errata: Errata, pages: Pages, n: int
) -> dict[str, Any]:
    """Judge `n` findings of a project of digits in the label stream and on the board.

    Raises:
        RuntimeError: a verdict is missing afterwards.
    """
    errata.kill()
    settings = Settings(
        label_studio_url=server.url,
        label_studio_token=SecretStr(server.token),
        data_dir=errata.environment["ERRATA_DATA_DIR"],
    )
    project_id, _ = make_source_project(client, digits(n * _DIGITS_OF_A_FINDING), LineProgress(lambda _: None))
    errata.run("audit", str(project_id), "--json")
    with closing(Wiring(settings)) as wiring:
        review_tasks = wiring.audits.in_review(project_id)
    errata.start()
    address = f"scan.html?project={project_id}&by=queue"
    with pages.visit(address) as page:
        path = f"projects/{project_id}/tiles?control={CONTROL}&show=suspects&limit=40&offset="
        keys = [
            tile["key"]
            for start in range(0, n, _TILES_OF_A_PAGE)
            for tile in pages.ask(page, f"{path}{start}")["tiles"]
        ][:n]
    errata.kill()
    wanted = [review_tasks[key] for key in keys]
    stream = _in_stream(client, server, pages, _keep_only(client, wanted), n)
    errata.start()
    board = _on_board(pages, address, n)
    return {
        "machine_time_ratio": round(stream.ms / board.ms, 1),
        "board_ms_a_verdict": board.ms,
        "stream_ms_a_verdict": stream.ms,
        "judged": n,
    }


def _keep_only(client: LabelStudio, task_ids: list[int]) -> int:
    """Delete all other tasks of the review project; return its id."""
    review_id = int(client.get(f"api/tasks/{task_ids[0]}/")["project"])
    listed = client.paged("api/tasks/", {"project": review_id, "fields": "task_only"})
    others = [int(task["id"]) for task in listed if task["id"] not in set(task_ids)]
    if others:
        chosen = {"selectedItems": {"all": False, "included": others}}
        client.post("api/dm/actions/", chosen, {"id": "delete_tasks", "project": review_id})
    return review_id


def _in_stream(client: LabelStudio, server: LabelStudioServer, pages: Pages, review_id: int, n: int) -> Judging:
    context = pages.browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]  # a TypedDict
    context.set_default_timeout(120_000)
    # Label Studio's page asks other hosts for news and fonts.
    context.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
    page = context.new_page()
    _log_in(page, server)
    page.goto(f"{server.url}projects/{review_id}/data")
    page.get_by_role("button", name="Label All Tasks").click()
    page.get_by_role("dialog").or_(page.get_by_text("Labeling Instructions")).first.wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("Labeling Instructions").wait_for(state="hidden")
    shown = page.wait_for_function(_NEXT_TASK, arg=0).json_value()
    stored: list[int] = []
    page.on("response", lambda said: stored.append(said.status) if _is_submission(said) else None)
    began = time.perf_counter()
    for done in range(1, n + 1):
        page.keyboard.press("q")
        page.wait_for_function(_CHOSEN)
        page.keyboard.press("Control+Enter")
        if done < n:
            shown = page.wait_for_function(_NEXT_TASK, arg=shown).json_value()
    while len(stored) < n:  # the last one is on its way
        page.wait_for_timeout(5)
    took_s = time.perf_counter() - began
    context.close()
    project = client.get(f"api/projects/{review_id}/")
    if set(stored) != {201} or project["num_tasks_with_annotations"] != n:
        raise RuntimeError(f"{project['num_tasks_with_annotations']} of {n} tasks were submitted: {stored}")
    return Judging(n, took_s)


def _is_submission(said: Any) -> bool:
    return said.request.method == "POST" and "/annotations" in said.url


def _log_in(page: Page, server: LabelStudioServer) -> None:
    page.goto(f"{server.url}user/login/")
    page.fill("input[name=email]", server.email)
    page.fill("input[name=password]", server.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)


def _on_board(pages: Pages, address: str, n: int) -> Judging:
    with pages.visit(address) as page:
        wait_for_page(page, 1)
        began = time.perf_counter()
        for done in range(n):
            page.keyboard.press("x")
            page.evaluate(_MARKED, done % _TILES_OF_A_PAGE)
            if (done + 1) % _TILES_OF_A_PAGE == 0 and done + 1 < n:
                page.keyboard.press("]")
                wait_for_page(page, (done + 1) // _TILES_OF_A_PAGE + 1)
        wait_until_saved(page)
        took_s = time.perf_counter() - began
        project_id = int(address.partition("project=")[2].partition("&")[0])
        decided = until(lambda: pages.ask(page, f"projects/{project_id}/history")["decided"], "counting")
    if decided != n:
        raise RuntimeError(f"{decided} of {n} verdicts stand")
    return Judging(n, took_s)
