"""How well wrong labels are found: errata beside what else ranks labels, from the same labels and features.

    python benchmarks/find.py [--quick | --anything-goes]

Same features: SqueezeNet at 112 pixels, mean and maximum of its last feature map, for images (pixels for the digits);
counted words and pairs of words for texts, weighed by TF-IDF. On these

- five-fold logistic regression ("5-fold LR"), its probabilities scored by cleanlab, by FiftyOne's formula of
  mistakenness and by errata's default score: what the score alone is worth
- a vote of the ten nearest neighbours, as SimiFeat's
- errata's learner and score

and, last, errata as an audit does it, with its own view of images and texts. Higher is better: area under the ROC
curve, average precision, and how many of the first W findings are wrong, W being the number of wrong labels. All but
the audit are repeated with other folds, seed by seed. `gain` compares errata's learner with 5-fold LR by cleanlab's
self-confidence: the ratio of mean average precision over the real sets, and for each set the difference, with the
95 % interval of a bootstrap over tasks, both methods on the same draw. `proposed` is the share of the true errors
among the first 300 findings whose right label the belief names, where the set knows it.

With --anything-goes no features are shared: the command line audits the sets with real errors, encoders frozen and
then fine-tuned within 15 minutes, and the ranking is beside the figures wanted.

Sets with real errors, and SqueezeNet's weights, are read from the folder that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anything_goes
import numpy as np
from cleanlab.rank import get_label_quality_scores
from numpy.typing import NDArray
from PIL import Image
from real_sets import WEIGHTS, given_labels, read_names, read_truth, squeezenet_features
from rich.console import Console
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from errata_model.encoders.images import ImageEncoder, decode_image, load_image_encoder
from errata_model.encoders.text import load_text_encoder
from errata_model.features import Features
from errata_model.kinds.choices.learner import fit_choices
from errata_model.kinds.choices.scoring import label_quality, neighbour_agreement
from errata_model.neighbours import nearest_neighbours

QUICK = 1000  # tasks a set
SEEDS = 5
DRAWS = 1000  # of the bootstrap
FIRST = 300
ERRATA, PEER, AUDIT = "errata's learner", "5-fold LR, cleanlab self_confidence", "errata audit"

Quality = NDArray[np.floating]


@dataclass(frozen=True)
class LabelledItems:
    name: str
    items: list[bytes] | list[str]  # images or texts
    labels: NDArray[np.int64]
    is_wrong: NDArray[np.bool_]
    right: NDArray[np.int64] | None  # the right label, where the set knows it


@dataclass(frozen=True)
class Ranking:
    """How one method ranks a set; `proposed` is the likeliest label, where the method has one."""

    method: str
    quality: Quality
    seconds: float
    proposed: NDArray[np.int64] | None = None


def read_digits(seed: int) -> LabelledItems:
    digits = load_digits()
    rng = np.random.default_rng(seed)
    planted = rng.choice(len(digits.target), round(0.05 * len(digits.target)), replace=False)
    labels = digits.target.copy()
    labels[planted] = (labels[planted] + rng.integers(1, 10, len(planted))) % 10
    files = []
    for values in digits.images:
        file = io.BytesIO()
        picture = Image.fromarray((values * 255 / 16).astype(np.uint8))
        picture.resize((64, 64), Image.Resampling.NEAREST).save(file, "PNG")
        files.append(file.getvalue())
    is_wrong = np.isin(np.arange(len(labels)), planted)
    return LabelledItems(f"digits, planted (seed {seed})", files, labels, is_wrong, digits.target)


def read_export(folder: Path, limit: int | None) -> LabelledItems:
    names = read_names(folder)
    tasks = json.loads((folder / "export.json").read_text())
    if limit is not None and limit < len(tasks):
        chosen = np.random.default_rng(0).choice(len(tasks), limit, replace=False)
        tasks = [tasks[number] for number in sorted(chosen)]
    truth = read_truth(folder)
    right = [truth[task["id"]].get("correct") for task in tasks]
    is_image = "image" in tasks[0]["data"]
    return LabelledItems(
        folder.name,
        [(folder / "media" / t["data"]["image"]).read_bytes() if is_image else t["data"]["text"] for t in tasks],
        given_labels(tasks, names),
        np.array([bool(truth[task["id"]]["wrong"]) for task in tasks]),
        np.array([names.index(label) for label in right]) if all(label in names for label in right) else None,
    )


def group_by_content(items: Sequence[object]) -> NDArray[np.int64]:
    return np.unique(np.array(items, dtype=object), return_inverse=True)[1].reshape(-1)


def embed(encoder: ImageEncoder, images: Sequence[bytes]) -> NDArray[np.float32]:
    parts = [images[start : start + 64] for start in range(0, len(images), 64)]
    return np.concatenate([encoder.encode([encoder.prepare(decode_image(each, 10**7)) for each in p]) for p in parts])


def out_of_sample(features: Features, labels: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    model = LogisticRegression(C=0.01, max_iter=300)
    if isinstance(features, np.ndarray):
        model = make_pipeline(StandardScaler(), model)
    else:
        model, features = LogisticRegression(C=10, max_iter=300), TfidfTransformer().fit_transform(features)
    return cross_val_predict(model, features, labels, cv=folds, method="predict_proba")


def by_mistakenness(labels: NDArray[np.int64], predicted: NDArray[np.float64]) -> Quality:
    """FiftyOne's compute_mistakenness for classifications with a confidence: (1 -+ confidence) / 2, here reversed."""
    agrees = np.where(predicted.argmax(axis=1) == labels, 1, -1)
    return (1 + agrees * predicted.max(axis=1)) / 2


def by_scores_of_lr(features: Features, data: LabelledItems, seed: int) -> Iterator[Ranking]:
    begun = time.perf_counter()
    predicted = out_of_sample(features, data.labels, seed)
    seconds = time.perf_counter() - begun
    best = predicted.argmax(axis=1)
    for score in ("self_confidence", "normalized_margin"):
        yield Ranking(
            f"5-fold LR, cleanlab {score}",
            get_label_quality_scores(data.labels, predicted, method=score),
            seconds,
            best,
        )
    adjusted = get_label_quality_scores(data.labels, predicted, method="self_confidence", adjust_pred_probs=True)
    yield Ranking("5-fold LR, cleanlab adjusted", adjusted, seconds, best)
    yield Ranking("5-fold LR, FiftyOne mistakenness", by_mistakenness(data.labels, predicted), seconds, best)
    yield Ranking("5-fold LR, errata's score", label_quality(data.labels, predicted), seconds, best)


def by_neighbours(features: Features, data: LabelledItems, seed: int) -> Iterator[Ranking]:
    begun = time.perf_counter()
    indices, similarities = nearest_neighbours(features, 10, group_by_content(data.items))
    quality = neighbour_agreement(data.labels, indices, similarities)
    yield Ranking("vote of 10 neighbours", quality, time.perf_counter() - begun)


def by_errata(
    method: str, blocks: tuple[int, ...] | None, features: Features, data: LabelledItems, seed: int
) -> Iterator[Ranking]:
    begun = time.perf_counter()
    targets = np.eye(int(data.labels.max()) + 1)[data.labels]
    found = fit_choices(features, targets, group_by_content(data.items), blocks=blocks, seed=seed).probabilities
    quality = label_quality(data.labels, found)
    yield Ranking(method, quality, time.perf_counter() - begun, found.argmax(axis=1))


def rankings(data: LabelledItems, seeds: int, weights: Path | None) -> Iterator[tuple[int, Ranking]]:
    own: tuple[Features, tuple[int, ...] | None]
    features: Features
    if isinstance(data.items[0], str):
        encoder = load_text_encoder()
        own = encoder.encode(data.items), encoder.blocks
        features = csr_array(CountVectorizer(ngram_range=(1, 2), min_df=2, dtype=np.float32).fit_transform(data.items))
    elif weights is None:
        own = embed(load_image_encoder("pixels", None), data.items), None
        features = own[0]
    else:
        own = embed(load_image_encoder("squeezenet1_0", weights), data.items), None
        features = squeezenet_features(data.items, weights)
    methods: list[Callable[..., Iterator[Ranking]]] = [by_scores_of_lr, by_neighbours, partial(by_errata, ERRATA, None)]
    for seed in range(seeds):
        for method in methods:
            for ranking in method(features, data, seed):
                yield seed, ranking
    for ranking in by_errata(AUDIT, own[1], own[0], data, 0):
        yield 0, ranking


def figures(data: LabelledItems, ranking: Ranking) -> dict[str, float]:
    order = np.argsort(ranking.quality, kind="stable")
    errors = order[:FIRST][data.is_wrong[order[:FIRST]]]
    has_proposals = ranking.proposed is not None and data.right is not None and len(errors)
    return {
        "auroc": float(roc_auc_score(data.is_wrong, -ranking.quality)),
        "average_precision": float(average_precision_score(data.is_wrong, -ranking.quality)),
        "wrong_in_first": int(data.is_wrong[order[: int(data.is_wrong.sum())]].sum()),
        "proposed": float((ranking.proposed[errors] == data.right[errors]).mean()) if has_proposals else np.nan,
        "seconds": ranking.seconds,
    }


def bootstrap(data: LabelledItems, ours: list[Quality], theirs: list[Quality]) -> tuple[float, float, float]:
    """Return the mean difference of average precision over tasks and seeds, and its 95 % interval."""
    rng = np.random.default_rng(0)
    gains = []
    for draw in range(DRAWS):
        chosen = rng.integers(0, len(data.labels), len(data.labels))
        seed = draw % len(ours)
        wrong = data.is_wrong[chosen]
        gains.append(
            average_precision_score(wrong, -ours[seed][chosen]) - average_precision_score(wrong, -theirs[seed][chosen])
        )
    low, high = np.percentile(gains, [2.5, 97.5])
    return float(np.mean(gains)), float(low), float(high)


def cases(is_quick: bool, console: Console) -> Iterator[tuple[LabelledItems, Path | None]]:
    for seed in range(1 if is_quick else 3):
        yield read_digits(seed), None
    folder = os.environ.get("ERRATA_BENCHMARKS")
    for name in ("cifar10n", "roman-numerals", "noisy-ag-news"):
        if folder is None or not (Path(folder) / name).is_dir():
            console.print(f"skipped {name}: ERRATA_BENCHMARKS names no folder that holds it")
        elif name != "noisy-ag-news" and not (Path(folder) / WEIGHTS).is_file():
            console.print(f"skipped {name}: there is no {WEIGHTS}")
        else:
            yield read_export(Path(folder) / name, QUICK if is_quick else None), Path(folder) / WEIGHTS


def measure(data: LabelledItems, weights: Path | None, seeds: int) -> tuple[list[dict[str, object]], dict[str, object]]:
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    kept: dict[str, list[Quality]] = defaultdict(list)
    for _, ranking in rankings(data, seeds, weights):
        found[ranking.method].append(figures(data, ranking))
        kept[ranking.method].append(ranking.quality)
    lines = []
    for method, seen in found.items():
        mean = {name: round(float(np.mean([each[name] for each in seen])), 4) for name in seen[0]}
        about = {"set": data.name, "method": method, "labels": len(data.labels), "wrong": int(data.is_wrong.sum())}
        lines.append(about | mean)
    gain, low, high = bootstrap(data, kept[ERRATA], kept[PEER])
    return lines, {"set": data.name, "gain": round(gain, 4), "low": round(low, 4), "high": round(high, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description="How well wrong labels are found.")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--quick", action="store_true", help=f"one seed, {QUICK} tasks a set")
    part.add_argument("--anything-goes", action="store_true", help="the command line, fine-tuning allowed")
    chosen = parser.parse_args()
    is_quick = chosen.quick
    console = Console(stderr=True)
    if chosen.anything_goes:
        if "ERRATA_BENCHMARKS" not in os.environ:
            parser.error("ERRATA_BENCHMARKS must name the folder of the sets")
        anything_goes.report(Path(os.environ["ERRATA_BENCHMARKS"]))
        return
    results: list[dict[str, object]] = []
    gains = []
    for data, weights in cases(is_quick, console):
        lines, gain = measure(data, weights, 1 if is_quick else SEEDS)
        results += lines
        gains.append(gain)
        console.print(gain)
    anything_goes.show(results)
    real = {gain["set"] for gain in gains if "planted" not in str(gain["set"])}
    of_real = [line for line in results if line["set"] in real]
    means = {
        method: np.mean([line["average_precision"] for line in of_real if line["method"] == method])
        for method in (ERRATA, PEER)
        if real
    }
    ratio = round(float(means[ERRATA] / means[PEER]), 3) if means else None
    print(json.dumps({"benchmark": "find", "quick": is_quick, "ratio": ratio, "gains": gains, "results": results}))


if __name__ == "__main__":
    main()
