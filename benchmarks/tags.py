"""How well and how fast wrong tags are found: errata beside cleanlab.

Three ways are compared on each set, from the same features: cleanlab's scores of probabilities by five-fold logistic
regression, a tag at a time; errata's scores of the same probabilities; and errata's own learner with its scores. Higher
is better: the area under the precision-recall curve (average precision) of items with a wrong tag, by the pooled
quality, and of single tags. Of albums that three people tagged the same of each one's single tags: by errata's belief
alone, by how many of them gave a tag, and by the consensus of both.

    python benchmarks/tags.py [--quick]

The published recipe is made anew (`tag_sets.py`); sets with real errors are read from the folder that
ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from cleanlab.multilabel_classification.rank import (
    get_label_quality_scores,
    get_label_quality_scores_per_class,
)
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from tag_sets import TagSet, album_sets, recipe_set

from errata_model.kinds.tags.annotators import find_consensus_of_tags
from errata_model.kinds.tags.learner import fit_tags
from errata_model.kinds.tags.scoring import adjusted_self_confidence, label_quality, task_quality

SOFTMIN = {"method": "softmin", "temperature": 0.1}
ROUNDS = 5


def cross_fit(tagged: TagSet) -> NDArray[np.float64]:
    if tagged.texts:
        rows: Any = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(tagged.texts)
        strength = 1.0
    elif tagged.name.startswith("recipe"):
        rows, strength = tagged.features, 1.0
    else:
        rows, strength = StandardScaler().fit_transform(tagged.features), 0.01
    predicted = np.zeros(tagged.given.shape)
    for train, test in KFold(5, shuffle=True, random_state=0).split(tagged.given):
        for k in range(predicted.shape[1]):
            model = LogisticRegression(C=strength, max_iter=300).fit(rows[train], tagged.given[train, k])
            predicted[test, k] = model.predict_proba(rows[test])[:, 1]
    return predicted


def to_lists(given: NDArray[np.bool_]) -> list[list[int]]:
    return [np.flatnonzero(row).tolist() for row in given]


def measure(tagged: TagSet) -> Iterator[dict[str, object]]:
    begun = time.perf_counter()
    predicted = cross_fit(tagged)
    seconds = time.perf_counter() - begun
    lists = to_lists(tagged.given)
    pooled = get_label_quality_scores(lists, predicted, aggregator_kwargs=SOFTMIN)
    of_tags = np.asarray(get_label_quality_scores_per_class(lists, predicted))
    yield line_of(tagged, "5-fold LR + cleanlab", pooled, of_tags, seconds)
    pooled, of_tags = task_quality(tagged.given, predicted), label_quality(tagged.given, predicted)
    yield line_of(tagged, "5-fold LR + errata", pooled, of_tags, seconds)
    begun = time.perf_counter()
    n = len(tagged.given)
    everybody, alone = np.ones(n, dtype=bool), np.arange(n)
    fitted = fit_tags(tagged.features, tagged.given.astype(float), everybody, alone, blocks=tagged.blocks)
    seconds = time.perf_counter() - begun
    pooled, of_tags = (score(tagged.given, fitted.probabilities) for score in (task_quality, label_quality))
    yield line_of(tagged, "errata", pooled, of_tags, seconds)


def measure_annotators(tagged: TagSet, by_three: NDArray[np.bool_]) -> dict[str, object]:
    n, n_people, _ = by_three.shape
    shares = by_three.mean(axis=1)
    fitted = fit_tags(tagged.features, shares, np.ones(n, dtype=bool), np.arange(n), blocks=tagged.blocks)
    items, people = np.repeat(np.arange(n), n_people), np.tile(np.arange(n_people), n)
    given = by_three.reshape(n * n_people, -1)
    found = find_consensus_of_tags(items, people, given, n_people, fitted.probabilities)
    is_wrong = (given != tagged.right[items]).ravel()
    line: dict[str, object] = {"set": tagged.name, "answers": len(given), "wrong_tags": int(is_wrong.sum())}
    for name, p in (("belief", fitted.probabilities), ("shares", shares), ("consensus", found.probabilities)):
        line[f"auprc_{name}"] = round(float(average_precision_score(is_wrong, np.abs(given - p[items]).ravel())), 4)
    return line


def line_of(
    tagged: TagSet, method: str, pooled: NDArray[np.float64], of_tags: NDArray[np.float64], seconds: float
) -> dict[str, object]:
    is_wrong = tagged.given != tagged.right
    return {
        "set": tagged.name,
        "method": method,
        "items": len(is_wrong),
        "wrong_items": int(is_wrong.any(axis=1).sum()),
        "auprc_items": round(float(average_precision_score(is_wrong.any(axis=1), -pooled)), 4),
        "auprc_tags": round(float(average_precision_score(is_wrong.ravel(), -of_tags.ravel())), 4),
        "seconds": round(seconds, 1),
    }


def speeds(n: int, n_tags: int) -> Iterator[dict[str, object]]:
    rng = np.random.default_rng(0)
    predicted = rng.random((n, n_tags))
    given = rng.random((n, n_tags)) < 0.3 * predicted
    lists = to_lists(given)
    pairs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "softmin of items": (
            lambda: get_label_quality_scores(lists, predicted, aggregator_kwargs=SOFTMIN),
            lambda: task_quality(given, predicted),
        ),
        "self-confidence of tags": (
            lambda: get_label_quality_scores_per_class(lists, predicted),
            lambda: label_quality(given, predicted),
        ),
        "adjusted self-confidence of tags": (
            lambda: get_label_quality_scores_per_class(lists, predicted, adjust_pred_probs=True),
            lambda: adjusted_self_confidence(given, predicted),
        ),
    }
    for name, (theirs, ours) in pairs.items():
        theirs_s, ours_s = seconds_of(theirs, ours)
        yield {
            "score": f"{name}, {n:,} x {n_tags}",
            "cleanlab_s": round(theirs_s, 4),
            "errata_s": round(ours_s, 4),
            "ratio": round(theirs_s / ours_s, 1),
        }


def seconds_of(*calls: Callable[[], object]) -> list[float]:
    """Return the median time of each; they take turns, so that a busy moment hits all."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, of_call in zip(calls, times, strict=True):
            begun = time.perf_counter()
            call()
            of_call.append(time.perf_counter() - begun)
    return [float(np.median(of_call)) for of_call in times]


def cases(is_quick: bool, console: Console) -> Iterator[TagSet]:
    for seed in range(1 if is_quick else 3):
        yield recipe_set(seed, 4000 if is_quick else 28_500)
    folder = os.environ.get("ERRATA_BENCHMARKS")
    if folder is None:
        console.print("skipped albums and pages: ERRATA_BENCHMARKS names no folder")
        return
    yield from album_sets(Path(folder), range(1 if is_quick else 3), 1500 if is_quick else None)


def print_table(lines: list[dict[str, object]]) -> None:
    table = Table(*(name.replace("_", " ") for name in lines[0]))
    for line in lines:
        table.add_row(*map(str, line.values()))
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="How well and how fast wrong tags are found.")
    parser.add_argument("--quick", action="store_true", help="one seed, a part of each set")
    is_quick = parser.parse_args().quick
    warnings.simplefilter("ignore", ConvergenceWarning)
    fast = list(speeds(50_000, 50))
    found, together = [], []
    for tagged in cases(is_quick, Console(stderr=True)):
        found += measure(tagged)
        together += [] if tagged.by_three is None else [measure_annotators(tagged, tagged.by_three)]
    for lines in filter(None, (fast, found, together)):
        print_table(lines)
    load = round(os.getloadavg()[0], 1)
    said = {"speed": fast, "results": found, "annotators": together}
    print(json.dumps({"benchmark": "tags", "quick": is_quick, "load": load, **said}))


if __name__ == "__main__":
    main()
