"""How well wrong spans are found where errata learns spans itself: wikineural-spans, as an audit does it.

    python benchmarks/kinds_spans.py [--quick]

`errata audit export.json --config config.xml`. A task's disagreement is the noisy-or of all its findings. Beside it
cleanlab's worst token on the same out-of-sample probabilities of tokens; how many of the errors that are among the
first 400 tasks are called what they are by their task's first finding; and how long either takes to score the tokens
of all tasks. The set is read from the folder that ERRATA_BENCHMARKS names.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from cleanlab.token_classification.rank import get_label_quality_scores
from numpy.typing import NDArray
from real_sets import read_truth
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score, roc_auc_score

from errata.audit.beliefs import RegionBelief
from errata.audit.findings_file import write_tasks
from errata.audit.progress import LineProgress
from errata.audit.run import Examination
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring
from errata_model.kinds.spans.scoring import worst_token_quality
from errata_model.kinds.spans.tagging import token_range
from errata_model.records import Finding
from errata_model.regions.shapes import Span

QUICK_TASKS = 800
FIRST = 400
WANTED = {"average_precision_ratio": 1.2, "named": 0.8, "speed_ratio": 5.0}
CALLED = {
    "dropped": "missing_region",
    "invented": "spurious_region",
    "retyped": "wrong_class",
    "cut": "bad_boundary",
}
REPEATS = 5


def examine(folder: Path, scratch: Path, n_tasks: int | None) -> Examination:
    """Audit the set's export, or its first tasks."""
    export = scratch / "export.json"
    export.write_text(json.dumps(json.loads((folder / "export.json").read_text())[:n_tasks]))
    wiring = Wiring(Settings(data_dir=scratch / "data"))
    try:
        return wiring.examine_export(
            export, folder / "config.xml", None, BeliefOptions(belief="own"), LineProgress(lambda _: None)
        )
    finally:
        wiring.close()


def by_errata(examined: Examination, scratch: Path) -> dict[int, float]:
    """Return task id -> disagreement, as --tasks-out has it."""
    out = scratch / "tasks.jsonl"
    write_tasks(out, [task.id for task in examined.snapshot.tasks], examined.findings.all)
    return {line["task"]: line["disagreement"] for line in map(json.loads, out.read_text().splitlines())}


def given_classes(examined: Examination, belief: RegionBelief) -> list[NDArray[np.int64]]:
    """Return for each task the given class of each token, 0 for none."""
    drawn_of = {task.id: task.drawn for task in examined.snapshot.tasks}
    found = []
    for task_id, believed in zip(belief.task_ids.tolist(), belief.believed, strict=True):
        starts, ends = believed.evidence["starts"], believed.evidence["ends"]
        classes = np.zeros(len(starts), dtype=np.int64)
        for region in drawn_of[task_id][0].regions:
            assert isinstance(region.shape, Span)
            first, last = token_range(starts, ends, region.shape)
            classes[first:last] = 1 + belief.control.labels.index(region.label)
        found.append(classes)
    return found


def share_named(disagreement: dict[int, float], findings: tuple[Finding, ...], truth: dict[int, Any]) -> float:
    """Return of the errors in the first tasks the share that their task's first finding calls what they are."""
    best: dict[int, Finding] = {}
    for finding in findings:
        held = best.get(finding.given.task_id)
        if held is None or finding.disagreement > held.disagreement:
            best[finding.given.task_id] = finding
    first = sorted(disagreement, key=lambda task_id: -disagreement[task_id])[:FIRST]
    wrong = [task_id for task_id in first if truth[task_id]["wrong"]]
    named = [CALLED[truth[task_id]["error"]["kind"]] == called(best[task_id]) for task_id in wrong]
    return float(np.mean(named))


def called(finding: Finding) -> str:
    """Return the strongest detector of a finding."""
    return max(finding.detectors, key=lambda name: finding.detectors[name], default="")


def seconds_of(work: Callable[[], object]) -> float:
    """Return the least time of some runs."""
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def measure(quick: bool) -> dict[str, float]:
    """Audit wikineural-spans; return errata's and cleanlab's figures; {} without the set."""
    if "ERRATA_BENCHMARKS" not in os.environ:
        print("wikineural-spans: skipped, ERRATA_BENCHMARKS is not set")
        return {}
    folder = Path(os.environ["ERRATA_BENCHMARKS"]) / "wikineural-spans"
    truth = read_truth(folder)
    began = time.perf_counter()
    with TemporaryDirectory() as scratch:
        examined = examine(folder, Path(scratch), QUICK_TASKS if quick else None)
        seconds = time.perf_counter() - began
        disagreement = by_errata(examined, Path(scratch))
    (belief,) = examined.belief.artefact.region_beliefs
    task_ids = belief.task_ids.tolist()
    given = given_classes(examined, belief)
    probabilities = [believed.evidence["probabilities"] for believed in belief.believed]
    flat, lengths = (np.concatenate(given), np.concatenate(probabilities)), np.array(list(map(len, given)))
    peer = 1 - get_label_quality_scores([list(each) for each in given], probabilities)[0]
    speed = seconds_of(lambda: get_label_quality_scores(given, probabilities)) / seconds_of(
        lambda: worst_token_quality(*flat, lengths)
    )
    is_wrong = np.array([truth[task_id]["wrong"] for task_id in task_ids])
    own = np.array([disagreement[task_id] for task_id in task_ids])
    precision = {name: float(average_precision_score(is_wrong, by)) for name, by in (("errata", own), ("peer", peer))}
    return {
        "errata_average_precision": round(precision["errata"], 4),
        "cleanlab_average_precision": round(precision["peer"], 4),
        "errata_auroc": round(float(roc_auc_score(is_wrong, own)), 4),
        "cleanlab_auroc": round(float(roc_auc_score(is_wrong, peer)), 4),
        "average_precision_ratio": round(precision["errata"] / precision["peer"], 3),
        "named": round(share_named(disagreement, tuple(examined.findings.all), truth), 3),
        "speed_ratio": round(speed, 1),
        "audit_seconds": round(seconds, 1),
        **{f"{name}_wanted": value for name, value in WANTED.items()},
    }


def main() -> None:
    """Print a table, and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_TASKS} tasks")
    figures = measure(parser.parse_args().quick)
    table = Table("wikineural-spans", "", "wanted")
    for name, value in figures.items():
        if name.endswith("_wanted"):
            continue
        table.add_row(name.replace("_", " "), f"{value:g}", f"{WANTED[name]:g}" if name in WANTED else "")
    Console().print(table)
    print(json.dumps({"benchmark": "kinds, wikineural-spans", "load": os.getloadavg()[0], **figures}))


if __name__ == "__main__":
    main()
