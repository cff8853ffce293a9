"""How fast given labels are scored, and how well from the same probabilities: errata beside cleanlab.

    python benchmarks/scores.py [--quick]

Speed: both score the same arrays in turn; the medians are compared, so that a busy moment hits both. Without the sort,
and with it (worst first). `floor_ms` is what reading the probabilities once takes (their largest entry), which no score
that checks them can go below. Memory is what is allocated at the peak beside the arrays, in vectors of N doubles.

Quality: area under the ROC curve and average precision from the same probabilities (`score_sets.py`): planted errors
of five kinds, in evenly and unevenly frequent classes, and, where ERRATA_BENCHMARKS names their folder, real ones.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import tracemalloc
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from score_sets import ScoreSet, benchmarks_folder, planted_sets, real_sets
from sklearn.metrics import average_precision_score, roc_auc_score

from errata_model.kinds.choices.confident import find_label_errors
from errata_model.kinds.choices.scoring import (
    adjusted_self_confidence,
    label_quality,
    log_margin,
    margin,
    self_confidence,
)

Array = NDArray[Any]
Score = Callable[[Array, Array], Array]


def cleanlab_score(**asked: Any) -> Score:
    from cleanlab.rank import get_label_quality_scores  # noqa: PLC0415

    return lambda given, predicted: get_label_quality_scores(given, predicted, **asked)


def cleanlab_flags(given: Array, predicted: Array) -> Array:
    from cleanlab.filter import find_label_issues  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one for each small class
        return find_label_issues(given, predicted)


PEERS = {
    "self-confidence": {"method": "self_confidence"},
    "margin": {"method": "normalized_margin"},
    "adjusted": {"method": "self_confidence", "adjust_pred_probs": True},
    "adjusted margin": {"method": "normalized_margin", "adjust_pred_probs": True},
    "weighted entropy": {"method": "confidence_weighted_entropy"},
}
OURS: dict[str, Score] = {
    "self-confidence": self_confidence,
    "margin": margin,
    "adjusted": adjusted_self_confidence,
    "log-margin": log_margin,
    "default": label_quality,
}

TARGET_VECTORS = 4.0
SHAPES = ((1_000_000, 10), (50_000, 1_000))
QUICK_SHAPES = ((100_000, 10), (5_000, 1_000))


def beliefs(n: int, n_classes: int, seed: int = 0) -> tuple[Array, Array]:
    """Draw labels, nine of ten of them the likeliest of their row."""
    rng = np.random.default_rng(seed)
    predicted = rng.standard_exponential((n, n_classes)) ** 3
    predicted /= predicted.sum(axis=1, keepdims=True)
    given = np.where(rng.random(n) < 0.9, predicted.argmax(axis=1), rng.integers(0, n_classes, n))
    return given, predicted


def then_sort(score: Score) -> Score:
    return lambda given, predicted: np.argsort(score(given, predicted))


def read_once(_: Array, predicted: Array) -> Array:
    return np.asarray(predicted.max())


def in_turn(ours: Score, theirs: Score, arrays: tuple[Array, Array], n_turns: int) -> tuple[float, float]:
    """Return the median milliseconds of each."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(n_turns):
        for score, taken in zip((ours, theirs), seconds, strict=True):
            begun = time.perf_counter()
            score(*arrays)
            taken.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(seconds[0]), 1e3 * statistics.median(seconds[1])


def vectors_of_memory(score: Score, arrays: tuple[Array, Array]) -> float:
    tracemalloc.start()
    score(*arrays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (8 * len(arrays[0]))


def comparisons() -> list[tuple[str, Score, str, Score, int]]:
    """Return name, errata's, name, cleanlab's, and how many turns."""
    rows: list[tuple[str, Score, str, Score, int]] = []
    for name in ("self-confidence", "margin", "adjusted"):
        theirs = cleanlab_score(**PEERS[name])
        rows.append((name, OURS[name], name, theirs, 9))
        rows.append((f"{name}, sorted", then_sort(OURS[name]), f"{name}, sorted", then_sort(theirs), 9))
    single = then_sort(cleanlab_score(**PEERS["self-confidence"]))
    rows.append(("default, sorted", then_sort(label_quality), "self-confidence, sorted", single, 9))
    rows.append(("default, sorted", then_sort(label_quality), "find_label_issues", cleanlab_flags, 1))
    rows.append(("find_label_errors", find_label_errors, "find_label_issues", cleanlab_flags, 1))
    return rows


def target_ratio(n_classes: int, ours: str, theirs: str) -> float | None:
    """Return how many times as fast errata should be."""
    if ours == "default, sorted":
        return 10.0 if theirs == "find_label_issues" else 1.0
    if ours != theirs:
        return None
    if "sorted" in ours:
        return 2.0 if n_classes == SHAPES[0][1] else None
    return 4.0 if n_classes == SHAPES[0][1] else 5.0


def measure_speed(shape: tuple[int, int], dtype: str) -> list[dict[str, Any]]:
    given, predicted = beliefs(*shape)
    arrays = (given, predicted.astype(dtype))
    floor_ms, _ = in_turn(read_once, read_once, arrays, 9)
    lines = []
    for name, ours, peer, theirs, n_turns in comparisons():
        ours_ms, theirs_ms = in_turn(ours, theirs, arrays, n_turns)
        lines.append({
            "rows": shape[0], "classes": shape[1], "type": dtype, "errata": name, "cleanlab": peer,
            "errata_ms": round(ours_ms, 1), "cleanlab_ms": round(theirs_ms, 1), "floor_ms": round(floor_ms, 1),
            "ratio": round(theirs_ms / ours_ms, 2), "target": target_ratio(shape[1], name, peer),
            "errata_vectors": round(vectors_of_memory(ours, arrays), 2), "target_vectors": TARGET_VECTORS,
        })  # fmt: skip
    return lines


def measure_quality(sets: Iterable[ScoreSet]) -> list[dict[str, Any]]:
    """Return for every score the means over each set's cases, and over the sets."""
    scores = {f"cleanlab {name}": cleanlab_score(**asked) for name, asked in PEERS.items()}
    scores |= {f"errata {name}": OURS[name] for name in ("log-margin", "default")}
    found: dict[str, dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for each in sets:
        for name, score in scores.items():
            doubt = -score(each.given, each.predicted)
            auroc, precision = roc_auc_score(each.is_wrong, doubt), average_precision_score(each.is_wrong, doubt)
            found[name][each.name].append((float(auroc), float(precision)))
    lines = []
    for name, by_set in found.items():
        means = {about: np.mean(cases, axis=0).round(4).tolist() for about, cases in by_set.items()}
        mean = np.mean(list(means.values()), axis=0).round(4).tolist()
        lines.append({"score": name, "auroc": mean[0], "average_precision": mean[1], "sets": means})
    return lines


def print_table(lines: list[dict[str, Any]]) -> None:
    table = Table(*(name.replace("_", " ") for name in lines[0]))
    for line in lines:
        table.add_row(*("-" if value is None else str(value) for value in line.values()))
    Console(width=170).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast and how well given labels are scored.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, one seed, 1,000 tasks a set")
    is_quick = parser.parse_args().quick
    speed = [
        line
        for shape in (QUICK_SHAPES if is_quick else SHAPES)
        for dtype in ("float64", "float32")
        for line in measure_speed(shape, dtype)
    ]
    print_table(speed)
    folder = benchmarks_folder()
    if folder is None:
        Console(stderr=True).print("skipped real errors: ERRATA_BENCHMARKS names no folder with the sets and weights")
    quality = {"planted": measure_quality(planted_sets(is_quick))}
    if folder is not None:
        quality["real"] = measure_quality(real_sets(folder, 1000 if is_quick else None))
    for lines in quality.values():
        columns = list(lines[0]["sets"])
        print_table([
            {"score": line["score"], "AUROC": line["auroc"], "AP": line["average_precision"]}
            | {about: "/".join(f"{value:.3f}" for value in line["sets"][about]) for about in columns}
            for line in lines
        ])  # fmt: skip
    load = [round(each, 1) for each in os.getloadavg()]
    print(json.dumps({"benchmark": "scores", "quick": is_quick, "load": load, "speed": speed, "quality": quality}))


if __name__ == "__main__":
    main()
