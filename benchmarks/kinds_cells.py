"""How well wrong boxes are found where errata learns boxes itself, from images: blood-cells, as an audit does it.

    python benchmarks/kinds_cells.py [--quick]

`errata audit export.json --config config.xml --media media`, with SqueezeNet's weights for the detector to look
through. A task's disagreement is the noisy-or of all its findings. Beside it cleanlab's ObjectLab on the same
predictions, and what each finds in the first 91 tasks, there being 91 with an error. The set is read from the folder
that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from cleanlab.object_detection.rank import get_label_quality_scores
from numpy.typing import NDArray
from real_sets import WEIGHTS, read_truth
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score, roc_auc_score

from errata.audit.beliefs import RegionBelief
from errata.audit.findings_file import write_tasks
from errata.audit.progress import LineProgress
from errata.audit.run import Examination
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring
from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.records import Region

MINUTES = 15.0  # of learning, within 20 for all on 2 cores
QUICK_TASKS, QUICK_MINUTES = 60, 2.0
WANTED = 1.3  # times ObjectLab's average precision
KINDS = ("removed", "invented", "swapped", "shifted")


def examine(folder: Path, scratch: Path, n_tasks: int | None, minutes: float) -> Examination:
    """Audit the set's export, or its first tasks."""
    tasks = json.loads((folder / "export.json").read_text())[:n_tasks]
    export = scratch / "export.json"
    export.write_text(json.dumps(tasks))
    wiring = Wiring(Settings(data_dir=scratch / "data"))
    options = BeliefOptions(belief="own", encoder="squeezenet1_0", weights=folder.parent / WEIGHTS, minutes=minutes)
    try:
        return wiring.examine_export(
            export, folder / "config.xml", folder / "media", options, LineProgress(lambda _: None)
        )
    finally:
        wiring.close()


def by_errata(examined: Examination, scratch: Path) -> dict[int, float]:
    """Return task id -> disagreement, as --tasks-out has it."""
    out = scratch / "tasks.jsonl"
    write_tasks(out, [task.id for task in examined.snapshot.tasks], examined.findings.all)
    return {line["task"]: line["disagreement"] for line in map(json.loads, out.read_text().splitlines())}


def by_objectlab(examined: Examination, belief: RegionBelief) -> dict[int, float]:
    """Return task id -> 1 - ObjectLab's quality of the image."""
    labels, drawn_of = belief.control.labels, {task.id: task.drawn for task in examined.snapshot.tasks}
    given, predicted = [], []
    for task_id, believed, size in zip(belief.task_ids.tolist(), belief.believed, belief.sizes, strict=True):
        regions = drawn_of[task_id][0].regions
        given.append(
            {"bboxes": corners(regions, size), "labels": np.array([labels.index(region.label) for region in regions])}
        )
        of_labels = np.empty(len(labels), dtype=object)
        for number, label in enumerate(labels):
            mine = [region for region in believed.regions if region.label == label]
            scores = np.array([region.score for region in mine]).reshape(-1, 1)
            of_labels[number] = np.hstack([corners(mine, size), scores])
        predicted.append(of_labels)
    quality = get_label_quality_scores(given, predicted, verbose=False)
    return dict(zip(belief.task_ids.tolist(), (1 - quality).tolist(), strict=True))


def corners(regions: Sequence[Region], size: tuple[int, int] | None) -> NDArray[np.float64]:
    """Return (n, 4) x0, y0, x1, y1 in pixels."""
    return bounds_xyxy([region.shape for region in regions], size or (1, 1))


def judge(disagreement: dict[int, float], truth: dict[int, dict[str, Any]]) -> dict[str, float]:
    """Return area under the ROC curve, average precision, and the recall of each kind of error in the first tasks."""
    task_ids = np.array(sorted(disagreement))
    scores = np.array([disagreement[task_id] for task_id in task_ids.tolist()])
    kinds = np.array(
        [truth[task_id]["error"]["kind"] if truth[task_id]["wrong"] else "" for task_id in task_ids.tolist()]
    )
    is_wrong = kinds != ""
    first = np.argsort(-scores, kind="stable")[: int(is_wrong.sum())]
    recalls = {kind: float((kinds[first] == kind).sum() / max(1, (kinds == kind).sum())) for kind in KINDS}
    return {
        "auroc": float(roc_auc_score(is_wrong, scores)),
        "average_precision": float(average_precision_score(is_wrong, scores)),
        **recalls,
    }


def measure(quick: bool) -> dict[str, float]:
    """Audit blood-cells; return errata's and ObjectLab's figures, and the minutes that it took; {} without the set."""
    if "ERRATA_BENCHMARKS" not in os.environ:
        print("blood-cells: skipped, ERRATA_BENCHMARKS is not set")
        return {}
    folder = Path(os.environ["ERRATA_BENCHMARKS"]) / "blood-cells"
    truth = read_truth(folder)
    began = time.perf_counter()
    with TemporaryDirectory() as scratch:
        size = (QUICK_TASKS, QUICK_MINUTES) if quick else (None, MINUTES)
        examined = examine(folder, Path(scratch), *size)
        minutes = (time.perf_counter() - began) / 60
        (belief,) = examined.belief.artefact.region_beliefs
        own, peer = (
            judge(found, truth) for found in (by_errata(examined, Path(scratch)), by_objectlab(examined, belief))
        )
    ratio = own["average_precision"] / peer["average_precision"]
    return {
        **{f"errata_{name}": round(value, 4) for name, value in own.items()},
        **{f"objectlab_{name}": round(value, 4) for name, value in peer.items()},
        "average_precision_ratio": round(ratio, 3),
        "average_precision_ratio_wanted": WANTED,
        "minutes": round(minutes, 1),
    }


def main() -> None:
    """Print a table, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TASKS} tasks")
    figures = measure(parser.parse_args().quick)
    table = Table("blood-cells", "errata", "ObjectLab")
    for name in ("auroc", "average_precision", *KINDS):
        table.add_row(
            name.replace("_", " "), *(f"{figures.get(f'{who}_{name}', 0):.3f}" for who in ("errata", "objectlab"))
        )
    Console().print(table)
    print(json.dumps({"benchmark": "kinds, blood-cells", "load": os.getloadavg()[0], **figures}))


if __name__ == "__main__":
    main()
