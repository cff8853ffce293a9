"""How fast nearest neighbours are found among very many embeddings, and how many of them.

    python benchmarks/neighbours.py [--quick]

1,000,000 x 256 in single precision, drawn in two ways. `clusters`: 300 of them along 48 directions, with noise in all.
`smooth`: no clusters at all, one cloud whose variances fall as 1 / (i + 2) along its axes, about as far as those of
pooled activations of photographs do (their effective number of directions is 24 to 52, this cloud's is 54); a search by
lists has the least to hold on to there. Recall at 10 is counted on 1,000 queries against exact search.

Each case runs in a process of its own. `gib_beside` is the largest resident memory less what was held before the
search: interpreter, libraries and the embeddings themselves (0.95 GiB), which are not copied. Where rows had no
structure at all (independent entries of equal variance), no search by parts could find 95 % of the neighbours without
looking nearly everywhere; ours would then do so, and take as long as exact search.
"""

from __future__ import annotations

import json
import os
import resource
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from own_process import in_own_processes
from rich.console import Console
from rich.table import Table

from errata_model.neighbours import nearest_neighbours

K = 10
WIDTH = 256
N_DIRECTIONS = 48
N_CLUSTERS = 300
N_ASKED = 1000
N_DRAWN = 50_000  # at a time
TARGETS = {"recall_at_10": 0.95, "seconds": 900, "gib_beside": 2.0}

Rows = NDArray[np.float32]


def clusters(n: int, chance: np.random.Generator) -> Rows:
    directions = chance.standard_normal((N_DIRECTIONS, WIDTH), dtype=np.float32)
    centres = chance.standard_normal((N_CLUSTERS, N_DIRECTIONS), dtype=np.float32)
    rows = np.empty((n, WIDTH), dtype=np.float32)
    for start in range(0, n, N_DRAWN):
        part = rows[start : start + N_DRAWN]
        own = 0.7 * chance.standard_normal((len(part), N_DIRECTIONS), dtype=np.float32)
        part[:] = (centres[chance.integers(0, N_CLUSTERS, len(part))] + own) @ directions
        part += chance.standard_normal(part.shape, dtype=np.float32)
    return rows


def smooth(n: int, chance: np.random.Generator) -> Rows:
    axes = np.linalg.qr(chance.standard_normal((WIDTH, WIDTH)))[0]
    axes /= np.sqrt(np.arange(1, WIDTH + 1) + 2)[:, None]
    rows = np.empty((n, WIDTH), dtype=np.float32)
    for start in range(0, n, N_DRAWN):
        part = rows[start : start + N_DRAWN]
        part[:] = chance.standard_normal(part.shape, dtype=np.float32) @ axes.astype(np.float32)
    return rows


DATA = {"clusters": clusters, "smooth": smooth}


def recall(rows: Rows, indices: NDArray[np.int64]) -> float:
    asked = np.random.default_rng(1).choice(len(rows), N_ASKED, replace=False)
    exact, _ = nearest_neighbours(rows, K, np.arange(len(rows)), queries=asked)  # few queries: exact search
    pairs = zip(indices[asked].tolist(), exact.tolist(), strict=True)
    return sum(len(set(found) & set(true)) for found, true in pairs) / exact.size


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(data: str, n: int) -> dict[str, Any]:
    rows = DATA[data](n, np.random.default_rng(0))
    before = peak_gib()
    wall, used = time.perf_counter(), time.process_time()
    indices, _ = nearest_neighbours(rows, K, np.arange(n))
    wall, used = time.perf_counter() - wall, time.process_time() - used
    peak = peak_gib()  # before the exact search, which holds a copy
    return {
        "data": data,
        "rows": n,
        "width": WIDTH,
        "recall_at_10": round(recall(rows, indices), 4),
        "seconds": round(wall, 1),
        "processor_seconds": round(used, 1),
        "gib_beside": round(peak - before, 2),
        "gib_in_all": round(peak, 2),
    }


def cases(is_quick: bool) -> list[tuple[str, int]]:
    return [(data, 100_000 if is_quick else 1_000_000) for data in DATA]


def main() -> None:
    about = "How fast nearest neighbours are found, and how many of them."
    is_quick, results = in_own_processes(__file__, about, "100,000 rows", measure, cases)
    table = Table(*(name.replace("_", " ") for name in results[0]))
    for line in results:
        table.add_row(*map(str, line.values()))
    table.add_row("target", *(str(TARGETS.get(name, "")) for name in list(results[0])[1:]))
    Console(width=120).print(table)
    load = [round(each, 1) for each in os.getloadavg()]
    said = {"benchmark": "neighbours", "quick": is_quick, "load": load, "targets": TARGETS, "results": results}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
