"""Drives errata's pages in a real headless Chromium, and measures what they do there."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WINDOW = {"width": 1366, "height": 800}
_LONGEST_S = 180.0

# In sight are 40 tiles at most: all of a page fit into the window.
_SHOWN = """
  const all = [...document.querySelectorAll(".tile")].filter((tile) => tile.checkVisibility());
  const inSight = all.filter((tile) => tile.getBoundingClientRect().top < innerHeight);
  const isShown = inSight.length > 0 && inSight.every((tile) => tile.querySelector(".content.is-shown"));
"""
# The moment at which every tile in sight has its picture decoded, and a frame with it was painted.
_FIRST_TILES = f"""
(() => {{
  const look = async () => {{
    {_SHOWN}
    if (!isShown) return requestAnimationFrame(look);
    await Promise.all(inSight.map((tile) => tile.querySelector("img").decode()));
    requestAnimationFrame(() => requestAnimationFrame((now) => (window.firstTiles = [now, inSight.length])));
  }};
  requestAnimationFrame(look);
}})();
"""
_PAGE_SHOWN = f"""
(where) => {{
  {_SHOWN}
  return isShown && document.querySelector(".where")?.textContent.startsWith(where);
}}
"""
# From an event until the frame after the one that shows what it did.
PAINTED = """
(event) => {
  window.painted = [];
  const note = ({ timeStamp }) => painted.push(performance.now() - timeStamp);
  const wait = (event) => requestAnimationFrame(() => requestAnimationFrame(() => note(event)));
  addEventListener(event, wait, true);
}
"""
# The browser's own figures of how long a key took until a frame was presented.
_KEY_EVENTS = """
() => {
  window.keyEvents = [];
  const note = (list) => keyEvents.push(...list.getEntriesByName("keydown").map(({ duration }) => duration));
  new PerformanceObserver(note).observe({ type: "event", durationThreshold: 16 });
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's browser on an empty profile.

    Raises:
        RuntimeError: there is none.
    """
    program = next((found for name in _PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise RuntimeError("There is no chromium; install it with the system's package manager.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS), headless=True)
        yield browser
        browser.close()


def until(look: Callable[[], Any], what: str, pause_s: float = 0.02) -> Any:
    """Return what `look` finds once it finds something."""
    deadline = time.monotonic() + _LONGEST_S
    while not (found := look()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen within {_LONGEST_S:.0f} seconds")
        time.sleep(pause_s)
    return found


@dataclass
class Pages:
    """errata's pages as one visitor sees them: each visit in a browser that keeps nothing of the ones before.

    Attributes:
        browser: where they are opened.
        url: of the pages, ending in a slash.
        token: of the visitor.
    """

    browser: Browser
    url: str
    token: str = field(repr=False)

    @contextmanager
    def visit(self, address: str, script: str = "") -> Iterator[Page]:
        """Open a page, signed in; `script` runs before the page's own."""
        context = self.browser.new_context(viewport=WINDOW)  # type: ignore[arg-type]  # a TypedDict
        context.set_default_timeout(_LONGEST_S * 1000)
        if script:
            context.add_init_script(script)
        said = context.request.post(f"{self.url}api/session", data={"token": self.token}, headers={"X-Errata": "board"})
        if not said.ok:
            raise RuntimeError(f"errata does not let the benchmark in: {said.text()}")
        page = context.new_page()
        page.goto(f"{self.url}{address}", wait_until="commit")
        yield page
        context.close()

    def ask(self, page: Page, path: str) -> Any:
        """Ask errata's API with the page's own session."""
        return page.evaluate("async (path) => (await fetch(`api/${path}`)).json()", path)


def first_tiles(pages: Pages, address: str) -> tuple[int, int]:
    """Return the milliseconds from navigation until all tiles in sight were painted, and how many they are."""
    with pages.visit(address, _FIRST_TILES) as page:
        ms, n = until(lambda: page.evaluate("window.firstTiles ?? null"), "the first tiles", 0.1)
    return round(ms), int(n)


def wait_for_page(page: Page, number: int) -> None:
    """Wait until a page of tiles is there, with its pictures."""
    until(lambda: page.evaluate(_PAGE_SHOWN, f"page {number:,} of"), f"page {number}")


def key_to_paint(pages: Pages, address: str, n: int, pause_s: float = 0.12) -> tuple[list[float], list[float]]:
    """Press a verdict's key `n` times.

    Returns:
        Milliseconds from each keydown to the frame after the one that shows the verdict, n of them; and the browser's
        own figures until a frame was presented, in steps of 8 from 16 on: shorter ones it does not tell.
    """
    with pages.visit(address) as page:
        wait_for_page(page, 1)
        page.evaluate(PAINTED, "keydown")
        page.evaluate(_KEY_EVENTS)
        for done in range(n):
            page.keyboard.press("qx"[done % 2])
            time.sleep(pause_s)
            if (done + 1) % 40 == 0 and done + 1 < n:
                times = page.evaluate("painted.length")
                page.keyboard.press("]")
                wait_for_page(page, (done + 1) // 40 + 1)
                until(lambda: page.evaluate("painted.length") > times, "a frame")  # noqa: B023 (called at once)
                page.evaluate("painted.pop()")  # of the key that turned the page
        until(lambda: page.evaluate("painted.length") >= n, "the last frame")
        wait_until_saved(page)
        return page.evaluate("painted"), page.evaluate("keyEvents")


def wait_until_saved(page: Page) -> None:
    """Wait until the page says that all is saved."""
    until(lambda: page.get_attribute(".save-state", "data-status") == "saved", "saving")


def memory(pages: Pages, address: str, n_pages: int) -> tuple[list[dict[str, float]], float]:
    """Look at `n_pages` pages of tiles one after another.

    Returns:
        What they hold in memory at six moments, the first after a tenth of them, when what is kept of earlier pages is
        full; and the MiB that the processes have left once the browser is told that memory is short: it keeps decoded
        pictures for as long as there is room.
    """
    found = []
    moments = {max(1, round(n_pages * share)) for share in (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)}
    with pages.visit(address) as page:
        session = page.context.new_cdp_session(page)
        for name in ("HeapProfiler", "Performance"):
            session.send(f"{name}.enable")
        for number in range(1, n_pages + 1):
            wait_for_page(page, number)
            if number in moments:
                found.append({"tiles": 40 * number, **_held(session)})
            page.keyboard.press("]")
        session.send("Memory.simulatePressureNotification", {"level": "critical"})
        time.sleep(3)
        left = _held(session)["processes_mib"]
    return found, left


def _held(session: CDPSession) -> dict[str, float]:
    """Return the page's heap, its nodes, and what all of Chromium's pages' processes have for themselves."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    children = psutil.Process().children(recursive=True)
    renderers = [child for child in children if "--type=renderer" in child.cmdline()]
    own = sum(renderer.memory_full_info().uss for renderer in renderers)
    heap_mib, own_mib = round(metrics["JSHeapUsedSize"] / 2**20, 2), round(own / 2**20)
    return {"heap_mib": heap_mib, "nodes": int(metrics["Nodes"]), "processes_mib": own_mib}


def interrupted_verdicts(
    pages: Pages, address: str, keys: list[str], kill: Callable[[], None], start: Callable[[], None]
) -> float:
    """Press `keys`, a verdict each, while errata is killed and started again twice; return the seconds it took.

    Raises:
        RuntimeError: the page was loaded again.
    """
    kills, starts = {len(keys) * 17 // 50, len(keys) * 34 // 50}, {len(keys) * 19 // 50, len(keys) * 36 // 50}
    with pages.visit(address) as page:
        wait_for_page(page, 1)
        opened_at = page.evaluate("performance.timeOrigin")
        began = time.perf_counter()
        for n, key in enumerate(keys):
            if n in kills:
                kill()
            elif n in starts:
                start()
            page.keyboard.press(key)
            if (n + 1) % 40 == 0 and n + 1 < len(keys):
                page.keyboard.press("]")
                wait_for_page(page, (n + 1) // 40 + 1)
        wait_until_saved(page)
        took_s = time.perf_counter() - began
        if page.evaluate("performance.timeOrigin") != opened_at:
            raise RuntimeError("the page was loaded again")
    return took_s
