"""A real Chromium, logged in to the test run's Label Studio."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
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


@pytest.fixture
def page(browser: Browser, label_studio, tmp_path: Path) -> Iterator[Page]:
    """Log in as a reviewer; what the window shows in the end is kept in the test's folder."""
    context = browser.new_context(viewport={"width": 1366, "height": 800})
    context.set_default_timeout(_TIMEOUT_MS)
    # Label Studio's page asks other hosts for news and fonts; a test run asks nobody.
    context.route(lambda url: not url.startswith(label_studio.url), lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{label_studio.url}user/login/")
    page.fill("input[name=email]", label_studio.email)
    page.fill("input[name=password]", label_studio.password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)
    yield page
    page.screenshot(path=tmp_path / "last.png")
    context.close()
