"""The projector in a real browser, on a real errata with a real Label Studio."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from shapely import Point, Polygon, box

_READ = """async ([project, path, kind]) => {
  const kinds = {float32: Float32Array, int32: Int32Array, uint8: Uint8Array};
  const answer = await fetch(`api/projects/${project}/${path}`);
  return Array.from(new kinds[kind](await answer.arrayBuffer()));
}"""
_HARDWARE = """
  const asked = WebGL2RenderingContext.prototype.getParameter;
  WebGL2RenderingContext.prototype.getParameter = function (name) {
    const answer = asked.call(this, name);
    return typeof answer === "string" ? answer.replace(/swiftshader|software/gi, "of a test") : answer;
  };
"""


def eventually(condition: Callable[[], Any], timeout_s: float = 120) -> None:
    """Wait for a condition; the pages' policy keeps Playwright from waiting in them."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


class Map:
    """A control's points as errata sends them, and where they stand on the page."""

    def __init__(self, page: Page, project_id: int, control: str) -> None:
        self.page, self.project_id = page, project_id
        self.about = ask(page, f"projects/{project_id}/map?control={control}")
        self.rows = self._column(self.about["rows"], "int32")
        self.xy = self._column(self.about["xy"], "float32").reshape(-1, 2)
        self.size = self._column(self.about["size"], "float32")
        self.apart = self._column(self.about["apart"], "uint8").astype(bool)

    def colour(self, name: str) -> tuple[list[str], NDArray[Any]]:
        """Return a colour's values, and each point's."""
        about = next(each for each in self.about["colours"] if each["name"] == name)
        return about["values"], self._column(about["data"], "int32")

    @property
    def rings(self) -> list[int]:
        """Return the points with rings, the strongest disagreement first."""
        return sorted(np.flatnonzero(self.apart).tolist(), key=lambda point: (-self.size[point], point))

    @property
    def spots(self) -> NDArray[Any]:
        """Return where each point stands in the page, the whole map being in sight."""
        frame = window(self.page).bounding_box()
        assert frame
        width, height = math.floor(frame["width"]), math.floor(frame["height"])
        scale = 0.94 * min(width, height)
        inside = np.c_[width / 2 + (self.xy[:, 0] - 0.5) * scale, height / 2 - (self.xy[:, 1] - 0.5) * scale]
        return np.asarray(inside + np.array([frame["x"], frame["y"]]))

    def alone(self) -> int:
        """Return the point that is farthest from any other."""
        spots = self.spots
        away = np.linalg.norm(spots[:, None] - spots[None], axis=2) + 1e6 * np.eye(len(spots))
        return int(away.min(axis=1).argmax())

    def _column(self, path: str, kind: str) -> NDArray[Any]:
        return np.array(self.page.evaluate(_READ, [self.project_id, path, kind]), dtype=kind)


def ask(page: Page, path: str) -> Any:
    """Ask errata what it has, with the page's own session."""
    return page.evaluate("async (path) => (await fetch(`api/${path}`)).json()", path)


def window(page: Page) -> Locator:
    return page.locator(".projector-map")


def tile(page: Page, index: int) -> Locator:
    return page.locator(f"#tile-{index}")


def heading(page: Page) -> Locator:
    return page.locator(".selection-heading h1")


def address_of(page: Page) -> str:
    """Return a page's address from the page itself: Playwright learns of a new one when it is asked something."""
    return str(page.evaluate("location.href"))


def state(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address_of(page)).query).items()}


def settled(page: Page) -> str:
    """Return the page's address when it is written no more."""
    last = ""
    while address_of(page) != last:
        last = address_of(page)
        page.wait_for_timeout(1000)
    return last


def drag(page: Page, line: Any) -> None:
    page.mouse.move(*line[0])
    page.mouse.down()
    for x, y in line[1:]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def selecting(page: Page, line: Any) -> list[int]:
    """Draw a line; return the rows whose tiles the page asks for, as it holds them all."""
    with page.expect_request(
        lambda each: each.method == "POST" and '"order":"blocks"' in (each.post_data or "")
    ) as asked:
        drag(page, line)
    return sorted(json.loads(asked.value.post_data or "{}")["rows"])


def around(spots: NDArray[Any], margin: float = 9) -> list[tuple[float, float]]:
    """Return the corners of the box around some points, from one to the opposite one."""
    (left, top), (right, bottom) = spots.min(axis=0) - margin, spots.max(axis=0) + margin
    return [(left, top), ((left + right) / 2, (top + bottom) / 2), (right, bottom)]


def assert_inside(map_: Map, rows: list[int], line: Any, is_shown: Any = True) -> None:
    """Compare rows with those inside a line of the whole map, give or take what lies on it."""
    area = Polygon(line) if len(line) > 3 else box(*line[0], *line[-1])
    for row, spot, shown in zip(map_.rows, map_.spots, np.broadcast_to(is_shown, len(map_.rows)), strict=True):
        if not shown or not area.buffer(2).contains(Point(spot)):
            assert row not in rows
        elif area.buffer(-2).contains(Point(spot)):
            assert row in rows


def expect_ready(page: Page) -> None:
    expect(page.locator("html[data-ready=map]")).to_be_attached()


def key_of(page: Page, map_: Map, point: int) -> str:
    body = {"rows": [int(map_.rows[point])], "order": "as_given", "offset": 0, "limit": 1}
    send = """async ([path, body]) => (await fetch(path, {method: "POST", body: JSON.stringify(body),
      headers: {"Content-Type": "application/json", "X-Errata": "board"}})).json()"""
    answer = page.evaluate(send, [f"api/projects/{map_.project_id}/tiles", body])
    return str(answer["tiles"][0]["key"])


@pytest.fixture
def open_map(revisit: Any, board: Any) -> Callable[..., Page]:
    """Open the projector."""

    def open_(project_id: int | None = None, **where: Any) -> Page:
        query = {"project": project_id or board.project_id, **where}
        page: Page = revisit("projector.html?" + "&".join(f"{key}={value}" for key, value in query.items()))
        expect_ready(page)
        return page

    return open_


def test_a_lasso_and_a_box_select_what_is_inside(open_map: Any, board: Any) -> None:
    """It opens in the grid, where the board's keys decide, and the legend counts it; a reload keeps it."""
    page = open_map(control="label")
    map_ = Map(page, board.project_id, "label")
    values, given = map_.colour("given")
    page.get_by_role("button", name="Lasso", exact=True).click()
    middle = map_.spots[map_.alone()]
    reach = np.sort(np.linalg.norm(map_.spots - middle, axis=1))[len(map_.rows) // 3]
    turns = np.linspace(0, 2 * math.pi, 25)
    line = np.c_[middle[0] + reach * np.cos(turns), middle[1] + 0.8 * reach * np.sin(turns)]
    rows = selecting(page, line)
    assert_inside(map_, rows, line)
    assert len(rows) > 3

    expect(heading(page)).to_have_text(f"{len(rows)} labels selected")
    expect(page.locator(".tile:visible")).to_have_count(min(40, len(rows)))
    among = given[np.isin(map_.rows, rows)]
    for legend in page.locator(".legend-row").all():
        code = values.index(legend.locator(".legend-name").inner_text())
        expect(legend.locator(".legend-count")).to_have_text(f"{(among == code).sum()} / {(given == code).sum()}")

    page.keyboard.press("x")
    expect(tile(page, 0).locator(".badge.mine")).to_have_text("✕ wrong")
    page.keyboard.press("q")
    expect(tile(page, 1).locator(".badge.mine")).to_have_text("✓ keep")
    expect(page.locator(".save-state")).to_contain_text("saved")
    assert ask(page, f"projects/{board.project_id}/history")["decided"] == 2
    eventually(lambda: "rows" in state(page))
    page.reload()
    expect(heading(page)).to_have_text(f"{len(rows)} labels selected")
    expect(tile(page, 0).locator(".badge.mine")).to_have_text("✕ wrong")
    page.get_by_role("link", name="Open on the board").click()
    expect(page.locator(".tile:visible")).to_have_count(min(40, len(rows)))
    expect(tile(page, 1).locator(".badge.mine")).to_have_text("✓ keep")
    page.keyboard.press("z")
    page.keyboard.press("z")
    expect(page.locator(".save-state")).to_contain_text("saved")
    page.go_back()

    expect_ready(page)
    page.get_by_role("button", name="Box", exact=True).click()
    line = around(map_.spots[[map_.alone()]], 30)
    rows = selecting(page, line)
    assert_inside(map_, rows, line)
    expect(page.locator(".tile:visible")).to_have_count(len(rows))
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".board-parts")).to_be_hidden()
    page.keyboard.press("x")  # decides nothing: nothing is in sight
    window(page).focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Next suspect")
    page.keyboard.press("Escape")
    assert ask(page, f"projects/{board.project_id}/history")["decided"] == 0


def test_pointing_shows_and_a_click_pins(open_map: Any, board: Any) -> None:
    """The crop shows beside the pointer; a click has a label beside its likes; the address keeps view, colour, pin."""
    page = open_map(control="label")
    map_ = Map(page, board.project_id, "label")
    _, given = map_.colour("given")
    point = map_.alone()
    spot = map_.spots[point]
    key = key_of(page, map_, point)
    page.mouse.move(*spot)
    expect(page.locator(".preview img")).to_have_attribute("src", re.compile(f"/{map_.rows[point]}[.]jpg"))
    expect(page.locator(".preview")).to_be_visible()
    expect(page.locator(".preview-caption")).to_contain_text(map_.colour("given")[0][given[point]])
    preview = page.locator(".preview").bounding_box()
    assert preview
    assert not preview["x"] <= spot[0] <= preview["x"] + preview["width"]
    page.mouse.click(*spot)
    expect(heading(page)).to_have_text(re.compile("This label"))
    expect(tile(page, 0)).to_have_attribute("data-key", key)
    assert page.locator(".tile:visible").count() > 5
    expect(page.locator(".map-pin")).to_have_attribute("visibility", "visible")
    eventually(lambda: state(page).get("at") == key)

    page.get_by_label("Colour by").select_option("annotator")
    expect(page.locator(".legend-name")).to_have_count(1)
    page.mouse.move(*spot)
    page.mouse.wheel(0, -500)
    eventually(lambda: "view" in state(page) and state(page)["colour"] == "annotator")
    frame = window(page).bounding_box()
    assert frame
    before = address_of(page)
    drag(page, [(frame["x"] + 40, frame["y"] + 40), (frame["x"] + 60, frame["y"] + 55)])
    place = page.locator(".map-pin").evaluate("(pin) => [pin.getAttribute('cx'), pin.getAttribute('cy')]")
    eventually(lambda: address_of(page) != before)
    address = settled(page)
    page.reload()
    expect_ready(page)
    expect(tile(page, 0)).to_have_attribute("data-key", key)
    expect(page.get_by_label("Colour by")).to_have_value("annotator")
    again = page.locator(".map-pin").evaluate("(pin) => [pin.getAttribute('cx'), pin.getAttribute('cy')]")
    assert np.allclose(np.array(place, float), np.array(again, float), atol=1)
    eventually(lambda: address_of(page) == address)

    page.get_by_label("Control").select_option("light")
    eventually(lambda: state(page)["control"] == "light" and "at" not in state(page))
    expect(page.get_by_label("Colour by")).to_have_value("annotator")
    page.get_by_label("Colour by").select_option("given")
    expect(page.locator(".legend-name")).to_have_text(["day", "night"])
    expect(page.locator(".board-parts")).to_be_hidden()


def test_next_suspect_walks_the_rings(open_map: Any, board: Any) -> None:
    """The strongest disagreement comes first, by button and by key; one decides in between; hidden ones are skipped."""
    page = open_map(control="label")
    map_ = Map(page, board.project_id, "label")
    rings = map_.rings
    assert len(rings) > 3
    page.get_by_role("button", name=f"Next suspect ({len(rings)})").click()
    expect(tile(page, 0)).to_have_attribute("data-key", key_of(page, map_, rings[0]))
    window(page).focus()
    page.keyboard.press("x")
    expect(tile(page, 0).locator(".badge.mine")).to_have_text("✕ wrong")
    page.keyboard.press("z")
    expect(tile(page, 0).locator(".badge.mine")).to_be_hidden()
    for point in rings[1:3]:
        page.keyboard.press("s")
        expect(tile(page, 0)).to_have_attribute("data-key", key_of(page, map_, point))
    page.keyboard.press("Shift+S")
    expect(tile(page, 0)).to_have_attribute("data-key", key_of(page, map_, rings[1]))
    page.keyboard.press("Shift+S")
    page.keyboard.press("Shift+S")
    expect(tile(page, 0)).to_have_attribute("data-key", key_of(page, map_, rings[-1]))

    values, given = map_.colour("given")
    hidden = given[rings[0]]
    page.locator(".legend-row").filter(has_text=values[hidden]).click()
    left = [point for point in rings if given[point] != hidden]
    if left and rings[-1] in left:
        page.keyboard.press("s")
        expect(tile(page, 0)).to_have_attribute("data-key", key_of(page, map_, left[0]))


def test_a_selection_goes_to_the_review_project(open_map: Any, board: Any, label_studio: Any) -> None:
    """One button puts what is selected into the review project, once; Label Studio has it then."""
    page = open_map(control="light")
    map_ = Map(page, board.project_id, "light")
    page.get_by_role("button", name="Box", exact=True).click()
    line = around(map_.spots[[map_.alone()]], 40)
    rows = selecting(page, line)
    page.get_by_role("button", name="Send to review").click()
    said = page.locator(".selection-said")
    expect(said).to_contain_text("the review project")
    found = re.search(r"(\d+) put into", said.inner_text())
    assert found
    address = said.get_by_role("link").get_attribute("href") or ""
    review_id = re.search(r"projects/(\d+)", address)
    assert review_id
    assert address.startswith(label_studio.url)
    tasks = list(label_studio.client.paged("api/tasks/", {"project": review_id[1], "fields": "all"}))
    keys = {key_of(page, map_, map_.rows.tolist().index(row)) for row in rows}
    assert keys <= {task["data"].get("finding") for task in tasks}
    there = len(rows) - int(found[1])
    page.get_by_role("button", name="Clear", exact=True).click()
    assert selecting(page, line) == rows
    page.get_by_role("button", name="Send to review").click()
    expect(said).to_contain_text(f"0 put into the review project; {len(rows)} stood there already")
    assert there < len(rows)
    assert len(list(label_studio.client.paged("api/tasks/", {"project": review_id[1]}))) == len(tasks)


def test_the_legend_works_with_400_classes(open_map: Any, maps: Any) -> None:
    """A row hides its points and shows them, a double click leaves one alone, a search finds rows among 400."""
    page = open_map(maps.wide_id)
    map_ = Map(page, maps.wide_id, "label")
    values, given = map_.colour("given")
    expect(page.locator(".legend-row")).to_have_count(400)
    page.get_by_role("searchbox", name="Find in the legend").fill("class 04")
    expect(page.locator(".legend-row:visible")).to_have_count(10)
    code = values.index("class 043")
    row = page.locator(".legend-row").filter(has_text="class 043")
    expect(row.locator(".legend-count")).to_have_text("10")
    page.get_by_role("button", name="Box", exact=True).click()
    line = around(map_.spots[given == code])
    rows = selecting(page, line)
    assert_inside(map_, rows, line)
    assert len(rows) > 10
    expect(row.locator(".legend-count")).to_have_text("10 / 10")
    row.click()
    expect(row).to_have_attribute("aria-pressed", "false")
    left = selecting(page, line)
    assert_inside(map_, left, line, given != code)
    assert len(left) == len(rows) - 10
    expect(row.locator(".legend-count")).to_have_text("0 / 10")
    row.click()
    row.dblclick()
    assert selecting(page, line) == sorted(map_.rows[given == code].tolist())
    row.dblclick()
    assert selecting(page, line) == rows
    page.get_by_role("button", name="None", exact=True).click()
    drag(page, line)
    expect(page.locator(".board-parts")).to_be_hidden()
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_label("Colour by").select_option("disagreement")
    expect(page.locator(".legend-ramp")).to_be_visible()


def test_without_vectors_the_page_says_why_there_is_no_map(revisit: Any, maps: Any) -> None:
    """A project whose tasks' looks are unknown has no link to the projector, and its address says why."""
    page = revisit(f"confusion.html?project={maps.flat_id}")
    expect(page.get_by_role("link", name="Confusion")).to_be_visible()
    expect(page.get_by_role("link", name="Projector")).to_have_count(0)
    page.goto(page.url.replace("confusion.html", "projector.html"))
    expect(page.get_by_role("alert")).to_contain_text("no map of this project")
    expect(page.get_by_role("link", name="Board", exact=True)).to_be_visible()


def test_what_errata_cannot_answer_leaves_the_map(open_map: Any, board: Any) -> None:
    """Without a network the map moves on and says so; with one again a selection opens."""
    page = open_map(control="label")
    map_ = Map(page, board.project_id, "label")
    point = map_.alone()
    page.context.set_offline(True)
    page.mouse.click(*map_.spots[point])
    expect(page.locator(".selection-said")).to_contain_text("cannot be reached")
    window(page).focus()
    page.keyboard.press("+")
    eventually(lambda: "view" in state(page))
    page.context.set_offline(False)
    page.get_by_role("button", name="Whole map").click()
    page.mouse.click(*map_.spots[point])
    expect(tile(page, 0)).to_have_attribute("data-key", key_of(page, map_, point))


def test_canvas_and_webgl_draw_the_same_points(browser: Any, board: Any, missing: Any, open_map: Any) -> None:
    """Both renderers put each point at its place, in its colour, and rings around those that stand apart."""
    plain = open_map(control="label")
    expect(plain.locator(".projector-note")).to_contain_text("Drawn by canvas")
    expect_ready(plain)
    map_ = Map(plain, board.project_id, "label")
    drawn = _picture(plain)
    arguments = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle", "--use-angle=swiftshader"]
    program = next(found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name)))
    second = browser.browser_type.launch(executable_path=program, args=arguments, headless=True)
    try:
        context = second.new_context(
            viewport={"width": 1366, "height": 800}, storage_state=plain.context.storage_state()
        )
        context.set_default_timeout(120_000)
        context.add_init_script(_HARDWARE)
        page = context.new_page()
        page.goto(plain.url)
        expect_ready(page)
        if "WebGL" not in page.locator(".projector-note").inner_text():
            missing("A Chromium that has WebGL without a graphics card.")
        other = _picture(page)
    finally:
        second.close()
    frame = window(plain).bounding_box()
    assert frame
    ground = drawn[2, 2].astype(int)
    away = np.linalg.norm(map_.spots[:, None] - map_.spots[None], axis=2) + 1e6 * np.eye(len(map_.rows))
    for point in np.argsort(-away.min(axis=1))[:20]:
        x, y = (map_.spots[point] - np.array([frame["x"], frame["y"]])).round().astype(int)
        for picture in (drawn, other):
            assert np.abs(picture[y, x] - ground).max() > 40
        assert np.abs(drawn[y, x].astype(int) - other[y, x]).max() < 60  # one of them lets the ground through
    shown = [picture.astype(int) for picture in (drawn, other)]
    points = [int((np.abs(each - ground).max(axis=2) > 40).sum()) for each in shown]
    rings = [int((each.max(axis=2) < 70).sum()) for each in shown]
    assert 0.6 * max(points) < min(points)
    assert 0.6 * max(rings) < min(rings)
    assert min(rings) > 0


def _picture(page: Page) -> NDArray[Any]:
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    with Image.open(io.BytesIO(window(page).screenshot())) as shown:
        return np.asarray(shown.convert("RGB"))


def test_no_map_has_a_serious_fault(open_map: Any, regular: Any, board: Any, maps: Any, faults: Any) -> None:
    """axe-core looks at the projector, also with a pin and with a selection, and at small and large confusion maps.

    In light and in dark.
    """
    page = open_map(control="label")

    assert faults(page) == []
    page.locator(".projector-next").click()
    expect(tile(page, 0).locator("img")).to_be_visible()
    assert faults(page) == []
    page.get_by_role("button", name="Lasso", exact=True).click()
    map_ = Map(page, board.project_id, "label")
    page.get_by_role("button", name="Whole map").click()
    page.get_by_role("button", name="Box", exact=True).click()
    selecting(page, around(map_.spots[[map_.alone()]], 60))
    expect(tile(page, 0).locator("img")).to_be_visible()
    page.locator(".legend-row").first.click()
    assert faults(page) == []
    for project_id in (maps.wide_id, board.project_id):
        page.goto(f"{regular.url}confusion.html?project={project_id}")
        expect(page.locator(".confusion-cell").first).to_be_visible()
        assert faults(page) == []
