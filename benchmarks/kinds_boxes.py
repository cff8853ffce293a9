"""How well and how fast wrong boxes are found where predictions are there.

    python benchmarks/kinds_boxes.py [--quick]

Pedestrians of KITTI with a detector's predictions and labels that many people checked again (kitti-boxes):
`errata audit export.json --config config.xml --belief stored`, whose disagreement of tasks ranks the images, beside a
noisy-or over the scores of predictions that no label matches (one to one, by half of their union at least), and
cleanlab's ObjectLab; and its missing boxes, beside those predictions ranked by score. A missing box is right where it
meets, by half, a box that the check added; each such box once.

The same on simulated scenes, whose detectors and errors differ (`simulated_boxes.py`). And the time of
`errata_model.kinds.boxes.scoring.box_quality` for 1,000 images beside cleanlab's rank and filter, the fastest of
three, and of one.

The set is read from the folder that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from cleanlab.object_detection.filter import find_label_issues
from cleanlab.object_detection.rank import get_label_quality_scores
from numpy.typing import NDArray
from real_sets import read_truth
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment
from simulated_boxes import WORLDS, World, draw_scenes
from sklearn.metrics import average_precision_score, roc_auc_score

from errata_model.kinds.boxes.doubts import calibrate
from errata_model.kinds.boxes.scoring import Boxes, box_quality
from errata_model.regions.records import Item, Region
from errata_model.regions.shapes import Box

SIZE = (1242, 375)  # kitti-boxes takes every image for as large
SPEED_IMAGES, QUICK_SPEED_IMAGES = 1000, 100
SCENES, QUICK_SCENES = 600, 100
SEEDS = 3
WANTED = {
    "kitti_auroc_gain": 0.02,
    "kitti_average_precision_ratio": 1.05,
    "kitti_missing_ratio": 1.15,
    "speed_rank_ratio": 20.0,
    "speed_filter_ratio": 50.0,
}

Floats = NDArray[np.float64]


def corners(result: dict[str, Any]) -> list[float]:
    """Return left, top, right, bottom in pixels of a box in Label Studio's JSON."""
    value = result["value"]
    left, top = value["x"] / 100 * SIZE[0], value["y"] / 100 * SIZE[1]
    return [left, top, left + value["width"] / 100 * SIZE[0], top + value["height"] / 100 * SIZE[1]]


def table_of(results: Sequence[dict[str, Any]]) -> Floats:
    return np.array([corners(result) for result in results], dtype=float).reshape(-1, 4)


def iou(first: Floats, second: Floats) -> Floats:
    common = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    common = np.clip(common, 0, None).prod(axis=2)
    areas = [(side[:, 2:] - side[:, :2]).prod(axis=1) for side in (first, second)]
    return np.asarray(common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9))


def is_met(boxes: Floats, others: Floats, scores: Floats) -> NDArray[np.bool_]:
    """Say which boxes meet another by half, one to one; of two that might, the one with the higher score."""
    overlap = iou(boxes, others)
    rows, columns = linear_sum_assignment(-np.where(overlap >= 0.5, overlap + 0.01 * scores[:, None], 0))
    met = np.zeros(len(boxes), dtype=bool)
    met[rows[overlap[rows, columns] >= 0.5]] = True
    return met


def noisy_or(scores: Floats) -> float:
    return float(1 - np.prod(1 - scores))


def audit(folder: Path) -> tuple[dict[int, float], list[dict[str, Any]]]:
    """Return task id -> disagreement, and all findings, as a user gets them."""
    with TemporaryDirectory() as scratch:
        tasks, findings = Path(scratch) / "tasks.jsonl", Path(scratch) / "findings.jsonl"
        command = [sys.executable, "-m", "errata", "audit", folder / "export.json", "--config", folder / "config.xml"]
        command += ["--belief", "stored", "--all", "--out", findings, "--tasks-out", tasks]
        environment = {**os.environ, "ERRATA_DATA_DIR": str(Path(scratch) / "data")}
        subprocess.run([*map(str, command)], check=True, env=environment, capture_output=True)
        ranked = {line["task"]: line["disagreement"] for line in map(json.loads, tasks.read_text().splitlines())}
        return ranked, [json.loads(line) for line in findings.read_text().splitlines()]


def missing_precision(proposed: dict[int, tuple[Floats, Floats]], truth: dict[int, dict[str, Any]]) -> float:
    """Return the average precision of proposed boxes with scores, by task."""
    hits, scores = [], []
    for task, (boxes, of_boxes) in proposed.items():
        added = np.array([each["box_xyxy"] for each in truth[task]["missing"]], dtype=float).reshape(-1, 4)
        hits.append(is_met(boxes, added, of_boxes))
        scores.append(of_boxes)
    return float(average_precision_score(np.concatenate(hits), np.concatenate(scores)))


def by_objectlab(given: Sequence[Boxes], predicted: Sequence[Boxes], n_labels: int) -> tuple[list[Any], list[Any]]:
    """Return labels and predictions as cleanlab wants them."""
    labels = [{"bboxes": each.xyxy, "labels": np.asarray(each.labels)} for each in given]
    predictions = []
    for each in predicted:
        scored = np.column_stack((each.xyxy, each.scores)).astype(np.float32)
        of_labels = np.empty(n_labels, dtype=object)
        for label in range(n_labels):
            of_labels[label] = scored[each.labels == label]
        predictions.append(of_labels)
    return labels, predictions


def on_kitti(folder: Path) -> dict[str, float]:
    truth = read_truth(folder)
    tasks = json.loads((folder / "export.json").read_text())
    disagreement, findings = audit(folder)
    is_wrong = np.array([bool(truth[task["id"]]["wrong"]) for task in tasks])
    unmatched, given, predicted = {}, [], []
    for task in tasks:
        drawn, believed = (table_of(task[key][0]["result"]) for key in ("annotations", "predictions"))
        scores = np.array([result["score"] for result in task["predictions"][0]["result"]], dtype=float)
        alone = ~is_met(believed, drawn, scores)
        unmatched[task["id"]] = believed[alone], scores[alone]
        given.append(Boxes(np.zeros(len(drawn), int), drawn, np.zeros(len(drawn), int)))
        predicted.append(Boxes(np.zeros(len(believed), int), believed, np.zeros(len(believed), int), scores))
    missing: dict[int, list[dict[str, Any]]] = {task["id"]: [] for task in tasks}
    for finding in findings:
        if finding["region"] is None and finding["proposal"]:
            missing[finding["task"]].append(finding)
    proposed = {
        task: (
            table_of([each["proposal"]["value"] for each in mine]),
            np.array([each["disagreement"] for each in mine]),
        )
        for task, mine in missing.items()
    }
    rankings = {
        "errata": np.array([disagreement[task["id"]] for task in tasks]),
        "unmatched": np.array([noisy_or(unmatched[task["id"]][1]) for task in tasks]),
        "objectlab": 1 - get_label_quality_scores(*by_objectlab(given, predicted, 1), verbose=False),
    }
    figures = {}
    for name, ranking in rankings.items():
        figures[f"kitti_{name}_auroc"] = float(roc_auc_score(is_wrong, ranking))
        figures[f"kitti_{name}_average_precision"] = float(average_precision_score(is_wrong, ranking))
    figures["kitti_auroc_gain"] = figures["kitti_errata_auroc"] - figures["kitti_unmatched_auroc"]
    figures["kitti_average_precision_ratio"] = (
        figures["kitti_errata_average_precision"] / figures["kitti_unmatched_average_precision"]
    )
    figures["kitti_errata_missing"] = missing_precision(proposed, truth)
    figures["kitti_unmatched_missing"] = missing_precision(unmatched, truth)
    figures["kitti_missing_ratio"] = figures["kitti_errata_missing"] / figures["kitti_unmatched_missing"]
    return figures


def to_boxes(sides: Sequence[Sequence[Region]], labels: Sequence[str]) -> Boxes:
    regions = [region for side in sides for region in side]
    shapes = [region.shape for region in regions if isinstance(region.shape, Box)]
    return Boxes(
        np.repeat(np.arange(len(sides)), [len(side) for side in sides]),
        np.array([(box.x, box.y, box.x + box.width, box.y + box.height) for box in shapes]).reshape(-1, 4),
        np.array([labels.index(region.label) for region in regions], dtype=int),
        np.array([1.0 if region.score is None else region.score for region in regions]),
    )


def item_by_item(items: Sequence[Item], labels: Sequence[str]) -> tuple[list[Boxes], list[Boxes]]:
    given = [to_boxes([item.given], labels) for item in items]
    return given, [to_boxes([item.believed.regions], labels) for item in items]


def on_scenes(world: World, n_images: int, seed: int) -> dict[str, tuple[float, float]]:
    """Return AUROC and average precision of each way to rank simulated images."""
    scenes = draw_scenes(world, n_images, seed)
    given, predicted = item_by_item(scenes.items, scenes.labels)
    unmatched = []
    for drawn, believed in zip(given, predicted, strict=True):
        unmatched.append(noisy_or(believed.scores[~is_met(believed.xyxy, drawn.xyxy, believed.scores)]))
    quality = box_quality(
        to_boxes([item.given for item in scenes.items], scenes.labels),
        to_boxes([item.believed.regions for item in scenes.items], scenes.labels),
        n_images,
        len(scenes.labels),
        calibrate(scenes.items, scenes.labels),
    )
    rankings = {
        "errata": quality.disagreement,
        "unmatched": np.array(unmatched),
        "objectlab": 1 - get_label_quality_scores(*by_objectlab(given, predicted, len(scenes.labels)), verbose=False),
    }
    return {
        name: (
            float(roc_auc_score(scenes.is_wrong, ranking)),
            float(average_precision_score(scenes.is_wrong, ranking)),
        )
        for name, ranking in rankings.items()
    }


def on_all_scenes(n_images: int, seeds: int) -> dict[str, float]:
    figures = {}
    for name, world in WORLDS.items():
        found = [on_scenes(world, n_images, seed) for seed in range(seeds)]
        for way in found[0]:
            auroc, average_precision = np.mean([each[way] for each in found], axis=0).tolist()
            figures[f"scenes, {name}_{way}_auroc"] = auroc
            figures[f"scenes, {name}_{way}_average_precision"] = average_precision
    return figures


def seconds(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(n_images: int) -> dict[str, float]:
    scenes = draw_scenes(World(), n_images, 0)
    sides = [item.given for item in scenes.items], [item.believed.regions for item in scenes.items]
    given, predicted = (to_boxes(side, scenes.labels) for side in sides)
    labels, predictions = by_objectlab(*item_by_item(scenes.items, scenes.labels), len(scenes.labels))
    own = min(seconds(lambda: box_quality(given, predicted, n_images, len(scenes.labels))) for _ in range(3))
    rank = seconds(lambda: get_label_quality_scores(labels, predictions, verbose=False))
    flags = seconds(lambda: find_label_issues(labels, predictions))
    return {
        "speed_images": float(n_images),
        "speed_errata_s": own,
        "speed_rank_s": rank,
        "speed_filter_s": flags,
        "speed_rank_ratio": rank / own,
        "speed_filter_ratio": flags / own,
    }


def measure(quick: bool) -> dict[str, float]:
    """Return all figures; those of kitti-boxes are left out where the set is not there."""
    folder = Path(os.environ.get("ERRATA_BENCHMARKS", "")) / "kitti-boxes"
    figures: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cleanlab's
        if folder.is_dir():
            figures |= on_kitti(folder)
        else:
            print("kitti-boxes: skipped, ERRATA_BENCHMARKS names no folder that holds it")
        figures |= on_all_scenes(QUICK_SCENES if quick else SCENES, 1 if quick else SEEDS)
        figures |= speed(QUICK_SPEED_IMAGES if quick else SPEED_IMAGES)
    wanted = {f"{name}_wanted": value for name, value in WANTED.items() if name in figures}
    return {name: round(value, 4) for name, value in (figures | wanted).items()}


def main() -> None:
    """Print a table, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_SCENES} images a world")
    figures = measure(parser.parse_args().quick)
    ranked = Table("images", "errata", "noisy-or of unmatched", "ObjectLab", title="AUROC / average precision")
    for name in [name.removesuffix("_errata_auroc") for name in figures if name.endswith("_errata_auroc")]:
        ways = ((figures[f"{name}_{way}_auroc"], figures[f"{name}_{way}_average_precision"]) for way in WAYS)
        ranked.add_row(name, *(f"{auroc:.3f} / {precision:.3f}" for auroc, precision in ways))
    console = Console()
    console.print(ranked)
    for name, wanted in WANTED.items():
        if name in figures:
            console.print(f"{name.replace('_', ' ')}: {figures[name]:.3f}, wanted {wanted}")
    print(json.dumps({"benchmark": "kinds, boxes", "load": os.getloadavg()[0], **figures}))


WAYS = ("errata", "unmatched", "objectlab")

if __name__ == "__main__":
    main()
