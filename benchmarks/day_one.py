"""What errata's first day on a project takes, beside what Label Studio itself takes for the same data.

    python benchmarks/day_one.py [--quick]

1,000 images with labels, 5 % of them wrong, in a Label Studio of the benchmark's own. Four steps, in turn with the bare
requests that Label Studio cannot be spared for them:

- connect: the command, its start included; beside making the same review project, tabs, webhooks and backend entry;
- first audit: the command with nothing in its caches; beside listing the tasks, fetching every image, storing as many
  predictions and importing the same review tasks;
- publish: the use case alone, findings at hand and the review project empty; beside importing them;
- verdict to fix: from the reviewer's submission until the fix stands in the source, with `errata serve` running, told
  by Label Studio's webhook, and finding out by itself every POLL_S seconds; beside submitting and one PATCH.

Medians of several turns. Embeddings are pixels, so that the encoder's own time is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from reaudit import bare_requests, digits, empty_review_project, say
from webhook import is_up

from errata.audit.embed import FETCHERS
from errata.audit.progress import LineProgress
from errata.audit.publish import publish
from errata.demo.label_studio import LabelStudioServer, cache_dir, free_port, install, prepare
from errata.demo.source_project import CONTROL, choice, make_source_project
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.review_project import ReviewProject, find_review_project
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring

POLL_S = 2.0
STEPS = ("connect", "first audit", "publish", "fix, told by webhook", "fix, by polling")


@dataclass
class Step:
    """Seconds of each turn."""

    errata: list[float] = field(default_factory=list)
    label_studio: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        errata, bare = statistics.median(self.errata), statistics.median(self.label_studio)
        return {"errata_s": round(errata, 3), "label_studio_s": round(bare, 3), "ratio": round(errata / bare, 2)}


def seconds(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


@dataclass
class Errata:
    """errata's commands and its service, as processes."""

    project_id: int
    settings: Settings

    def environment(self) -> dict[str, str]:
        url, token = self.settings.label_studio()
        said = {
            "ERRATA_LABEL_STUDIO_URL": url,
            "ERRATA_LABEL_STUDIO_TOKEN": token,
            "ERRATA_DATA_DIR": str(self.settings.data_dir),
            "ERRATA_ENCODER": "pixels",
            "ERRATA_PORT": str(self.settings.port),
            "ERRATA_APPLY": "auto",
            "ERRATA_POLL_S": str(POLL_S),
            "ERRATA_AUDIT_DELAY_S": "3600",  # what follows from the fixes is not measured
        }
        return {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")} | said

    def run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "errata", arguments[0], str(self.project_id), *arguments[1:]]
        subprocess.run(command, env=self.environment(), stdout=subprocess.DEVNULL, check=True)

    @contextmanager
    def serving(self, log: Path) -> Iterator[None]:
        command = [sys.executable, "-m", "errata", "serve"]
        with log.open("ab") as sink:
            process = subprocess.Popen(
                command, env=self.environment(), stdin=subprocess.PIPE, stdout=sink, stderr=subprocess.STDOUT
            )
        try:
            wait_for(lambda: is_up(self.settings.port), "errata serve")
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen within two minutes")
        time.sleep(0.02)


def review_id(client: LabelStudio, project_id: int) -> int:
    return int((find_review_project(client, project_id) or {})["id"])


@dataclass
class Ties:
    """What `errata connect` has added to Label Studio, to be added again without errata."""

    review: dict[str, Any]
    views: list[dict[str, Any]]
    webhooks: list[dict[str, Any]]
    backend: dict[str, Any]

    @classmethod
    def read(cls, client: LabelStudio, project_id: int) -> Ties:
        review = client.get(f"api/projects/{review_id(client, project_id)}/")
        asked = ("title", "description", "label_config", "expert_instruction", "show_instruction", "color")
        hooks = [h for n in (project_id, review["id"]) for h in client.get("api/webhooks/", {"project": n})]
        (backend,) = client.get("api/ml/", {"project": project_id})
        return cls(
            {name: review[name] for name in asked if review.get(name) is not None},
            client.get("api/dm/views/", {"project": review["id"]}),
            [{n: h[n] for n in ("project", "url", "send_payload", "actions", "headers")} for h in hooks],
            {name: backend[name] for name in ("project", "url", "title", "auth_method")},
        )

    def add(self, client: LabelStudio) -> int:
        """Add it all; return the id of the review project."""
        source_id = self.backend["project"]
        made = int(client.post("api/projects/", self.review)["id"])
        for view in self.views:
            client.post("api/dm/views/", {"project": made, "data": view["data"]})
        for hook in self.webhooks:
            where = source_id if hook["project"] == source_id else made
            client.post("api/webhooks/", {**hook, "project": where, "send_for_all_actions": False})
        client.post("api/ml/", self.backend)
        return made


def take_away(client: LabelStudio, project_id: int, made: int | None = None) -> None:
    """Delete a project's webhooks and backends, and a project that was made."""
    for path, end in (("api/webhooks/", "/"), ("api/ml/", "")):
        for each in client.get(path, {"project": project_id}):
            client.delete(f"{path}{each['id']}{end}")
    if made is not None:
        client.delete(f"api/projects/{made}/")


def connect(client: LabelStudio, errata: Errata, n_turns: int) -> Step:
    step = Step()
    for _ in range(n_turns):
        step.errata.append(seconds(lambda: errata.run("connect", "--yes")))
        ties = Ties.read(client, errata.project_id)
        errata.run("disconnect", "--delete-review", "--yes")
        made: list[int] = []
        step.label_studio.append(seconds(lambda: made.append(ties.add(client))))  # noqa: B023 (called at once)
        take_away(client, errata.project_id, made[0])
    return step


def first_audit(client: LabelStudio, errata: Errata, addresses: list[str], task_ids: list[int], n_turns: int) -> Step:
    """Audit with nothing in the caches; the last turn's review project and predictions stay."""
    step = Step()
    for turn in range(n_turns):
        if turn:
            errata.run("disconnect", "--delete-review", "--yes")
            shutil.rmtree(errata.settings.data_dir)
        step.errata.append(seconds(lambda: errata.run("audit", "--json")))
        bare = bare_requests(client, errata.project_id, task_ids)

        def fetch(address: str) -> None:
            client.fetch(address, max_bytes=2**20, timeout_s=30)

        def label_studio() -> None:
            bare.list_tasks()  # noqa: B023 (called at once)
            with ThreadPoolExecutor(FETCHERS) as pool:
                list(pool.map(fetch, addresses))
            bare.store_predictions()  # noqa: B023
            bare.import_review_tasks(len(bare.review_tasks))  # noqa: B023

        step.label_studio.append(seconds(label_studio))
        bare.delete_predictions()
        client.delete(f"api/projects/{bare.import_id}/")
    return step


def publishing(client: LabelStudio, errata: Errata, n_turns: int) -> Step:
    step, wiring, progress = Step(), Wiring(errata.settings), LineProgress(say)
    found = wiring.examine_project(errata.project_id, BeliefOptions(), progress)
    bare = bare_requests(client, errata.project_id, [])
    for _ in range(n_turns):
        empty_review_project(client, errata.project_id)
        queue = ReviewProject(client, found.snapshot, wiring.footprint)
        step.errata.append(seconds(lambda: publish(found.snapshot, found.findings, queue, wiring.audits, progress)))  # noqa: B023
        step.label_studio.append(seconds(lambda: bare.import_review_tasks(len(bare.review_tasks))))
    client.delete(f"api/projects/{bare.import_id}/")
    wiring.close()
    return step


def fixes(client: LabelStudio, errata: Errata, n_turns: int) -> Step:
    """Let a reviewer take the proposal, one task after another, and wait each time until it stands in the source."""
    step = Step()
    review = review_id(client, errata.project_id)
    every = client.paged("api/tasks/", {"project": review, "fields": "all"})
    tasks = [task for task in every if not task["annotations"]]
    for task in tasks[:n_turns]:
        data = task["data"]
        verdict = {"result": [choice(CONTROL, data["given_label"]), choice("errata_verdict", "take_proposal")]}
        path, wanted = f"api/annotations/{data['source_annotation']}/", data["proposed_label"]

        def is_fixed() -> bool:
            return bool(client.get(path)["result"][0]["value"]["choices"] == [wanted])  # noqa: B023 (called at once)

        began = time.perf_counter()
        client.post(f"api/tasks/{task['id']}/annotations/", verdict)
        wait_for(is_fixed, "the fix")
        step.errata.append(time.perf_counter() - began)
    bare = bare_requests(client, errata.project_id, [])
    # Those that no verdict is given of: the last ones.
    for task, bare_id in zip(tasks[-n_turns:], bare.import_review_tasks(len(bare.review_tasks)), strict=False):
        fix = {"result": [choice(CONTROL, task["data"]["proposed_label"])]}
        began = time.perf_counter()
        client.post(f"api/tasks/{bare_id}/annotations/", fix)
        client.patch(f"api/annotations/{task['data']['source_annotation']}/", fix)
        step.label_studio.append(time.perf_counter() - began)
    client.delete(f"api/projects/{bare.import_id}/")
    return step


def measure(folder: Path, n_tasks: int, n_turns: int, n_fixes: int) -> dict[str, Any]:
    python = install(cache_dir() / "venv", say)
    prepared = prepare(python, cache_dir() / "prepared", say)
    with ExitStack() as stack:
        server = stack.enter_context(LabelStudioServer(python, folder / "label-studio", prepared))
        client = stack.enter_context(closing(LabelStudio(server.url, server.token)))
        images = digits(n_tasks)
        project_id, task_ids = make_source_project(client, images, LineProgress(say))
        settings = Settings(
            label_studio_url=server.url,
            label_studio_token=SecretStr(server.token),
            data_dir=folder / "errata",
            encoder="pixels",
            port=free_port(),
        )
        errata = Errata(project_id, settings)
        listed = client.paged("api/tasks/", {"project": project_id, "fields": "all", "include": "id,data"})
        steps = {"first audit": first_audit(client, errata, [t["data"]["image"] for t in listed], task_ids, n_turns)}
        steps["publish"] = publishing(client, errata, n_turns)
        with errata.serving(folder / "errata.log"):
            steps["connect"] = connect(client, errata, n_turns)
            errata.run("connect", "--yes")
            errata.run("audit", "--json")
            steps["fix, told by webhook"] = fixes(client, errata, n_fixes)
            for each in (project_id, review_id(client, project_id)):
                take_away(client, each)
            steps["fix, by polling"] = fixes(client, errata, n_fixes)
    command = [sys.executable, "-m", "errata", "--help"]
    starts = [seconds(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=True)) for _ in range(n_turns)]
    about = {"tasks": n_tasks, "turns": n_turns, "poll_s": POLL_S, "command_start_s": statistics.median(starts)}
    return {**about, **{name: steps[name].summary() for name in STEPS}}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="What the first day on a project takes beside Label Studio's own part."
    )
    parser.add_argument("--quick", action="store_true", help="200 tasks and one turn")
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="errata-day-one-") as name:
        found = measure(Path(name), *((200, 1, 2) if is_quick else (1000, 5, 9)))
    print(f"{'day one, ' + str(found['tasks']) + ' tasks':24}{'errata s':>10}{'Label Studio s':>16}{'ratio':>8}")
    for name in STEPS:
        row = found[name]
        print(f"{name:24}{row['errata_s']:10.2f}{row['label_studio_s']:16.2f}{row['ratio']:8.2f}")
    load = [round(each, 1) for each in os.getloadavg()]
    print(json.dumps({"benchmark": "day_one", "quick": is_quick, "load": load, **found}))


if __name__ == "__main__":
    main()
