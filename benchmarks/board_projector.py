"""How quick the projector is: until it answers, while it is moved and zoomed, and at a lasso."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from board_chromium import PAINTED, Pages, until

from errata.boards.table import BoardTable

_READY = """
(() => {
  const look = () => {
    if (document.documentElement.dataset.ready !== "map") return requestAnimationFrame(look);
    requestAnimationFrame((now) => (window.mapReady = now));
  };
  requestAnimationFrame(look);
})();
"""
# Frames in which the map was moved or zoomed: input comes once a frame at most.
_FRAMES = """
() => {
  window.moments = [];
  let isMoved = false;
  const moved = () => (isMoved = true);
  for (const name of ["pointermove", "wheel"]) addEventListener(name, moved, { capture: true, passive: true });
  const count = (now) => {
    if (isMoved) moments.push(now);
    isMoved = false;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
}
"""


def projector_figures(pages: Pages, table: BoardTable, n_in_lasso: int) -> dict[str, Any]:
    did = projector(
        pages,
        f"projector.html?project={table.project_id}",
        lambda width, height: lasso_of(table, n_in_lasso, width, height),
    )
    return {
        "projector_fps": min(did.pan_fps, did.zoom_fps),
        **{f"projector_{name}": value for name, value in asdict(did).items()},
    }


@dataclass(frozen=True)
class Projector:
    """What the projector did."""

    drawn_by: str
    ready_ms: int
    pan_fps: float
    zoom_fps: float
    lasso_ms: int
    selected: str


def projector(pages: Pages, address: str, lasso: Callable[[float, float], list[tuple[float, float]]]) -> Projector:
    """Open the projector, move and zoom the map, and draw a lasso.

    Args:
        pages: where it is.
        address: of the page.
        lasso: returns a line in CSS pixels of the map's window, given its width and height.
    """
    with pages.visit(address, _READY) as page:
        ready_ms = until(lambda: page.evaluate("window.mapReady ?? null"), "the map")
        drawn_by = page.inner_text(".projector-note").partition("Drawn by ")[2].rstrip(".")
        box = page.locator(".projector-map").bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.evaluate(_FRAMES)
        page.mouse.move(x, y)
        page.mouse.down()
        page.evaluate("moments.length = 0")
        for step in range(300):
            page.mouse.move(x + 150 * ((step % 60) / 30 - 1), y + 90 * ((step % 40) / 20 - 1))
        pan_fps = _per_second(page.evaluate("moments"))
        page.mouse.up()
        page.evaluate("moments.length = 0")
        for step in range(200):
            page.mouse.wheel(0, -60 if step % 100 < 50 else 60)
        zoom_fps = _per_second(page.evaluate("moments"))
        page.click("text=Whole map")
        page.click("[data-tool=lasso]")
        page.evaluate(PAINTED, "pointerup")
        line = lasso(box["width"], box["height"])
        page.mouse.move(box["x"] + line[0][0], box["y"] + line[0][1])
        page.mouse.down()
        for left, top in line[1:]:
            page.mouse.move(box["x"] + left, box["y"] + top)
        page.mouse.up()
        lasso_ms = until(lambda: page.evaluate("painted[0] ?? null"), "the lasso")
        selected = page.inner_text(".selection-heading h1")
    return Projector(drawn_by, round(ready_ms), pan_fps, zoom_fps, round(lasso_ms), selected)


def lasso_of(table: BoardTable, n: int, width: float, height: float) -> list[tuple[float, float]]:
    """Return a circle on the whole map, in pixels of its window, that holds about `n` points."""
    scale = 0.94 * min(width, height)
    places = np.c_[width / 2 + (table.xy[:, 0] - 0.5) * scale, height / 2 - (table.xy[:, 1] - 0.5) * scale]
    away = np.linalg.norm(places - (width / 2, height / 2), axis=1)
    radius = float(np.partition(away, n)[n])
    turns = [2 * math.pi * step / 40 for step in range(41)]
    return [(width / 2 + radius * math.cos(turn), height / 2 + radius * math.sin(turn)) for turn in turns]


def _per_second(moments: list[float]) -> float:
    return round(1000 * (len(moments) - 1) / (moments[-1] - moments[0]), 1)
