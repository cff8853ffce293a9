"""The pages in a browser that reaches nothing but a reverse proxy, below a path that errata knows nothing of."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Route, expect


def test_every_page_works_behind_a_path_without_any_other_network(
    visit: Any, board: Any, make_reviewer: Any, gateway_before: Any
) -> None:
    """Sign-in, projects, tiles and pictures, a verdict, the maps and Marked: all by relative addresses."""
    with gateway_before(board.url, "/user/ann/proxy/9090") as gateway:
        here = visit()
        here.url = f"{gateway.base}board/"
        cut: list[str] = []

        def refuse(route: Route) -> None:
            cut.append(route.request.url)
            route.abort()

        here.context.route(lambda url: not url.startswith(here.url), refuse)
        page = here.sign_in(make_reviewer("ann").token)
        page.get_by_role("link", name="Cars by day and by night", exact=True).click()
        expect(page.locator("#tile-0 img")).to_be_visible()
        page.get_by_label("Group by").select_option("given")
        expect(page.locator(".group-list a[aria-current]")).to_have_count(1)
        while "value=" not in page.evaluate("location.search"):  # until then the tiles of all groups are there
            page.wait_for_timeout(50)
        expect(page.locator(".tile:visible").first).to_be_visible()
        picture = page.locator("#tile-0 .content.is-shown img")
        assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 0
        page.keyboard.press("x")
        expect(page.locator("#tile-0 .badge.mine")).to_have_text("✕ wrong")
        expect(page.locator(".save-state")).to_contain_text("saved")
        expect(page.locator(".scene img")).to_be_visible()

        page.get_by_role("link", name="Projector").click()
        expect(page.locator("html[data-ready=map]")).to_be_attached()
        page.locator(".projector-next").click()
        expect(page.locator("#tile-0 img")).to_be_visible()
        page.get_by_role("button", name="Whole map").click()
        page.get_by_role("button", name="Lasso", exact=True).click()
        box = page.locator(".projector-map").bounding_box()
        assert box
        left, top, right, bottom = box["x"] + 4, box["y"] + 4, box["x"] + box["width"] - 4, box["y"] + box["height"] - 4
        page.mouse.move(left, top)
        page.mouse.down()
        for corner in ((right, top), (right, bottom), (left, bottom)):
            page.mouse.move(*corner, steps=4)
        page.mouse.up()
        expect(page.locator(".selection-heading h1")).to_have_text("120 labels selected")
        expect(page.locator(".tile:visible")).to_have_count(40)

        page.get_by_role("link", name="Confusion").click()
        page.locator(".confusion-cell").first.click()
        expect(page.locator("#tile-0 img")).to_be_visible()
        page.get_by_role("link", name="Marked").click()
        expect(page.locator("#tile-0 .badge.mine")).to_have_text("✕ wrong")
        page.keyboard.press("Backspace")
        expect(page.locator("#tile-0 .badge.mine")).to_be_hidden()
        expect(page.locator(".save-state")).to_contain_text("saved")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Label Studio token")).to_be_visible()
        assert cut == []
