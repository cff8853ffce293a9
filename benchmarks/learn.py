"""What learning single choices takes: seconds and memory, of the exact leave-one-out kernel alone and of the whole.

    python benchmarks/learn.py [--quick]

Drawn embeddings of even classes. Each case runs in a process of its own, whose largest resident memory counts, less
what it held before learning: interpreter, libraries and the embeddings themselves. Where the machine has other work
too, processor seconds say more than seconds; on two cores a case takes between half of them and all.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from own_process import in_own_processes
from rich.console import Console
from rich.table import Table

from errata_model.kinds.choices.canonical import order_by_content
from errata_model.kinds.choices.choice import choose
from errata_model.kinds.choices.examples import UNLABELLED, Examples
from errata_model.kinds.choices.kernel_ridge import KernelRidge
from errata_model.kinds.choices.learner import fit_choices
from errata_model.kinds.choices.rows import normalise

CASES = {
    "kernel alone": [(50_000, 1024, 10)],
    "whole": [(5_000, 1024, 10), (5_000, 512, 1000), (50_000, 1024, 10), (100_000, 2048, 10)],
}
TARGETS = {("kernel alone", 50_000): 20}  # seconds on two cores
QUICK = {"kernel alone": [(2_000, 256, 10)], "whole": [(2_000, 256, 10)]}
TRIAL_ROWS = 10_000


def draw(n_rows: int, width: int, n_classes: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    chance = np.random.default_rng(0)
    classes = chance.integers(0, n_classes, n_rows)
    rows = chance.standard_normal((n_rows, width), dtype=np.float32)
    centres = 10 / np.sqrt(width) * chance.standard_normal((n_classes, width), dtype=np.float32)
    rows += centres.astype(np.float32)[classes]
    return rows, np.eye(n_classes)[classes]


def learn_by_kernel(rows: NDArray[np.float32], targets: NDArray[np.float64], groups: NDArray[np.int64]) -> None:
    order, ranks = order_by_content(rows, targets, groups, 0)
    examples = Examples(targets, groups, ranks).take(order)
    trial = examples.take(np.arange(min(len(rows), TRIAL_ROWS)))
    learner = KernelRidge(normalise(rows)[order], examples)
    learner.fit(choose(learner.candidates(trial), trial, None)[UNLABELLED].setting)


def measure(what: str, n_rows: int, width: int, n_classes: int) -> dict[str, object]:
    rows, targets = draw(n_rows, width, n_classes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, used = time.perf_counter(), time.process_time()
    if what == "whole":
        fit_choices(rows, targets, np.arange(n_rows))
    else:
        learn_by_kernel(rows, targets, np.arange(n_rows))
    seconds, used = time.perf_counter() - begun, time.process_time() - used
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    case = {"what": what, "labels": n_rows, "width": width, "classes": n_classes}
    taken = {"seconds": round(seconds, 1), "target_s": TARGETS.get((what, n_rows)), "processor_s": round(used, 1)}
    return case | taken | {"memory_gib": round(most / 2**20, 2)}


def cases(is_quick: bool) -> Iterator[tuple[str, int, int, int]]:
    for what, sizes in (QUICK if is_quick else CASES).items():
        for size in sizes:
            yield what, *size


def main() -> None:
    is_quick, results = in_own_processes(
        __file__, "What learning single choices takes.", "2,000 labels", measure, cases
    )
    table = Table(*(name.replace("_", " ") for name in results[0]))
    for line in results:
        table.add_row(*("-" if value is None else str(value) for value in line.values()))
    Console(width=100).print(table)
    load = round(os.getloadavg()[0], 1)
    print(json.dumps({"benchmark": "learn", "quick": is_quick, "load": load, "results": results}))


if __name__ == "__main__":
    main()
