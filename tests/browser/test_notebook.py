"""The scan board in a notebook's page: a cell's output as Jupyter puts it there, in a real Chromium."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, Route, expect

from errata import board

N, WRONG = 60, 5
MARKUP = "<img src=x onerror=alert(1)>"
COLOURS = {"car": (200, 60, 60), "truck": (60, 60, 200), MARKUP: (60, 170, 60)}


class Notebook(BaseHTTPRequestHandler):
    """A page that holds a cell's output."""

    html = ""

    def do_GET(self) -> None:
        body = f"<!doctype html><title>notebook</title><textarea></textarea>{self.html}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def show() -> Iterator[Callable[[str], int]]:
    """Serve a page with a cell's output on a port of its own; return the port."""
    servers = []

    def serve(html: str) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Page", (Notebook,), {"html": html}))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return int(server.server_port)

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    """Open a window without anything in it."""
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    context.set_default_timeout(120_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def shown(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Show a DataFrame of coloured pictures, some of which are labelled as another colour."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ERRATA_ENCODER", "pixels")
    names = list(COLOURS)
    true = [names[n % 3] for n in range(N)]
    noise = np.random.default_rng(0).integers(-40, 40, (N, 48, 48, 3))
    frame = pd.DataFrame(
        {
            "label": [names[(n + 1) % 3] if n < WRONG else label for n, label in enumerate(true)],
            "image": [(noise[n] + np.array(COLOURS[true[n]])).clip(0, 255).astype(np.uint8) for n in range(N)],
        }
    )
    with closing(board(frame, label="label", image="image")) as opened:
        yield opened


def eventually(window: Page, condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        window.wait_for_timeout(50)


def expect_tiles(window: Page, tiles: Locator) -> None:
    """Wait for the board. Once in some dozen times Playwright loses a frame whose script moves it to another site."""
    for _ in range(3):
        with suppress(AssertionError):
            return expect(tiles).to_have_count(WRONG, timeout=30_000)
        window.reload()
    return expect(tiles).to_have_count(WRONG)


def without_script(html: str) -> str:
    return re.sub(r"<script>.*</script>", "", html, flags=re.DOTALL)


def decisions(frame: FrameLocator) -> list[str]:
    return [text for text in frame.locator(".tile:visible .badge.mine").all_inner_texts() if text]


@pytest.mark.parametrize("has_script", [True, False])
def test_a_cell_shows_the_board_and_keys_decide_there(
    window: Page, shown: Any, show: Callable[[str], int], has_script: bool
) -> None:
    """In a page of localhost; also where a notebook runs no script, and the frame is another site's to the browser."""
    asked: list[str] = []
    window.on("request", lambda each: asked.append(each.url))
    window.on("dialog", lambda dialog: pytest.fail(dialog.message))
    html = shown._repr_html_()
    port = show(html if has_script else without_script(html))
    window.goto(f"http://localhost:{port}/")
    frame = window.frame_locator("iframe")
    tiles = frame.locator(".tile:visible")
    expect_tiles(window, tiles)
    expect(frame.get_by_role("button", name="Sign out")).to_have_count(0)
    tiles.first.locator("img").wait_for()
    assert shown.verdicts.empty
    tiles.first.click()
    window.keyboard.press("w")
    window.keyboard.press("x")
    eventually(window, lambda: len(shown.verdicts) == 2)
    assert len(decisions(frame)) == 2
    found = shown.verdicts
    assert sorted(found["decision"]) == ["take_proposal", "wrong"]
    assert set(found.index) < set(range(WRONG))
    taken = found[found["decision"] == "take_proposal"]
    assert taken["label"].tolist() == [list(COLOURS)[taken.index[0] % 3]]
    window.keyboard.press("z")
    eventually(window, lambda: len(shown.verdicts) == 1)
    window.reload()
    expect_tiles(window, tiles)
    eventually(window, lambda: len(decisions(frame)) == 1)
    pages = shown.url.split("scan.html")[0]
    own = (f"http://localhost:{port}/", pages, pages.replace("127.0.0.1", "localhost"), "blob:", "data:")
    assert any(url.startswith(own[2]) for url in asked) is has_script
    assert [url for url in asked if not url.startswith(own)] == []


def test_no_other_site_may_frame_it_and_jupyter_elsewhere_leads_through_its_proxy(window: Page, shown: Any) -> None:
    """A page of another host gets an empty frame; one that says where Jupyter's server is asks that for the board."""
    failed: list[str] = []
    proxied: list[str] = []
    window.on("requestfailed", lambda each: failed.append(each.url))

    def answer(route: Route, html: str) -> None:
        if "/proxy/" in route.request.url:
            proxied.append(route.request.url)
            route.fulfill(body="the board, by way of a proxy", content_type="text/plain")
        else:
            route.fulfill(body=html, content_type="text/html")

    window.route("http://evil.example.com/**", partial(answer, html=without_script(shown._repr_html_())))
    window.goto("http://evil.example.com/")
    eventually(window, lambda: failed)
    assert failed == [shown.url]
    config = '<script id="jupyter-config-data" type="application/json">{"baseUrl": "/lab/of/ann/"}</script>'
    window.route("http://gpu.example.com/**", partial(answer, html=config + shown._repr_html_()))
    window.goto("http://gpu.example.com/")
    expect(window.frame_locator("iframe").get_by_text("the board, by way of a proxy")).to_be_visible()
    port, path = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/.*)", shown.url).groups()
    assert proxied == [f"http://gpu.example.com/lab/of/ann/proxy/{port}{path}"]
    link = window.get_by_role("link", name="Open in a tab of its own")
    assert link.get_attribute("href") == proxied[0]
