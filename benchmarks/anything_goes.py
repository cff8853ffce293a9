"""`errata audit EXPORT.json --fine-tune` on the sets with real errors, as a user runs it: what `find.py` shows then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from real_sets import WEIGHTS, read_truth
from rich.console import Console
from rich.table import Table
from sklearn.metrics import average_precision_score, roc_auc_score

MINUTES = 15  # on 2 cores
FIRST = 300
TARGETS = {"cifar10n": (0.93, 0.66), "roman-numerals": (0.84, 0.56), "noisy-ag-news": (0.82, 0.58)}


def audit(folder: Path, out: Path, options: list[str]) -> float:
    """Audit a set's export into findings, one a label; return the minutes that it took."""
    command = [sys.executable, "-m", "errata", "audit", folder / "export.json", "--config", folder / "config.xml"]
    if (folder / "media").is_dir():
        command += ["--media", folder / "media", "--encoder", "squeezenet1_0", "--weights", folder.parent / WEIGHTS]
    began = time.perf_counter()
    environment = {**os.environ, "ERRATA_DATA_DIR": str(out.parent / "data")}
    subprocess.run([*map(str, command), *options, "--all", "--out", str(out)], check=True, env=environment)
    return (time.perf_counter() - began) / 60


def rank(folder: Path, options: list[str]) -> dict[str, object]:
    """Return how well the audit's disagreement finds the labels that a human review found wrong."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "findings.jsonl"
        minutes = audit(folder, out, options)
        found = [json.loads(line) for line in out.read_text().splitlines()]
    truth = read_truth(folder)
    is_wrong = np.array([bool(truth[finding["task"]]["wrong"]) for finding in found])
    disagreement = np.array([finding["disagreement"] for finding in found])
    auroc, average_precision = TARGETS[folder.name]
    errors = [finding for finding in found[:FIRST] if truth[finding["task"]]["wrong"]]
    proposed = [finding["proposal"]["top"][0][0] if finding["proposal"] else None for finding in errors]
    knows = "correct" in truth[errors[0]["task"]]
    is_right = [label == truth[finding["task"]].get("correct") for label, finding in zip(proposed, errors, strict=True)]
    return {
        "set": folder.name,
        "options": " ".join(options) or "-",
        "labels": len(found),
        "wrong": int(is_wrong.sum()),
        "auroc": round(float(roc_auc_score(is_wrong, disagreement)), 4),
        "auroc_wanted": auroc,
        "average_precision": round(float(average_precision_score(is_wrong, disagreement)), 4),
        "average_precision_wanted": average_precision,
        "proposed": round(float(np.mean(is_right)), 3) if knows else "-",  # of the errors in the first 300
        "minutes": round(minutes, 1),
    }


def rankings(benchmarks: Path) -> list[dict[str, object]]:
    """Return a line a set: images frozen and fine-tuned, texts as they are."""
    lines = []
    for name in TARGETS:
        folder = benchmarks / name
        tunings = [[], ["--fine-tune", "--minutes", str(MINUTES)]] if (folder / "media").is_dir() else [[]]
        lines += [rank(folder, options) for options in tunings]
    return lines


def show(lines: Sequence[dict[str, object]]) -> None:
    """Print a table of lines that hold the same."""
    table = Table(*(name.replace("_", " ") for name in lines[0]))
    for line in lines:
        table.add_row(*map(str, line.values()))
    Console(width=160).print(table)


def report(benchmarks: Path) -> None:
    """Print the table, and one line of JSON."""
    lines = rankings(benchmarks)
    show(lines)
    print(json.dumps({"benchmark": "find, anything goes", "load": os.getloadavg()[0], "results": lines}))
