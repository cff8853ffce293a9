"""The scan board in a real browser, on a real errata with a real Label Studio."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

MARKUP = "<img src=x onerror=alert(1)>"
N_SUSPECTS = 15


def eventually(condition: Callable[[], Any], timeout_s: float = 120) -> None:
    """Wait for a condition; the pages' policy keeps Playwright from waiting in them."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def board_address(board: Any, **state: Any) -> str:
    query = {"project": board.project_id, "control": "label", "by": "queue", "show": "all", **state}
    return "scan.html?" + "&".join(f"{name}={value}" for name, value in query.items())


def tiles(page: Page) -> Locator:
    return page.locator(".tile:visible")


def tile(page: Page, index: int) -> Locator:
    return page.locator(f"#tile-{index}")


def cursor(page: Page) -> int:
    return int(page.locator(".tile.is-cursor").get_attribute("data-index") or -1)


def decision(page: Page, index: int) -> str:
    return tile(page, index).locator(".badge.mine").inner_text()


def decisions(page: Page) -> dict[int, str]:
    """Return what the tiles in sight say of my decisions."""
    shown = page.locator(".tile:visible .badge.mine").all_inner_texts()
    return {n: text for n, text in enumerate(shown) if text}


def address_of(page: Page) -> str:
    """Return the page's address as it is now: `page.url` follows later."""
    return str(page.evaluate("location.href"))


def state(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address_of(page)).query).items()}


def save_state(page: Page) -> Locator:
    return page.locator(".save-words")


def expect_saved(page: Page) -> None:
    expect(save_state(page)).to_have_text("saved")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def other_label(page: Page, index: int) -> str:
    """Return a label that a tile neither has nor is proposed."""
    said = [tile(page, index).locator(part).inner_text() for part in (".given", ".proposed")]
    return next(label for label in ("car", "truck", MARKUP) if not any(label in text for text in said))


def fix(page: Page, label: str) -> None:
    press(page, "/")
    page.get_by_role("combobox", name="The right label").fill(label[:5])
    press(page, "Enter")


def ask(page: Page, path: str) -> Any:
    """Ask errata what it has, with the page's own session."""
    return page.evaluate("async (path) => (await fetch(`api/${path}`)).json()", path)


@pytest.fixture
def open_board(visit: Any, board: Any, make_reviewer: Any) -> Callable[..., Page]:
    """Open the board as somebody new, on all labels of the project."""

    def open_(name: str, script: str = "", **where: Any) -> Page:
        here = visit()
        here.context.add_init_script(script)
        page = here.sign_in(make_reviewer(name).token, board_address(board, **where))
        expect(tiles(page).first).to_be_visible()
        expect_saved(page)
        return page

    return open_


def test_signing_in_returns_to_where_one_was_and_a_session_that_ends_loses_nothing(
    visit: Any, board: Any, make_reviewer: Any
) -> None:
    """A wrong token is refused in words, both kinds of token work, and the page that was asked for opens.

    Signed out in another tab: the board goes on, says so, and what was decided is sent after the next sign-in.
    """
    ann = make_reviewer("ann")
    here = visit()
    page = here.page
    page.goto(here.url + board_address(board, page=2))
    page.get_by_label("Label Studio token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("token")
    page.get_by_label("Label Studio token").fill(ann.pat)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".where")).to_have_text("page 2 of 4")
    expect(page.locator(".who .name")).to_have_text(re.compile("ann"))
    assert page.evaluate("document.cookie") == ""
    assert ann.pat not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")

    page.get_by_role("link", name="errata").click()
    expect(page.get_by_role("heading", name="Vehicles on the board")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Label Studio token")).to_be_visible()
    for elsewhere in ("//example.com/", "https://example.com/", "..%2f..%2fadmin", "javascript:alert(1)"):
        page = here.sign_in(ann.token, f"?return={elsewhere}")
        assert address_of(page) == here.url
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Label Studio token")).to_be_visible()
    page = here.sign_in(ann.token)
    page.get_by_role("link", name="Vehicles on the board", exact=True).click()
    expect(page.get_by_role("heading", name="All suspects")).to_be_visible()

    page.goto(here.url + board_address(board))
    expect(tiles(page)).to_have_count(40)
    page.evaluate("fetch('api/session', {method: 'DELETE', headers: {'X-Errata': 'board'}})")
    press(page, "x", "x")
    expect(save_state(page)).to_have_text("2 pending:")
    page.get_by_role("link", name="sign in", exact=True).click()
    page.get_by_label("Label Studio token").fill(ann.token)
    page.get_by_role("button", name="Sign in").click()
    expect(tiles(page)).to_have_count(40)
    expect_saved(page)
    assert decisions(page) == {0: "✕ wrong", 1: "✕ wrong"}
    press(page, "z", "z")
    expect_saved(page)
    assert decisions(page) == {}


def test_every_key_decides_and_every_step_is_undone_across_reloads(open_board: Any) -> None:
    """Each key does what the help says; undo and redo go through all of it, after a reload too."""
    page = open_board("ann", show="suspects")
    press(page, "x", "q", "w", "e", "n", "m", "b")
    wanted = ["✕ wrong", "✓ keep", "→ take", "⊘ unusable", "? unclear", "+ missing", "▱ boundary"]
    first_seven = dict(enumerate(wanted))
    assert decisions(page) == first_seven
    assert cursor(page) == 7

    other = other_label(page, 7)
    fix(page, other)
    expect(tile(page, 7).locator(".badge.mine")).to_have_text(f"→ {other}")
    press(page, "r")
    page.get_by_role("combobox", name="The right label").fill("onerr")
    expect(page.get_by_role("option", name=MARKUP, exact=True)).to_have_attribute("aria-selected", "true")
    press(page, "Escape", "1")
    assert decision(page, 8)
    press(page, "Shift+ArrowRight", "Shift+ArrowRight", "q")
    assert [decision(page, n) for n in (9, 10, 11)] == ["✓ keep"] * 3
    press(page, "ArrowLeft", "Backspace")
    assert decision(page, 11) == ""
    expect_saved(page)
    before = decisions(page)
    assert len(before) == 11

    page.reload()
    expect(tiles(page)).to_have_count(N_SUSPECTS)
    eventually(lambda: decisions(page) == before)
    press(page, "z")
    expect(tile(page, 11).locator(".badge.mine")).to_have_text("✓ keep")
    press(page, "z")
    expect(tile(page, 9).locator(".badge.mine")).to_be_hidden()
    assert [decision(page, n) for n in (9, 10, 11)] == [""] * 3  # the range was one step
    for n in range(9):
        press(page, "z")
        expect(tile(page, 8 - n).locator(".badge.mine")).to_be_hidden()
    assert decisions(page) == {}
    press(page, "z")
    expect(page.locator(".said")).to_have_text("Nothing to undo.")
    for _ in range(7):
        press(page, "Shift+Z")
    expect_saved(page)
    eventually(lambda: decisions(page) == first_seven)
    page.reload()
    expect(tiles(page)).to_have_count(N_SUSPECTS)
    eventually(lambda: decisions(page) == first_seven)
    press(page, "Shift+Z", "Shift+Z", "Shift+Z", "Shift+Z")
    eventually(lambda: decisions(page) == before)
    expect_saved(page)
    project_id = state(page)["project"]
    assert ask(page, f"projects/{project_id}/history")["redo"] == 0


def test_no_tile_is_there_before_its_label(regular: Any, revisit: Any, board: Any) -> None:
    """While labels are on their way, nothing is shown that would take no key."""
    held: list[Route] = []
    regular.context.route("**/tiles?*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it calls
    page = revisit(board_address(board))
    eventually(lambda: page.get_by_role("listbox", name="Labels").is_visible() and held)
    assert tiles(page).count() == 0
    regular.context.unroute("**/tiles?*")  # what was held goes on
    expect(tiles(page)).to_have_count(40)


def test_keys_and_mouse_look_move_and_decide_and_the_address_holds_the_place(open_board: Any) -> None:
    """Pages, groups, scene, context, similar labels, instructions and help have keys; back and reload lead back.

    What is typed into the label's field decides nothing; click, range, drag and double click do as the help says.
    """
    page = open_board("bea")
    keys = page.locator(".tile")
    assert keys.count() == 40
    columns = page.locator(".grid").evaluate("(grid) => getComputedStyle(grid).gridTemplateColumns.split(' ').length")
    press(page, "ArrowDown", "ArrowRight", "ArrowRight", "ArrowLeft", "ArrowUp")
    assert cursor(page) == 1
    press(page, "End", "ArrowUp")
    assert cursor(page) == 39 - columns
    press(page, "Home", "ArrowLeft")
    assert cursor(page) == 0
    press(page, "]")
    expect(page.locator(".where")).to_have_text("page 2 of 4")
    press(page, "ArrowRight", "ArrowRight")
    assert cursor(page) == 2
    eventually(lambda: state(page)["at"] == tile(page, 2).get_attribute("data-key"))
    address = address_of(page)
    page.reload()
    expect(page.locator(".where")).to_have_text("page 2 of 4")
    eventually(lambda: page.locator(".tile.is-cursor").count() == 1 and cursor(page) == 2)
    assert address_of(page) == address
    press(page, "PageDown")
    expect(page.locator(".where")).to_have_text("page 3 of 4")
    page.go_back()
    expect(page.locator(".where")).to_have_text("page 2 of 4")
    eventually(lambda: cursor(page) == 2)
    page.go_forward()
    expect(page.locator(".where")).to_have_text("page 3 of 4")
    press(page, "PageUp", "[")
    expect(page.locator(".where")).to_have_text("page 1 of 4")

    press(page, "Space")
    expect(page.locator(".board")).to_have_class(re.compile("is-peeking"))
    expect(page.locator(".scene img")).to_be_visible()
    press(page, "o", "ArrowRight", "x")
    assert decision(page, 1) == "✕ wrong"
    press(page, "Escape", "z", "o")
    expect(page.locator(".board")).not_to_have_class(re.compile("is-peeking"))
    with page.expect_request(re.compile(r"/pictures/[^/]+\?.*context=100")):
        press(page, "c")
    eventually(lambda: state(page).get("context") == "100")
    expect(tile(page, 0).locator(".content")).to_have_class(re.compile("is-shown"))
    press(page, "i")
    expect(page.get_by_role("dialog", name="Instructions")).to_contain_text("A car has four seats.")
    press(page, "x", "Escape")
    assert decisions(page) == {}
    press(page, "?")
    help_ = page.get_by_role("dialog", name="Keys")
    for text in ("The label is wrong", "Undo, without limit", "Similar to this; again: back"):
        expect(help_).to_contain_text(text)
    press(page, "Escape")

    at = tile(page, cursor(page)).get_attribute("aria-label")
    press(page, "f")
    expect(page.get_by_role("heading", name="Most similar")).to_be_visible()
    eventually(lambda: tile(page, 0).get_attribute("aria-label") == at)
    press(page, "f")
    expect(page.locator(".where")).to_have_text("page 1 of 4")

    expect(page.locator(".heading h1")).to_have_text("All labels")
    expect(page.locator(".everything")).to_have_attribute("aria-current", "true")
    page.locator(".group-list a").first.click()
    expect(page.locator(".group-list a[aria-current]")).to_have_count(1)
    expect(page.locator(".heading h1")).not_to_have_text("All labels")
    first = page.locator(".heading h1").inner_text()
    press(page, ".")
    expect(page.locator(".heading h1")).not_to_have_text(first)
    press(page, ",")
    expect(page.locator(".heading h1")).to_have_text(first)
    expect(page.locator(".confirmed img")).to_have_count(3)
    group = page.locator(".group-list a").filter(has_text=MARKUP)
    group.click()
    expect(page.locator(".heading h1")).to_have_text(MARKUP)
    assert page.locator("img[src='x']").count() == 0
    press(page, "a")
    eventually(lambda: state(page)["show"] == "suspects")
    expect(page.locator(".heading .figures")).to_contain_text("suspects")
    n = int(re.search(r"(\d+) suspect", page.locator(".heading .figures").inner_text())[1])  # type: ignore[index]
    expect(tiles(page)).to_have_count(n)
    press(page, "a", "g")
    press(page, "Escape")
    eventually(lambda: state(page)["show"] == "all")

    page.locator(".everything").click()
    expect(page.locator(".heading h1")).to_have_text("All labels")
    expect(tiles(page)).to_have_count(40)
    press(page, "r")
    page.keyboard.type("xqwenmbz")
    expect(page.get_by_text("No label is called like this.")).to_be_visible()
    press(page, "Escape")
    assert decisions(page) == {}

    tile(page, 3).click()
    assert cursor(page) == 3
    tile(page, 6).click(modifiers=["Shift"])
    page.get_by_role("button", name="Keep").click()
    assert decisions(page) == dict.fromkeys((3, 4, 5, 6), "✓ keep")
    for n in (12, 13, 14):
        tile(page, n).hover()
        if n == 12:
            page.mouse.down()
    page.mouse.up()
    assert [decision(page, n) for n in (12, 13, 14)] == ["✓ keep"] * 3  # the last decision paints
    tile(page, 20).dblclick()
    assert decision(page, 20) == "✓ keep"
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    assert list(decisions(page)) == [3, 4, 5, 6]
    expect_saved(page)


def test_a_committed_page_says_of_the_rest_that_it_looks_right(open_board: Any) -> None:
    """Shift and Enter: what is marked stays, the others are scanned, the next page comes; one undo takes it back."""
    page = open_board("dora", page=3)
    project_id = state(page)["project"]
    unmarked = [n for n in range(40) if not tile(page, n).locator(".badge.others").inner_text()]
    for n in unmarked[:2]:
        tile(page, n).click()
        press(page, "x" if n == unmarked[0] else "q")
    expect(page.locator(".tile .content.is-shown")).to_have_count(40)
    by_others = page.locator(".badge.others:visible").count()  # of the tests before
    press(page, "Shift+Enter")
    expect(page.locator(".where")).to_have_text("page 4 of 4")
    expect_saved(page)
    assert ask(page, f"projects/{project_id}/history") == {
        "undo": 3,
        "redo": 0,
        "decided": 2,
        "scanned": 38 - by_others,
    }
    press(page, "[")
    expect(page.locator(".where")).to_have_text("page 3 of 4")
    assert [decision(page, n) for n in unmarked[:4]] == ["✕ wrong", "✓ keep", "✓", "✓"]
    press(page, "z")
    expect(tile(page, unmarked[2]).locator(".badge.mine")).to_be_hidden()
    expect_saved(page)
    assert ask(page, f"projects/{project_id}/history")["scanned"] == 0

    page.get_by_role("link", name="Marked").click()
    expect(page.locator(".group-list a")).to_have_count(2)
    page.locator(".group-list a").filter(has_text="wrong").click()
    expect(page.get_by_text(f"errata plan {project_id}", exact=True)).to_be_visible()
    expect(tile(page, 0).locator(".badge.mine")).to_have_text("✕ wrong")
    fix(page, other_label(page, 0))
    expect_saved(page)
    page.reload()
    expect(page.locator(".group-list a").filter(has_text="→")).to_have_count(1)
    expect(page.get_by_text("1 label would change.")).to_be_visible()


def test_nothing_is_lost_offline_or_when_errata_is_killed(open_board: Any, board: Any) -> None:
    """Decisions go on without a network and without a server, over reloads and restarts, and all arrive, once."""
    page = open_board("emil")
    project_id = state(page)["project"]
    saved = save_state(page)

    def decided() -> int:
        return int(ask(page, f"projects/{project_id}/history")["decided"])

    page.context.set_offline(True)
    press(page, *"xxxxx")
    expect(saved).to_have_text("offline, 5 pending")
    press(page, "z")
    expect(saved).to_have_text("offline, 6 pending")
    assert list(decisions(page)) == [0, 1, 2, 3]
    page.context.set_offline(False)
    expect_saved(page)
    assert decided() == 4

    board.kill()
    press(page, *"qqqqq")
    expect(saved).to_have_text("offline, 5 pending")
    board.serve()
    expect_saved(page)
    assert decided() == 9
    press(page, "q", "q")
    board.kill()
    press(page, "q", "q", "q")
    expect(saved).to_have_text(re.compile("pending"))
    address = address_of(page)
    before = decisions(page)
    page.close()  # with decisions that no server has
    board.serve()
    page = page.context.new_page()
    page.goto(address)
    expect(tiles(page)).to_have_count(40)
    expect_saved(page)
    eventually(lambda: decisions(page) == before)
    assert decided() == len(before) == 14


def test_two_reviewers_see_each_other(open_board: Any) -> None:
    """What one decides stands on the other's tile without a reload; where they differ both are told.

    One of them has come by plain HTTP to another machine, where browsers have neither random UUIDs nor locks.
    """
    plain = "delete Crypto.prototype.randomUUID; delete Navigator.prototype.locks;"
    fred, gina = open_board("fred"), open_board("gina", script=plain)
    assert not gina.evaluate("'randomUUID' in crypto || 'locks' in navigator")
    press(fred, "x")
    expect_saved(fred)
    badge = tile(gina, 0).locator(".badge.others")
    expect(badge).to_contain_text("wrong")
    expect(badge).to_have_attribute("title", re.compile("fred.*wrong"))
    assert decisions(gina) == {}
    press(gina, "q")
    expect_saved(gina)
    for page, text in ((gina, "✓ keep"), (fred, "✕ wrong")):
        expect(tile(page, 0)).to_have_class(re.compile("is-contradictory"))
        assert decision(page, 0) == text


def test_no_page_has_a_serious_fault(visit: Any, board: Any, make_reviewer: Any, faults: Any) -> None:
    """axe-core looks at sign-in, projects, the board with every decision, its dialogs and what was marked.

    In light and in dark.
    """
    here = visit()
    page = here.page

    page.goto(here.url)
    expect(page.get_by_label("Label Studio token")).to_be_visible()
    assert faults(page) == []
    here.sign_in(make_reviewer("ida").token)
    expect(page.get_by_role("heading", name="Vehicles on the board")).to_be_visible()
    assert faults(page) == []
    page.goto(here.url + board_address(board, by="given", show="suspects"))
    expect(page.locator(".likely li")).to_have_count(3)
    expect(page.get_by_text("Most alike")).to_be_visible()
    press(page, *"xqwenmb", "Shift+ArrowLeft")
    expect_saved(page)
    assert faults(page) == []
    for key, name in (("?", "Keys"), ("i", "Instructions"), ("r", "Fix the label")):
        press(page, key)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        assert faults(page) == []
        press(page, "Escape")
    press(page, "Space")
    assert faults(page) == []
    page.goto(f"{here.url}marks.html?project={board.project_id}")
    expect(page.locator(".group-list a").first).to_be_visible()
    expect(page.get_by_text("Most alike")).to_be_visible()
    assert faults(page) == []
