"""What an audit costs beside what Label Studio itself must do for it, once the embeddings are there.

    python benchmarks/reaudit.py [--quick]

5,000 images with labels, 5 % of them wrong, in a Label Studio of the benchmark's own. Measured is the whole command
`errata audit PROJECT`, its start included, in three cases:

- nothing: nothing has changed since the last audit;
- queue: nothing has changed, but the review project is empty, so that every finding is inserted;
- labels: 20 labels were changed, so that errata learns again, stores 5,000 new predictions, has those of the version
  before last deleted, and brings the queue up to date.

Beside each, in turn, the bare requests that Label Studio cannot be spared: the same list of the tasks, read and not
looked at, and then importing the same review tasks, storing as many predictions and deleting as many of either. For
comparison also the list with `fields=all`, as Label Studio's own SDK asks for it. Medians of several turns.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from errata.audit.progress import LineProgress
from errata.audit.push import CHUNK
from errata.demo.digits import LABELS, Digits
from errata.demo.label_studio import LabelStudioServer, cache_dir, install, prepare
from errata.demo.source_project import CONTROL, choice, make_source_project
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_project import find_review_project
from errata.labelstudio.source import FIELDS, PAGE_SIZE
from errata.labelstudio.task_list import task_pages

N_CHANGED = 20  # labels a turn
TARGET = 1.3


def say(text: str) -> None:
    print(text, file=sys.stderr)


def digits(n: int) -> Digits:
    """Draw `n` different images: scikit-learn's digits, with grain."""
    from sklearn.datasets import load_digits  # noqa: PLC0415

    images, classes = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    chosen = np.arange(n) % len(images)
    right = classes[chosen]
    wrong = rng.choice(n, n // 20, replace=False)
    given = right.copy()
    given[wrong] = (right[wrong] + rng.integers(1, 10, len(wrong))) % 10
    files = []
    for grey in images[chosen].reshape(n, 8, 8):
        file = io.BytesIO()
        grain = rng.normal(0, 8, (32, 32))
        Image.fromarray(np.clip(np.kron(grey * 15, np.ones((4, 4))) + grain, 0, 255).astype(np.uint8)).save(file, "PNG")
        files.append(file.getvalue())
    return Digits(tuple(files), tuple(LABELS[k] for k in given), tuple(LABELS[k] for k in right))


@dataclass
class Errata:
    """The command, as a process."""

    project_id: int
    environment: dict[str, str]

    def audit(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "errata", "audit", str(self.project_id), "--json"]
        said = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, check=True)
        return dict(json.loads(said.stdout))


@dataclass
class Bare:
    """The requests that Label Studio cannot be spared, without errata around them."""

    client: LabelStudio
    project_id: int
    import_id: int  # a project like the review project, to import into
    review_tasks: list[dict[str, Any]]
    predictions: list[dict[str, Any]]

    def list_tasks(self) -> None:
        for _ in task_pages(self.client, self.project_id, FIELDS, page_size=PAGE_SIZE):
            pass

    def list_all_fields(self) -> None:
        asked = {"project": self.project_id, "fields": "all"}
        for _ in self.client.paged("api/tasks/", asked, page_size=500):
            pass

    def import_review_tasks(self, n: int) -> list[int]:
        if not n:
            return []
        address = f"api/projects/{self.import_id}/import"
        said = self.client.post(address, self.review_tasks[:n], {"return_task_ids": "true"}, timeout_s=300)
        return list(said["task_ids"])

    def delete_review_tasks(self, task_ids: list[int]) -> None:
        if task_ids:
            chosen = {"selectedItems": {"all": False, "included": task_ids}}
            where = {"id": "delete_tasks", "project": self.import_id}
            self.client.post("api/dm/actions/", chosen, where, timeout_s=300)

    def store_predictions(self) -> None:
        address = f"api/projects/{self.project_id}/import/predictions"
        for start in range(0, len(self.predictions), CHUNK):
            self.client.post(address, self.predictions[start : start + CHUNK], timeout_s=300)

    def delete_predictions(self) -> None:
        address = f"api/projects/{self.project_id}/model-versions/"
        self.client.delete(address, {"model_version": self.predictions[0]["model_version"]})


@dataclass
class Case:
    """Seconds of each turn."""

    errata: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    parts: dict[str, list[float]] = field(default_factory=dict)
    did: list[dict[str, Any]] = field(default_factory=list)

    def take(self, name: str, act: Callable[[], Any]) -> Any:
        """Time one bare request and count it to this turn's."""
        began = time.perf_counter()
        said = act()
        self.parts.setdefault(name, []).append(time.perf_counter() - began)
        return said

    def summary(self) -> dict[str, Any]:
        errata, bare = statistics.median(self.errata), statistics.median(self.bare)
        counts = ("suspects", "predictions", "inserted", "moved", "withdrawn")
        return {
            "errata_s": round(errata, 2),
            "of_it_believing_s": statistics.median(did["seconds"] for did in self.did),  # learning above all
            "label_studio_s": round(bare, 2),
            "ratio": round(errata / bare, 3),
            "ratio_of_each_turn": [round(e / b, 3) for e, b in zip(self.errata, self.bare, strict=True)],
            "parts_s": {name: round(statistics.median(seconds), 2) for name, seconds in self.parts.items()},
            **{name: self.did[-1][name] for name in counts},
        }


def turn(case: Case, errata: Errata, bare: Bare) -> None:
    """Let errata audit, then Label Studio do the same without it."""
    began = time.perf_counter()
    did = errata.audit()
    case.errata.append(time.perf_counter() - began)
    case.did.append(did)
    before = {name: sum(seconds) for name, seconds in case.parts.items()}
    n_imported = did["inserted"] + did["moved"]
    case.take("list", bare.list_tasks)
    if did["predictions"]:
        case.take("store predictions", bare.store_predictions)
        case.take("delete predictions", bare.delete_predictions)
    if n_imported:
        imported = case.take("import", lambda: bare.import_review_tasks(n_imported))
        gone = imported[: did["moved"] + did["withdrawn"]]
        if gone:
            case.take("delete", lambda: bare.delete_review_tasks(gone))
        bare.delete_review_tasks(imported[len(gone) :])
    case.bare.append(sum(sum(seconds) - before.get(name, 0.0) for name, seconds in case.parts.items()))


def empty_review_project(client: LabelStudio, project_id: int) -> None:
    review = find_review_project(client, project_id)
    assert review is not None
    client.post("api/dm/actions/", {"selectedItems": {"all": True}}, {"id": "delete_tasks", "project": review["id"]})


def change_labels(client: LabelStudio, project_id: int, task_ids: list[int]) -> None:
    chosen = {"selectedItems": {"all": False, "included": task_ids}}
    asked = {"project": project_id, "include": "annotations,id,result", "fields": "all", "query": json.dumps(chosen)}
    for task in client.paged("api/tasks/", asked):
        annotation = task["annotations"][0]
        label = int(annotation["result"][0]["value"]["choices"][0])
        result = [choice(CONTROL, LABELS[(label + 1) % 10])]
        client.patch(f"api/annotations/{annotation['id']}/", {"result": result})


def bare_requests(client: LabelStudio, project_id: int, task_ids: list[int]) -> Bare:
    """Take down what errata has written, to write it again without errata."""
    review = find_review_project(client, project_id)
    assert review is not None
    listed = client.paged("api/tasks/", {"project": review["id"], "fields": "all", "resolve_uri": "false"})
    review_tasks = [
        {"data": task["data"], "predictions": [_bare_prediction(each) for each in task["predictions"]]}
        for task in listed
    ]
    project = {"title": "Imports", "label_config": review["label_config"]}
    region = {**choice(CONTROL, "3"), "id": "0123456789", "score": 0.5}
    predictions = [{"task": task_id, "result": [region], "score": 0.5, "model_version": "bare"} for task_id in task_ids]
    import_id = client.post("api/projects/", project)["id"]
    return Bare(client, project_id, import_id, review_tasks, predictions)


def _bare_prediction(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: stored[name] for name in ("result", "model_version")}


def measure(client: LabelStudio, errata: Errata, task_ids: list[int], n_turns: int) -> dict[str, Any]:
    began = time.perf_counter()
    errata.audit()
    cold_s = time.perf_counter() - began
    say(f"cold audit: {cold_s:.1f} s")
    bare = bare_requests(client, errata.project_id, task_ids)
    cases = {"nothing": Case(), "queue": Case(), "labels": Case()}
    to_change = np.random.default_rng(1).permutation(task_ids).tolist()

    def prepare_turn(name: str) -> None:
        if name == "queue":
            empty_review_project(client, errata.project_id)
        elif name == "labels":
            change_labels(client, errata.project_id, [to_change.pop() for _ in range(N_CHANGED)])

    prepare_turn("labels")
    errata.audit()  # from here on there are two versions of predictions, and each new one has the older deleted
    for number in range(n_turns):
        for name, case in cases.items():
            prepare_turn(name)
            turn(case, errata, bare)
            say(f"turn {number + 1}, {name}: errata {case.errata[-1]:.1f} s, Label Studio {case.bare[-1]:.1f} s")
    sdk = Case()
    for _ in range(n_turns):
        sdk.take("list", bare.list_all_fields)
    return {
        "tasks": len(task_ids),
        "cold_audit_s": round(cold_s, 1),
        "list_all_fields_s": round(statistics.median(sdk.parts["list"]), 2),
        **{name: case.summary() for name, case in cases.items()},
    }


@contextmanager
def running(n_tasks: int) -> Iterator[tuple[LabelStudio, Errata, list[int]]]:
    """Yield a Label Studio with the project, and errata's command for it."""
    python = install(cache_dir() / "venv", say)
    prepared = prepare(python, cache_dir() / "prepared", say)
    with tempfile.TemporaryDirectory(prefix="errata-reaudit-") as name:
        folder = Path(name)
        with LabelStudioServer(python, folder / "label-studio", prepared) as server:
            client = LabelStudio(server.url, server.token)
            project_id, task_ids = make_source_project(client, digits(n_tasks), LineProgress(say))
            kept = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
            ours = {
                "ERRATA_LABEL_STUDIO_URL": server.url,
                "ERRATA_LABEL_STUDIO_TOKEN": server.token,
                "ERRATA_DATA_DIR": str(folder / "errata"),
                "ERRATA_ENCODER": "pixels",
            }
            try:
                yield client, Errata(project_id, kept | ours), task_ids
            finally:
                client.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="What a re-audit costs beside Label Studio's own part.")
    parser.add_argument("--quick", action="store_true", help="500 tasks and one turn")
    is_quick = parser.parse_args().quick
    with running(500 if is_quick else 5000) as (client, errata, task_ids):
        found = measure(client, errata, task_ids, 1 if is_quick else 3)
    print(f"{'re-audit, ' + str(found['tasks']) + ' tasks':24}{'errata s':>10}{'Label Studio s':>16}{'ratio':>8}")
    for name in ("nothing", "queue", "labels"):
        row = found[name]
        print(f"{name:24}{row['errata_s']:10.2f}{row['label_studio_s']:16.2f}{row['ratio']:8.2f}")
    print(f"{'list with fields=all':24}{'':10}{found['list_all_fields_s']:16.2f}")
    load = [round(each, 1) for each in os.getloadavg()]
    print(json.dumps({"benchmark": "reaudit", "quick": is_quick, "target": TARGET, "load": load, **found}))


if __name__ == "__main__":
    main()
