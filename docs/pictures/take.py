"""Takes the README's pictures: `python docs/pictures/take.py`, with errata[test] and scikit-image installed.

Starts what `errata demo` starts, decides about a few labels on the board, audits a photograph of coins beside it, and
writes review.png, board.png, projector.png and confusion.png beside this file.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import coins
from playwright.sync_api import Page, expect, sync_playwright

from errata.cli.console import progress, tell
from errata.demo.run import Demo, running_demo
from errata.wiring import BeliefOptions

FOLDER = Path(__file__).parent
WINDOW = {"width": 1366, "height": 800}
DECISIONS = ("w", "w", "w", "w", "w", "x", "w", "w")  # keys of the first tiles


def main() -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with progress() as shown, running_demo(None, tell, shown) as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=WINDOW)
        sign_in(page, demo)
        take_board(page, demo)
        take_projector(page, demo)
        take_confusion(page, demo)
        project = coins.make_project(demo.client)
        demo.wiring.audit(project, BeliefOptions(belief="stored"), shown)
        sign_in_to_label_studio(page, demo)
        take_review(page, f"{demo.client.url}projects/{demo.wiring.review_project_id(project)}/data")
        browser.close()


def sign_in(page: Page, demo: Demo) -> None:
    answer = page.request.post(
        f"{demo.wiring.public_url}/board/api/session",
        data={"token": demo.wiring.login[1]},
        headers={"X-Errata": "board"},
    )
    assert answer.ok, answer.text()


def take_board(page: Page, demo: Demo) -> None:
    page.goto(demo.board)
    tiles = page.locator(".tile:visible")
    expect(tiles.first).to_be_visible()
    settle(page)
    for key in DECISIONS:
        page.keyboard.press(key)
    expect(page.locator(".save-state")).to_have_attribute("data-status", "saved")
    expect(page.get_by_text("· 0 % reviewed")).to_have_count(0)
    settle(page)
    page.screenshot(path=FOLDER / "board.png")


def take_projector(page: Page, demo: Demo) -> None:
    page.goto(demo.board.replace("scan.html", "projector.html"))
    expect(page.locator("html[data-ready=map]")).to_be_attached()
    page.click("[data-tool=lasso]")
    box = page.locator(".projector-map").bounding_box()
    assert box is not None
    left, top, width, height = box["x"], box["y"], box["width"], box["height"]
    page.mouse.move(left + 0.02 * width, top + 0.15 * height)
    page.mouse.down()
    for x, y in ((0.28, 0.12), (0.3, 0.45), (0.02, 0.5), (0.02, 0.2)):
        page.mouse.move(left + x * width, top + y * height, steps=8)
    page.mouse.up()
    expect(page.locator(".projector-side .tile:visible").first).to_be_visible()
    settle(page)
    page.screenshot(path=FOLDER / "projector.png")


def take_confusion(page: Page, demo: Demo) -> None:
    page.goto(demo.board.replace("scan.html", "confusion.html"))
    expect(page.locator(".confusion-table")).to_be_visible()
    page.screenshot(path=FOLDER / "confusion.png")


def sign_in_to_label_studio(page: Page, demo: Demo) -> None:
    assert demo.account is not None
    page.goto(f"{demo.client.url}user/login/")
    page.fill("input[name=email]", demo.account[0])
    page.fill("input[name=password]", demo.account[1])
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "login" not in url)


def take_review(page: Page, project: str) -> None:
    page.goto(project)
    page.get_by_role("button", name="Label All Tasks").click()
    expect(page.get_by_text("Labeling Instructions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("canvas").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1000)
    page.screenshot(path=FOLDER / "review.png")


def settle(page: Page) -> None:
    """Wait until the pictures that are in sight are there."""
    expect(page.locator(".tile:visible .is-loading")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
