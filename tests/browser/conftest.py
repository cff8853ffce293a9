"""A real Chromium, logged in to the test run's Label Studio."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as Late
from pydantic import SecretStr

from errata.settings import Settings
from errata.wiring import Wiring

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",  # root, as in a container, has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TIMEOUT_MS = 180_000
_SHOWN = """(done) => {
    const task = window.Htx?.task, shown = window.Htx?.annotationStore?.selected;
    return task && !done.includes(task.id) && shown?.results.length ? task.id : 0;
}"""
expect.set_options(timeout=120_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's browser, on an empty profile."""
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        reason = "A browser: there is no chromium; install it with the system's package manager."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS), headless=True)
        yield chromium
        chromium.close()


@pytest.fixture
def errata(label_studio: Any, tmp_path: Path) -> Iterator[Wiring]:
    """Open errata as a command would."""
    token = SecretStr(label_studio.token)
    settings = Settings(label_studio_url=label_studio.url, label_studio_token=token, data_dir=tmp_path / "data")
    with closing(Wiring(settings)) as opened:
        yield opened


def _refuse_others(context: BrowserContext, url: str) -> None:
    """Label Studio's page asks other hosts for news and fonts; a test run asks nobody."""
    context.route(lambda asked: not asked.startswith(url), lambda route: route.abort())


@pytest.fixture(scope="session")
def signed_in(browser: Browser, label_studio: Any) -> Any:
    """Log in to Label Studio by its form, as a reviewer, once a test run; returns what the browser keeps of that."""
    context = browser.new_context()
    context.set_default_timeout(_TIMEOUT_MS)
    _refuse_others(context, label_studio.url)
    page = context.new_page()
    page.goto(f"{label_studio.url}user/login/")
    page.fill("input[name=email]", label_studio.email)
    page.fill("input[name=password]", label_studio.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    kept = {"cookies": context.cookies(), "origins": []}
    context.close()
    return kept


@pytest.fixture
def page(browser: Browser, label_studio: Any, signed_in: Any, tmp_path: Path) -> Iterator[Page]:
    """Open a window of a reviewer who is logged in; what it shows in the end is kept in the test's folder."""
    context = browser.new_context(viewport={"width": 1366, "height": 800}, storage_state=signed_in)
    context.set_default_timeout(_TIMEOUT_MS)
    _refuse_others(context, label_studio.url)
    page = context.new_page()
    yield page
    page.screenshot(path=tmp_path / "last.png")
    context.close()


@pytest.fixture
def label_stream(page: Page, label_studio: Any) -> Callable[[int], Callable[[], int]]:
    """Open a project and press "Label All Tasks"; returns a function that waits for the next task's filled form."""

    def open_(project_id: int) -> Callable[[], int]:
        page.goto(f"{label_studio.url}projects/{project_id}/data")
        page.get_by_role("button", name="Label All Tasks").click()
        page.get_by_role("dialog").or_(page.get_by_text("Labeling Instructions")).first.wait_for()
        page.keyboard.press("Escape")
        expect(page.get_by_text("Labeling Instructions")).to_be_hidden()
        done: list[int] = []

        def next_task() -> int:
            done.append(int(page.wait_for_function(_SHOWN, arg=done).json_value()))
            return done[-1]

        return next_task

    return open_


@pytest.fixture
def open_filled(page: Page, label_studio: Any) -> Callable[[dict[str, Any], Locator], None]:
    """Click on a review task's row until its form is filled in: a busy page opens an empty one now and then."""

    def open_(task: dict[str, Any], filled: Locator) -> None:
        for _ in range(5):
            page.goto(f"{label_studio.url}projects/{task['project']}/data?task={task['id']}")
            expect(page.get_by_role("heading", name=task["data"]["question"])).to_be_visible()
            try:
                filled.first.wait_for(timeout=20_000)
                return
            except Late:
                continue
        expect(filled.first).to_be_visible()

    return open_


@pytest.fixture
def decide(page: Page) -> Callable[..., None]:
    """Click on labels and a decision, and submit."""

    def click(*words: str) -> None:
        for each in words:
            page.locator("label").filter(has_text=re.compile(rf"^{re.escape(each)}\[")).click()
        with page.expect_response(lambda said: said.request.method == "POST" and "annotations" in said.url) as said:
            page.locator("button", has_text="Submit").click()
        assert said.value.status == 201

    return click
