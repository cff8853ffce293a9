"""How long what the pages show takes to make at the end of an audit, and how good its order and its map are.

    python benchmarks/map.py [--quick]

`clusters`: labels of 400 classes, 64 dimensions, one centre a class and as much noise as makes classes overlap;
`digits`: the scans of the demo. Of each: the similarity order (how far neighbours are apart in it, as a share of what
is so in a random order, beside the order along the main direction), the nearest neighbours, and the map of them with
its trustworthiness. Of `clusters` also a whole table from an audit's findings, with all that stands beside its columns,
kept on disk. Then one label in a hundred changes, and the map follows the earlier one: `moved` is the median way of its
points as a share of the map's diameter.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from own_process import in_own_processes
from rich.console import Console
from rich.table import Table

from errata.audit.beliefs import Artefact, ControlBelief
from errata.audit.believe import Belief
from errata.audit.embed import Embedded
from errata.audit.progress import LineProgress
from errata.audit.run import Examination
from errata.audit.snapshot import Snapshot, Task
from errata.audit.suspect import find_suspects
from errata.boards.build import build_board
from errata.demo.digits import load_digits
from errata.labelstudio.codecs import Codecs
from errata.store.boards import BoardFolder
from errata_model.encoders.images import PixelEncoder, decode_image
from errata_model.map.layout import EarlierMap, lay_out
from errata_model.map.order import similarity_order
from errata_model.map.reduce import reduced
from errata_model.map.trust import NEIGHBOURS, trustworthiness
from errata_model.neighbours import nearest_neighbours
from errata_model.records import Control, GivenLabel
from errata_model.similarity import unit_rows

N_CLASSES = 400
TARGETS = {"order_s": 120, "map_s": 120, "moved": 0.02}
Rows = NDArray[np.float32]
_Any = TypeVar("_Any")


def clusters(n: int) -> tuple[Rows, NDArray[np.int64]]:
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((N_CLASSES, 64))
    of = chance.integers(0, N_CLASSES, n)
    return unit_rows((centres[of] + 0.7 * chance.standard_normal((n, 64))).astype(np.float32)), of


def digits() -> Rows:
    pixels = PixelEncoder()
    return reduced(pixels.encode([pixels.prepare(decode_image(file, 10**6)) for file in load_digits().pngs]))


def timed(work: Callable[[], _Any]) -> tuple[_Any, float]:
    began = time.perf_counter()
    return work(), round(time.perf_counter() - began, 1)


def step(rows: Rows, order: NDArray[np.int64]) -> float:
    return float(np.linalg.norm(np.diff(rows[order], axis=0), axis=1).mean())


def along_main_direction(rows: Rows) -> NDArray[np.int64]:
    centred = rows - rows.mean(axis=0)
    _, directions = np.linalg.eigh(centred.T @ centred)
    return np.argsort(centred @ directions[:, -1])


def follow(rows: Rows, xy: Rows, worth: float) -> tuple[Rows, float]:
    """Replace one row in a hundred by mixtures of two others; return the map that follows, and how long that took."""
    chance = np.random.default_rng(1)
    now, known = rows.copy(), xy.copy()
    changed = chance.choice(len(rows), len(rows) // 100, replace=False)
    now[changed] = unit_rows(rows[chance.integers(0, len(rows), len(changed))] + rows[changed])
    known[changed] = np.nan
    neighbours, similarities = nearest_neighbours(now, NEIGHBOURS, np.arange(len(rows)))
    return timed(lambda: lay_out(now, neighbours, similarities, EarlierMap(known, worth)))


def whole_table(rows: Rows, of: NDArray[np.int64], folder: Path) -> dict[str, float]:
    labels = tuple(f"class {number:03}" for number in range(N_CLASSES))
    control = Control("label", "choices", "image", "image", "image", labels)
    chance = np.random.default_rng(2)
    given = np.where(chance.random(len(rows)) < 0.05, chance.integers(0, N_CLASSES, len(rows)), of)
    tasks = tuple(
        Task(
            n,
            {"image": f"/data/{n}.jpg", "camera": f"camera {n % 9}"},
            (GivenLabel(n, n, str(n % 12), "label", None, "choices", labels[label], f"{label:016}"),),
            True,
        )
        for n, label in enumerate(given.tolist(), 1)
    )
    probabilities = np.full((len(rows), N_CLASSES), 0.3 / (N_CLASSES - 1), dtype=np.float32)
    probabilities[np.arange(len(rows)), of] = 0.7
    task_ids, keys = np.arange(1, len(rows) + 1), tuple(f"{n:064x}" for n in range(len(rows)))
    belief = Belief(
        Artefact("benchmark", (ControlBelief(control, task_ids, keys, probabilities, None),)),
        {"image": Embedded(task_ids, keys, rows, {})},
        "Drawn.",
    )
    snapshot = Snapshot("http://localhost/", 1, "Drawn", "", (control,), (), tasks)
    codecs, boards, quiet = Codecs(), BoardFolder(folder), LineProgress(lambda _: None)
    findings, suspect_s = timed(lambda: find_suspects(snapshot, belief, codecs, detectors=()))
    examination = Examination(snapshot, belief, findings, snapshot.skipped, 0.0)
    # No media are looked at: the audit has embedded all of them.
    built, table_s = timed(lambda: build_board(examination, codecs, None, None, quiet))  # type: ignore[arg-type]
    _, keep_s = timed(lambda: boards.save(built.table, built.details))
    again, again_s = timed(lambda: build_board(examination, codecs, None, built.table, quiet))  # type: ignore[arg-type]
    assert len(again.table) == len(rows)
    return {"suspects_s": suspect_s, "table_s": table_s, "keep_s": keep_s, "table_again_s": again_s}


def measure(data: str, n: int, is_whole: bool) -> dict[str, Any]:
    if is_whole:
        rows, of = clusters(n)
        with tempfile.TemporaryDirectory() as folder:
            return {"data": f"{data}, table", "rows": n, **whole_table(rows, of, Path(folder))}
    rows = digits() if data == "digits" else clusters(n)[0]
    order, order_s = timed(lambda: similarity_order(rows))
    by_chance = step(rows, np.random.default_rng(0).permutation(len(rows)))
    (neighbours, similarities), neighbours_s = timed(lambda: nearest_neighbours(rows, NEIGHBOURS, np.arange(len(rows))))
    xy, map_s = timed(lambda: lay_out(rows, neighbours, similarities))
    worth = trustworthiness(rows, xy)
    after, follow_s = follow(rows, xy, worth)
    way = np.linalg.norm(after - xy, axis=1)
    return {
        "data": data,
        "rows": len(rows),
        "order_s": order_s,
        "step": round(step(rows, order) / by_chance, 3),
        "step_main_direction": round(step(rows, along_main_direction(rows)) / by_chance, 3),
        "neighbours_s": neighbours_s,
        "map_s": map_s,
        "trustworthiness": round(worth, 4),
        "follow_s": follow_s,
        "moved": round(float(np.median(way) / np.linalg.norm(np.ptp(xy, axis=0))), 4),
    }


def cases(is_quick: bool) -> list[tuple[str, int, bool]]:
    sizes = (20_000,) if is_quick else (100_000, 200_000)
    return [("digits", 0, False), *(("clusters", n, False) for n in sizes), ("clusters", sizes[-1], True)]


def main() -> None:
    about = "How long what the pages show takes to make, and how good its order and its map are."
    is_quick, results = in_own_processes(__file__, about, "20,000 rows", measure, cases)
    for line in results:
        table = Table(*(name.replace("_", " ") for name in line))
        table.add_row(*map(str, line.values()))
        Console(width=140).print(table)
    load = [round(each, 1) for each in os.getloadavg()]
    print(json.dumps({"benchmark": "map", "quick": is_quick, "load": load, "targets": TARGETS, "results": results}))


if __name__ == "__main__":
    main()
