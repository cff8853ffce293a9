"""How fast nearest neighbours are found among very many embeddings, and how many of them.

    python benchmarks/neighbours.py [--quick]

1,000,000 x 256 in single precision, drawn to lie like embeddings do: clusters along a few dozen directions, with noise
in all of them. Recall at 10 is counted on 1,000 queries against exact search. Memory is the process's peak, the
embeddings (1 GiB) included. Where rows had no structure (independent normal entries), no search by parts could
find 95 % of the neighbours without looking nearly everywhere; ours would then do so, and take as long as exact search.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.neighbours import nearest_neighbours

K = 10
WIDTH = 256
N_DIRECTIONS = 48
N_CLUSTERS = 300
N_ASKED = 1000


def embeddings(n: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((N_DIRECTIONS, WIDTH), dtype=np.float32)
    clusters = rng.standard_normal((N_CLUSTERS, N_DIRECTIONS), dtype=np.float32)
    rows = np.empty((n, WIDTH), dtype=np.float32)
    for start in range(0, n, 50_000):
        part = rows[start : start + 50_000]
        own = 0.7 * rng.standard_normal((len(part), N_DIRECTIONS), dtype=np.float32)
        part[:] = (clusters[rng.integers(0, N_CLUSTERS, len(part))] + own) @ directions
        part += rng.standard_normal(part.shape, dtype=np.float32)
    return rows


def recall(rows: NDArray[np.float32], indices: NDArray[np.int64]) -> float:
    asked = np.random.default_rng(1).choice(len(rows), N_ASKED, replace=False)
    exact, _ = nearest_neighbours(rows, K, np.arange(len(rows)), queries=asked)  # few queries: exact search
    pairs = zip(indices[asked].tolist(), exact.tolist(), strict=True)
    return sum(len(set(found) & set(true)) for found, true in pairs) / exact.size


def measure(n: int) -> dict[str, Any]:
    rows = embeddings(n)
    wall, used = time.perf_counter(), time.process_time()
    indices, _ = nearest_neighbours(rows, K, np.arange(n))
    wall, used = time.perf_counter() - wall, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "rows": n,
        "width": WIDTH,
        "seconds": round(wall, 1),
        "processor_seconds": round(used, 1),
        "peak_gib": round(peak, 2),
        "recall_at_10": round(recall(rows, indices), 4),
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast nearest neighbours are found, and how many of them.")
    parser.add_argument("--quick", action="store_true", help="100,000 rows")
    is_quick = parser.parse_args().quick
    found = measure(100_000 if is_quick else 1_000_000)
    for name, value in found.items():
        print(f"{name:20}{value}")
    print(json.dumps({"benchmark": "neighbours", "quick": is_quick, **found}))


if __name__ == "__main__":
    main()
