"""The confusion map in a real browser, on a real errata with a real Label Studio."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect


def ask(page: Page, path: str) -> Any:
    """Ask errata what it has, with the page's own session."""
    return page.evaluate("async (path) => (await fetch(`api/${path}`)).json()", path)


def state(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.evaluate("location.href")).query).items()}


def cell(page: Page, given: str, predicted: str) -> Locator:
    return page.get_by_label(f"given {given}, predicted {predicted}:")


def rows(page: Page) -> list[str]:
    return page.locator(".confusion-table tbody th").all_inner_texts()


def test_a_cell_opens_its_labels_on_the_board(revisit: Any, board: Any) -> None:
    """Every cell says how many labels it has; a click shows exactly those; what was decided there is its yield."""
    page = revisit(f"confusion.html?project={board.project_id}&control=label")
    answer = ask(page, f"projects/{board.project_id}/confusion?control=label&show=all")
    labels = [label or "nothing" for label in answer["labels"]]
    expect(page.locator(".confusion-cell")).to_have_count(len(answer["cells"]))
    assert rows(page) == labels
    for given, predicted, count, suspects, *_ in answer["cells"]:
        here = cell(page, labels[given], labels[predicted])
        expect(here).to_have_text(str(count))
        expect(here).to_have_attribute("title", re.compile(rf"{count} labels?, {suspects} suspect"))

    given, predicted, count, suspects, *_ = max(
        (each for each in answer["cells"] if each[0] != each[1]), key=lambda each: (each[3], each[2])
    )
    assert suspects > 1
    cell(page, labels[given], labels[predicted]).click()
    expect(page.locator(".tile:visible")).to_have_count(suspects)
    expect(page.locator(".tile:visible .given")).to_have_text([labels[given]] * suspects)
    expect(page.locator(".tile:visible .proposed")).to_have_text([f"→ {labels[predicted]}"] * suspects)
    assert json.loads(state(page)["value"]) == [labels[given], labels[predicted]]
    page.keyboard.press("w")
    page.keyboard.press("q")
    expect(page.locator(".save-state")).to_contain_text("saved")

    page.get_by_role("link", name="Confusion").click()
    page.get_by_role("radio", name="Yield").check()
    answer = ask(page, f"projects/{board.project_id}/confusion?control=label&show=all")
    decided, scanned, wrong = next(each[4:] for each in answer["cells"] if each[:2] == [given, predicted])
    assert decided >= 2
    assert 0 < wrong < decided
    expect(cell(page, labels[given], labels[predicted])).to_have_text(f"{round(100 * wrong / (decided + scanned))} %")
    page.reload()
    expect(page.get_by_role("radio", name="Yield")).to_be_checked()
    page.get_by_role("radio", name="Suspects").check()
    expect(cell(page, labels[given], labels[predicted])).to_have_text(str(suspects))
    page.get_by_label("Control").select_option("light")
    expect(page.locator(".confusion-table tbody th")).to_have_text(["day", "night"])
    cell(page, "day", "day").click()
    expect(page.locator(".tile:visible .given").first).to_have_text("day")
    assert state(page)["control"] == "light"


def test_400_classes_are_folded_into_blocks(revisit: Any, maps: Any) -> None:
    """Blocks hold the counts of their classes and open by a click, some at a time; a search shows what it finds."""
    page = revisit(f"confusion.html?project={maps.wide_id}")
    answer = ask(page, f"projects/{maps.wide_id}/confusion?control=label&show=all")
    expect(page.locator(".confusion-block").first).to_be_visible()
    assert 2 <= len(rows(page)) <= 100
    texts = page.locator(".confusion-cell").all_inner_texts()
    assert sum(int(text.replace(",", "")) for text in texts) == sum(each[2] for each in answer["cells"]) == 4000

    folded = len(rows(page))
    title = page.locator("tbody .confusion-block").first.inner_text()
    size = int(re.search(r"\((\d+)\)$", title)[1])  # type: ignore[index]
    page.locator("tbody .confusion-block").first.click()
    expect(page.locator(".confusion-table tbody th")).to_have_count(folded + size - 1)
    assert rows(page)[0] == answer["labels"][0]
    page.reload()
    expect(page.locator(".confusion-table tbody th")).to_have_count(folded + size - 1)
    for _ in range(12):
        page.locator("tbody .confusion-block").last.click()
    assert len(rows(page)) <= 100
    page.get_by_role("button", name="Fold all").click()
    expect(page.locator(".confusion-table tbody th")).to_have_count(folded)

    page.get_by_role("searchbox", name="Find classes").fill("CLASS 04")
    expect(page.locator(".confusion-table tbody th")).to_have_count(10)
    cell(page, "class 041", "class 042").click()
    expect(page.locator(".tile:visible .given")).to_have_text(["class 041"])
    page.go_back()
    expect(page.get_by_role("searchbox", name="Find classes")).to_have_value("CLASS 04")
    expect(page.locator(".confusion-table tbody th")).to_have_count(10)
