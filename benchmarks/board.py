"""How quick errata's pages are, on projects as large as they are meant for.

    python benchmarks/board.py [--quick]

All is real and on this machine: a headless Chromium (the system's), `errata serve`, and a Label Studio that holds the
pictures, JPEG files of a megapixel. The tables are drawn (`board_data.py`): 220,000 labels of 400 classes, 200,000 of
them findings, and 100,000 points for the projector. Measured is

- first tiles: from navigation until every tile in sight has its picture decoded and painted, in a browser that was
  never there; the thumbnails rendered before, or neither rendered nor fetched; or errata started a moment ago, too;
- key to paint: from a verdict's keydown until the frame after the one that shows it, and the browser's own figure;
- memory: the page's JavaScript heap after garbage collection and its DOM nodes while 5,000 tiles go by;
- verdicts: 500 without a reload, errata killed (SIGKILL) and started again twice in between, counted in its database;
- thumbnails: made from the files' bytes by the pages' own function on two cores, and through HTTP with fetching;
- projector: time until it answers, frames a second in which it was moved or zoomed, and a lasso of 10,000 points;
- machine time (`board_streams.py`): the same 100 findings judged on the board and in Label Studio's own label stream,
  one explicit verdict each, by a script that goes on as soon as the page shows the next one. It measures the pages,
  not people.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from board_chromium import (
    Pages,
    chromium,
    first_tiles,
    interrupted_verdicts,
    key_to_paint,
    memory,
)
from board_data import CONTROL, Drawn, draw, label_names, make_project, photos, upload
from board_projector import projector_figures
from board_streams import machine_time
from board_thumbnails import TILE_PX, by_http, thumbnails
from pydantic import SecretStr
from webhook import is_up, wait_for

from errata.boards.table import BoardTable
from errata.demo.label_studio import LabelStudioServer, cache_dir, free_port, install, prepare
from errata.labelstudio.client import LabelStudio
from errata.review.records import Project
from errata.settings import Settings
from errata.wiring import Wiring


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    labels: int = 220_000
    findings: int = 200_000
    classes: int = 400
    points: int = 100_000
    in_lasso: int = 10_000
    files: int = 500
    turns: int = 5
    keys: int = 200
    pages: int = 125
    verdicts: int = 500
    judged: int = 100


QUICK = Scale(22_000, 20_000, 40, 10_000, 1_000, 120, 1, 40, 10, 120, 20)


class Errata:
    """`errata serve` as a process of its own."""

    def __init__(self, label_studio: LabelStudioServer, data_dir: Path, log: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
        self.environment = kept | {
            "ERRATA_LABEL_STUDIO_URL": label_studio.url,
            "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
            "ERRATA_DATA_DIR": str(data_dir),
            "ERRATA_ENCODER": "pixels",
            "ERRATA_PORT": str(self.port),
            "ERRATA_POLL_S": "3600",
        }

    @property
    def url(self) -> str:
        """Where the pages are."""
        return f"http://127.0.0.1:{self.port}/board/"

    def run(self, *arguments: str) -> None:
        """Run a command to its end."""
        command = [sys.executable, "-m", "errata", *arguments]
        subprocess.run(command, env=self.environment, stdout=subprocess.DEVNULL, check=True)

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._log.open("ab") as sink:
            command = [sys.executable, "-m", "errata", "serve"]
            self._process = subprocess.Popen(command, env=self.environment, stdout=sink, stderr=sink)
        wait_for(lambda: is_up(self.port), "errata serve")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget_pictures(self) -> None:
        """Let no picture be there, neither rendered on disk nor fetched in memory; the table is read again."""
        self.kill()
        shutil.rmtree(self.data_dir / "pictures", ignore_errors=True)
        self.start()


def tiles_first(pages: Pages, errata: Errata, project_id: int, n_turns: int) -> dict[str, Any]:
    address = f"scan.html?project={project_id}"
    started, cold, warm = [], [], []
    for _ in range(n_turns):
        errata.forget_pictures()
        started.append(first_tiles(pages, address)[0])
        warm += [first_tiles(pages, address)[0] for _ in range(2)]
        errata.forget_pictures()
        with pages.visit("index.html") as page:
            pages.ask(page, f"projects/{project_id}/groups?by=given")  # which reads the table
        cold.append(first_tiles(pages, address)[0])
    return {
        "first_tiles_ms": statistics.median(warm),
        "first_tiles_worst_ms": max(warm),
        "first_tiles_cold_ms": statistics.median(cold),
        "first_tiles_cold_worst_ms": max(cold),
        "first_tiles_after_start_ms": statistics.median(started),
    }


def keys_painted(pages: Pages, project_id: int, n: int) -> dict[str, Any]:
    times, events = key_to_paint(pages, f"scan.html?project={project_id}&by=queue", n)
    told = sorted([*events, *[16.0] * (n - len(events))])  # those that took less are not told
    return {
        "key_to_paint_p95_ms": round(float(np.percentile(times, 95)), 1),
        "key_to_paint_median_ms": round(float(np.median(times)), 1),
        "key_event_p95_ms": round(float(np.percentile(told, 95))),
        "keys": len(times),
    }


def memory_held(pages: Pages, project_id: int, n_pages: int) -> dict[str, Any]:
    held, left_mib = memory(pages, f"scan.html?project={project_id}&by=queue", n_pages)
    names = ("heap_mib", "nodes", "processes_mib")
    growth = {name: round(max(each[name] for each in held) / held[0][name] - 1, 3) for name in names}
    return {
        "memory": held,
        "memory_growth": growth["heap_mib"],
        "memory_growth_of_each": growth,
        "memory_when_short_growth": round(left_mib / held[0]["processes_mib"] - 1, 3),
    }


def verdicts_kept(pages: Pages, errata: Errata, table: BoardTable, n: int) -> dict[str, Any]:
    ordered = asked_keys(pages, table.project_id, n)
    pressed = ["qx"[place % 3 % 2] for place in range(n)]
    took_s = interrupted_verdicts(
        pages, f"scan.html?project={table.project_id}&by=queue", pressed, errata.kill, errata.start
    )
    wanted = dict(zip(ordered, [{"q": "keep", "x": "wrong"}[key] for key in pressed], strict=True))
    with closing(sqlite3.connect(errata.data_dir / "errata.db")) as database:
        asked = "SELECT finding_key, verdict FROM verdicts WHERE project_id = ? AND counts_as = 'verdict'"
        stored = {key: json.loads(verdict)["decision"] for key, verdict in database.execute(asked, [table.project_id])}
    lost = sum(stored.get(key) != decision for key, decision in wanted.items())
    return {"verdicts": n, "verdicts_lost": lost, "kills": 2, "verdicts_s": round(took_s, 1)}


def asked_keys(pages: Pages, project_id: int, n: int) -> list[str]:
    """Return the keys of the first tiles of the queue."""
    with pages.visit(f"scan.html?project={project_id}&by=queue") as page:
        path = f"projects/{project_id}/tiles?control={CONTROL}&show=suspects&limit=40&offset="
        found = [tile["key"] for start in range(0, n, 40) for tile in pages.ask(page, f"{path}{start}")["tiles"]]
    return found[:n]


def thumbnails_made(files: Sequence[bytes]) -> dict[str, float]:
    found = {}
    for size, name in ((TILE_PX, ""), (2 * TILE_PX, f"_{2 * TILE_PX}")):
        found[f"thumbnails{name}_per_s"], found[f"thumbnail{name}_cpu_ms"] = thumbnails(files, 2 * len(files), size)
    return found


def measure(folder: Path, scale: Scale, only: Sequence[str]) -> dict[str, Any]:
    python = install(cache_dir() / "venv", say)
    prepared = prepare(python, cache_dir() / "prepared", say)
    files = list(photos(scale.files))
    found: dict[str, Any] = asdict(scale)
    with ExitStack() as stack:
        server = stack.enter_context(LabelStudioServer(python, folder / "label-studio", prepared))
        client = stack.enter_context(closing(LabelStudio(server.url, server.token)))
        errata = Errata(server, folder / "errata", folder / "errata.log")
        stack.callback(errata.kill)
        say("making the projects ...")
        labels = label_names(scale.classes)
        large, mapped = (make_project(client, title, labels) for title in ("Many findings", "Many points"))
        addresses = upload(client, large, files)
        settings = Settings(
            label_studio_url=server.url, label_studio_token=SecretStr(server.token), data_dir=errata.data_dir
        )
        wiring = stack.enter_context(closing(Wiring(settings)))
        tables = [
            draw(client, large, "Many findings", labels, scale.labels, scale.findings),
            draw(client, mapped, "Many points", labels, scale.points, scale.points // 20),
        ]
        for table in tables:
            wiring.audits.connected(Project(table.project_id, table.title, server.url))
            wiring.boards.save(table, Drawn(table, addresses).details())
        errata.start()
        pages = Pages(stack.enter_context(chromium()), errata.url, server.token)
        table = tables[0]
        parts = {
            "tiles": lambda: tiles_first(pages, errata, large, scale.turns),
            "keys": lambda: keys_painted(pages, mapped, scale.keys),
            "memory": lambda: memory_held(pages, large, scale.pages),
            "verdicts": lambda: verdicts_kept(pages, errata, table, scale.verdicts),
            "projector": lambda: projector_figures(pages, tables[1], scale.in_lasso),
            "http": lambda: {
                "thumbnails_by_http": by_http(pages, errata.forget_pictures, table, min(scale.files, 400))
            },
            "thumbnails": lambda: thumbnails_made(files),
            "streams": lambda: machine_time(client, server, errata, pages, scale.judged),
        }
        for name, part in parts.items():
            if only and name not in only:
                continue
            began = time.monotonic()
            did = part()
            found |= did
            say(f"{name}, {time.monotonic() - began:.0f} s: {did}")
    return found


# What is printed: a name, where it stands, and what it should be.
_TABLE = (
    ("first tiles, thumbnails kept, ms", "first_tiles_ms", "< 1,000"),
    ("first tiles, nothing kept, ms", "first_tiles_cold_ms", "< 2,000"),
    ("key to paint, p95, ms", "key_to_paint_p95_ms", "< 50"),
    ("memory over 5,000 tiles, growth", "memory_growth", "< 0.2"),
    ("verdicts lost", "verdicts_lost", "0"),
    ("thumbnails a second, 2 cores", "thumbnails_per_s", ">= 200"),
    ("projector, ms until it answers", "projector_ready_ms", "< 3,000"),
    ("projector, frames a second", "projector_fps", ">= 15"),
    ("projector, lasso, ms", "projector_lasso_ms", "< 200"),
    ("machine time, stream / board", "machine_time_ratio", ">= 10"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description="How quick errata's pages are.")
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--only", nargs="*", default=[], help="parts of it, such as tiles or projector")
    asked = parser.parse_args()
    load_before = round(os.getloadavg()[0], 1)
    with tempfile.TemporaryDirectory(prefix="errata-board-") as name:
        found = measure(Path(name), QUICK if asked.quick else Scale(), asked.only)
    print(f"{'the pages, ' + format(found['findings'], ',') + ' findings':36}{'measured':>12}{'target':>12}")
    for what, key, target in _TABLE:
        if key in found:
            print(f"{what:36}{found[key]:12,}{target:>12}")
    if "machine_time_ratio" in found:
        print("Machine time measures the pages at the speed that they allow, not people.")
    load = [round(each, 1) for each in os.getloadavg()]
    about = {"benchmark": "board", "quick": asked.quick, "load_before": load_before, "load": load}
    print(json.dumps({**about, **found}))


if __name__ == "__main__":
    main()
