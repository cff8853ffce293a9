"""How well wrong labels are found: errata beside five-fold logistic regression with cleanlab's self-confidence.

Both rank the same labels from the same embeddings. Higher is better: area under the ROC curve, average precision, and
how many of the first W findings are wrong, W being the number of wrong labels.

    python benchmarks/find.py [--quick]

Sets with real errors, and SqueezeNet's weights, are read from the folder that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from errata_model.encoders.images import ImageEncoder, decode_image, load_image_encoder
from errata_model.kinds.choices.learner import fit_choices
from errata_model.kinds.choices.scoring import label_quality

WEIGHTS = "weights/squeezenet1_0-deep-compression-fp16.pth"
QUICK = 1000  # images a set


@dataclass(frozen=True)
class LabelledImages:
    name: str
    images: list[bytes]
    labels: NDArray[np.int64]
    is_wrong: NDArray[np.bool_]


def read_digits(seed: int) -> LabelledImages:
    digits = load_digits()
    rng = np.random.default_rng(seed)
    planted = rng.choice(len(digits.target), round(0.05 * len(digits.target)), replace=False)
    labels = digits.target.copy()
    labels[planted] = (labels[planted] + rng.integers(1, 10, len(planted))) % 10
    files = []
    for values in digits.images:
        file = io.BytesIO()
        Image.fromarray((values * 255 / 16).astype(np.uint8)).resize((64, 64), Image.Resampling.NEAREST).save(
            file, "PNG"
        )
        files.append(file.getvalue())
    return LabelledImages(f"digits, planted (seed {seed})", files, labels, np.isin(np.arange(len(labels)), planted))


def read_export(folder: Path, limit: int | None) -> LabelledImages:
    names = re.findall(r'<Choice value="([^"]+)"', (folder / "config.xml").read_text())
    tasks = json.loads((folder / "export.json").read_text())
    if limit is not None and limit < len(tasks):
        chosen = np.random.default_rng(0).choice(len(tasks), limit, replace=False)
        tasks = [tasks[number] for number in sorted(chosen)]
    wrong = {line["task"]: line["wrong"] for line in map(json.loads, (folder / "truth.jsonl").open())}
    given = [task["annotations"][0]["result"][0]["value"]["choices"][0] for task in tasks]
    return LabelledImages(
        folder.name,
        [(folder / "media" / task["data"]["image"]).read_bytes() for task in tasks],
        np.array([names.index(label) for label in given]),
        np.array([wrong[task["id"]] for task in tasks]),
    )


def embed(encoder: ImageEncoder, images: list[bytes]) -> NDArray[np.float32]:
    with ThreadPoolExecutor(4) as pool:
        prepared = list(pool.map(lambda content: encoder.prepare(decode_image(content, 10**7)), images))
    return encoder.encode(prepared)


def group_by_content(images: list[bytes]) -> NDArray[np.int64]:
    return np.unique(np.array(images, dtype=object), return_inverse=True)[1]


def believe_by_errata(rows: NDArray[np.float32], images: LabelledImages) -> NDArray[np.float64]:
    targets = np.eye(int(images.labels.max()) + 1)[images.labels]
    found = fit_choices(rows, targets, group_by_content(images.images))
    return label_quality(images.labels, found.probabilities)


def believe_by_cleanlab(rows: NDArray[np.float32], images: LabelledImages) -> NDArray[np.float64]:
    from cleanlab.rank import get_label_quality_scores  # noqa: PLC0415

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(model, rows, images.labels, cv=folds, method="predict_proba")
    return get_label_quality_scores(images.labels, predicted, method="self_confidence")


METHODS = {"errata": believe_by_errata, "5-fold LR + cleanlab": believe_by_cleanlab}


def measure(images: LabelledImages, encoder: ImageEncoder) -> Iterator[dict[str, object]]:
    rows = embed(encoder, images.images)
    n_wrong = int(images.is_wrong.sum())
    for method, believe in METHODS.items():
        begun = time.perf_counter()
        quality = believe(rows, images)
        seconds = time.perf_counter() - begun
        first = np.argsort(quality, kind="stable")[:n_wrong]
        yield {
            "set": images.name,
            "encoder": encoder.identity.partition(":")[0],
            "method": method,
            "labels": len(images.labels),
            "wrong": n_wrong,
            "auroc": round(float(roc_auc_score(images.is_wrong, -quality)), 4),
            "average_precision": round(float(average_precision_score(images.is_wrong, -quality)), 4),
            "wrong_in_first": int(images.is_wrong[first].sum()),
            "seconds": round(seconds, 1),
        }


def cases(is_quick: bool, console: Console) -> Iterator[tuple[LabelledImages, ImageEncoder]]:
    pixels = load_image_encoder("pixels", None)
    for seed in range(1 if is_quick else 3):
        yield read_digits(seed), pixels
    folder = os.environ.get("ERRATA_BENCHMARKS")
    for name in ("roman-numerals", "cifar10n"):
        if folder is None or not (Path(folder) / name).is_dir():
            console.print(f"skipped {name}: ERRATA_BENCHMARKS names no folder that holds it")
            continue
        images = read_export(Path(folder) / name, QUICK if is_quick else None)
        yield images, pixels
        if (Path(folder) / WEIGHTS).is_file():
            yield images, load_image_encoder("squeezenet1_0", Path(folder) / WEIGHTS)
        else:
            console.print(f"skipped {name} with squeezenet1_0: there is no {WEIGHTS}")


def main() -> None:
    parser = argparse.ArgumentParser(description="How well wrong labels are found.")
    parser.add_argument("--quick", action="store_true", help=f"one seed, {QUICK} images a set")
    is_quick = parser.parse_args().quick
    console = Console(stderr=True)
    results = [line for images, encoder in cases(is_quick, console) for line in measure(images, encoder)]
    table = Table(*(name.replace("_", " ") for name in results[0]))
    for line in results:
        table.add_row(*map(str, line.values()))
    Console(width=140).print(table)
    print(json.dumps({"benchmark": "find", "quick": is_quick, "results": results}))


if __name__ == "__main__":
    main()
