"""How well labels by several annotators are weighed: errata beside CROWDLAB (cleanlab) and majority vote.

Everybody gets the same labels and, but for the vote, the same out-of-sample probabilities: five-fold logistic
regression on majority votes, what CROWDLAB's authors propose, or errata's own learner. Higher is better:

- consensus: how many consensus labels are right
- quality: area under the ROC curve of the consensus' quality, right ones against wrong
- labels: the same of every single label's quality; labels AP: average precision of the wrong among them

    python benchmarks/annotators.py [--quick]

cifar10n has real labels by three people an image; at half, each label is kept with a chance of one half. The planted
sets draw true classes and a belief, and people of very different worth: few who label much, or many who label little.
The real set, and SqueezeNet's weights, are read from the folder that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cleanlab.multiannotator import get_label_quality_multiannotator, get_majority_vote_label
from numpy.typing import NDArray
from real_sets import WEIGHTS, read_names, read_truth, squeezenet_features
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from errata_model.kinds.choices.annotators import find_consensus
from errata_model.kinds.choices.learner import fit_choices

QUICK = 1000  # tasks a set
SEEDS = 5


@dataclass(frozen=True)
class LabelledTasks:
    name: str
    given: NDArray[np.int64]  # (N, A), -1 for a gap
    truth: NDArray[np.int64]  # (N,)
    n_classes: int
    features: NDArray[np.float32] | None = None
    predicted: NDArray[np.float64] | None = None  # where there are no features to learn from


@dataclass(frozen=True)
class Weighed:
    labels: NDArray[np.int64]
    quality: NDArray[np.float64]
    label_quality: NDArray[np.float64]  # (N, A)


def read_three(folder: Path, limit: int | None) -> LabelledTasks:
    names = read_names(folder)
    tasks = json.loads((folder / "export-three.json").read_text())
    if limit is not None:
        chosen = np.random.default_rng(0).choice(len(tasks), limit, replace=False)
        tasks = [tasks[number] for number in sorted(chosen)]
    correct = {task: names.index(line["correct"]) for task, line in read_truth(folder).items()}
    given = [
        [names.index(annotation["result"][0]["value"]["choices"][0]) for annotation in task["annotations"]]
        for task in tasks
    ]
    images = [(folder / "media" / task["data"]["image"]).read_bytes() for task in tasks]
    truth = np.array([correct[task["id"]] for task in tasks])
    weights = folder.parent / WEIGHTS
    return LabelledTasks(folder.name, np.array(given), truth, len(names), squeezenet_features(images, weights))


def thin(tasks: LabelledTasks, seed: int, share: float = 0.5) -> LabelledTasks:
    """Keep each label with a chance of `share`, and one a task."""
    rng = np.random.default_rng(seed)
    is_kept = rng.random(tasks.given.shape) < share
    is_kept[np.arange(len(is_kept)), rng.integers(0, is_kept.shape[1], len(is_kept))] |= ~is_kept.any(axis=1)
    given = np.where(is_kept, tasks.given, -1)
    return LabelledTasks(f"{tasks.name}, half", given, tasks.truth, tasks.n_classes, tasks.features)


def plant(name: str, n_people: int, share: float, n: int, seed: int, n_classes: int = 10) -> LabelledTasks:
    """Draw people who are right 20 % to 99 % of the time, a third of whose slips are to one favourite class each."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    accuracy = np.clip(rng.beta(4, 1.5, n_people), 0.2, 0.99)
    slips = (truth[:, None] + rng.integers(1, n_classes, (n, n_people))) % n_classes
    favourites = np.broadcast_to(rng.integers(0, n_classes, n_people), slips.shape)
    slips = np.where((rng.random(slips.shape) < 1 / 3) & (favourites != truth[:, None]), favourites, slips)
    given = np.where(rng.random(slips.shape) < accuracy, truth[:, None], slips)
    is_kept = rng.random(given.shape) < share
    is_kept[np.arange(n), rng.integers(0, n_people, n)] = True
    seen = np.where(rng.random(n) < 0.75, truth, rng.integers(0, n_classes, n))
    predicted = 0.6 * rng.dirichlet(np.ones(n_classes), n) + 0.4 * np.eye(n_classes)[seen]
    return LabelledTasks(name, np.where(is_kept, given, -1), truth, n_classes, predicted=predicted)


def as_cleanlab_reads(tasks: LabelledTasks) -> NDArray[np.float64]:
    return np.where(tasks.given >= 0, tasks.given, np.nan).astype(np.float64)


def beliefs(tasks: LabelledTasks, seed: int) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield the probabilities that everybody gets, by whom they are from."""
    if tasks.features is None:
        assert tasks.predicted is not None
        yield "drawn", tasks.predicted
        return
    votes = get_majority_vote_label(as_cleanlab_reads(tasks), verbose=False)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    yield "5-fold LR", cross_val_predict(model, tasks.features, votes, cv=folds, method="predict_proba")
    targets = find_consensus(tasks.given, n_classes=tasks.n_classes).probabilities
    own = fit_choices(tasks.features, targets, np.arange(len(votes)), seed=seed).probabilities
    yield "errata", own.astype(np.float64) / own.sum(axis=1, keepdims=True, dtype=np.float64)


def by_errata(tasks: LabelledTasks, predicted: NDArray[np.float64]) -> Weighed:
    found = find_consensus(tasks.given, predicted)
    return Weighed(found.labels, found.quality, found.label_quality)


def by_crowdlab(tasks: LabelledTasks, predicted: NDArray[np.float64]) -> Weighed:
    found = get_label_quality_multiannotator(as_cleanlab_reads(tasks), predicted, verbose=False)
    quality = found["label_quality"]
    return Weighed(
        quality["consensus_label"].to_numpy(),
        quality["consensus_quality_score"].to_numpy(),
        found["detailed_label_quality"].to_numpy(),
    )


def by_vote(tasks: LabelledTasks, predicted: NDArray[np.float64]) -> Weighed:
    labels = get_majority_vote_label(as_cleanlab_reads(tasks), predicted, verbose=False)
    counts = np.stack([(tasks.given == k).sum(axis=1) for k in range(tasks.n_classes)], axis=1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    return Weighed(labels, shares[rows, labels], shares[rows[:, None], np.maximum(tasks.given, 0)])


METHODS = {"errata": by_errata, "CROWDLAB": by_crowdlab, "majority vote": by_vote}


def measure(tasks: LabelledTasks, seed: int) -> Iterator[dict[str, object]]:
    is_given = tasks.given >= 0
    is_slip = (tasks.given != tasks.truth[:, None])[is_given]
    for source, predicted in beliefs(tasks, seed):
        for method, weigh in METHODS.items():
            begun = time.perf_counter()
            found = weigh(tasks, predicted.copy())
            seconds = time.perf_counter() - begun
            is_right = found.labels == tasks.truth
            suspicion = -found.label_quality[is_given]
            yield {
                "set": tasks.name,
                "belief": source,
                "method": method,
                "consensus": is_right.mean(),
                "quality": roc_auc_score(is_right, found.quality),
                "labels": roc_auc_score(is_slip, suspicion),
                "labels AP": average_precision_score(is_slip, suspicion),
                "seconds": seconds,
            }


def cases(is_quick: bool, console: Console) -> Iterator[tuple[LabelledTasks, int]]:
    limit, seeds = (QUICK, 1) if is_quick else (None, SEEDS)
    folder = Path(os.environ.get("ERRATA_BENCHMARKS", "")) / "cifar10n"
    if (folder / "export-three.json").is_file() and (folder.parent / WEIGHTS).is_file():
        three = read_three(folder, limit)
        for seed in range(seeds):
            yield three, seed
            yield thin(three, seed), seed
    else:
        console.print(f"skipped cifar10n: ERRATA_BENCHMARKS names no folder that holds it and {WEIGHTS}")
    for seed in range(seeds):
        yield plant("planted, 6 people", 6, 0.35, limit or 5000, seed), seed
        yield plant("planted, 200 people", 200, 0.01, limit or 5000, seed), seed


def averaged(lines: list[dict[str, object]]) -> list[dict[str, object]]:
    """Average over seeds, with the spread of the consensus and its quality."""
    groups: dict[tuple[object, ...], list[dict[str, object]]] = {}
    for line in lines:
        groups.setdefault((line["set"], line["belief"], line["method"]), []).append(line)
    found = []
    for (name, belief, method), of_seeds in groups.items():
        figures = {key: np.array([line[key] for line in of_seeds], dtype=float) for key in list(of_seeds[0])[3:]}
        found.append(
            {"set": name, "belief": belief, "method": method, "seeds": len(of_seeds)}
            | {key: round(float(values.mean()), 4) for key, values in figures.items()}
            | {f"{key} spread": round(float(figures[key].std()), 4) for key in ("consensus", "quality")}
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="How well labels by several annotators are weighed.")
    parser.add_argument("--quick", action="store_true", help=f"one seed, {QUICK} tasks a set")
    is_quick = parser.parse_args().quick
    warnings.filterwarnings("ignore", category=UserWarning, module="cleanlab")
    console = Console(stderr=True)
    results = averaged([line for tasks, seed in cases(is_quick, console) for line in measure(tasks, seed)])
    table = Table(*results[0])
    for line in results:
        table.add_row(*map(str, line.values()))
    Console(width=160).print(table)
    print(json.dumps({"benchmark": "annotators", "quick": is_quick, "results": results}))


if __name__ == "__main__":
    main()
