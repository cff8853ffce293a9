"""How fast errata answers /predict, beside label-studio-ml 1.0.9.

    python benchmarks/predict.py [--quick]

One project, 5,000 audited tasks and 2,500 that came later, all embeddings cached (D = 512, 10 classes). Three things:

- one request with 2,500 audited tasks, and one with the 2,500 new ones, both right after a start;
- 16 clients with one task a request, drawn from all tasks: each answer's p99;
- the same clients against label-studio-ml 1.0.9 (the newest release on the package index), in an environment of its
  own as its pins need, served as its own template does (gunicorn, one worker, threads), with as many threads as there
  are clients. Its model does the same work on the same cached embeddings: address to row, times a (D, K) head, softmax.

errata looks audited tasks up and lets its kernel model predict the new ones, once. Both are called over connections
that are kept and over new ones, as Label Studio does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from http_load import Latency, at_once, call, post

N_AUDITED, N_NEW, WIDTH, N_CLASSES, N_CLIENTS = 5_000, 2_500, 512, 10, 16
LABELS = [f"class-{k}" for k in range(N_CLASSES)]
CONFIG = (
    '<View><Image name="image" value="$image"/><Choices name="label" toName="image">'
    + "".join(f'<Choice value="{label}"/>' for label in LABELS)
    + "</Choices></View>"
)

SERVE = """
import hashlib, sys
from pathlib import Path

import numpy as np

from errata.audit.beliefs import Artefact, ControlBelief, UsedEncoder
from errata.jobs.child_process import ChildProcessQueue
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.label_config import serveable
from errata.store.artefacts import ArtefactFolder
from errata.store.database import open_database
from errata.store.embeddings import EmbeddingFolder
from errata.store.media_index import MediaIndexStore
from errata.web.app import create_app
from errata.web.beliefs import Beliefs
from errata.web.newcomers import Newcomers
from errata.web.projects import KnownProjects, ProjectBook
from errata.web.security import Credentials
from errata.web.server import serve
from errata_model.kinds.choices.learner import fit_choices
from errata_model.records import Control

folder, n_audited, labels = Path(sys.argv[1]), int(sys.argv[2]), tuple(sys.argv[3].split(","))
rows, classes = np.load(folder / "embeddings.npy"), np.load(folder / "classes.npy")
keys = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(len(rows))]
index = MediaIndexStore(open_database(f"sqlite:///{folder / 'errata.db'}"))
embeddings, artefacts = EmbeddingFolder(folder / "embeddings", "e", rows.shape[1]), ArtefactFolder(folder)
embeddings.put(keys, rows)
index.remember({f"/data/{n}.png": key for n, key in enumerate(keys)})
fitted = fit_choices(rows[:n_audited], np.eye(len(labels), dtype="f4")[classes[:n_audited]], np.arange(n_audited))
control = Control("label", "choices", "image", "image", "image", labels)
belief = ControlBelief(
    control, np.arange(n_audited), tuple(keys[:n_audited]), fitted.probabilities, fitted.model.arrays(),
    UsedEncoder("e", "e"),
)
artefacts.save(1, Artefact("errata-first", (belief,)))


class Encoders:
    def embeddings(self, encoder, width):
        return embeddings

    def counter(self, encoder):
        return None

    def embedder(self, encoder, text):
        return None


class Projects:
    def read(self):
        return KnownProjects(frozenset({1}), {})


queue, beliefs, newcomers = ChildProcessQueue(["false"]), Beliefs(artefacts), Newcomers(Encoders())
book = ProjectBook(Projects())
beliefs.preload([1])
app = create_app(
    beliefs=beliefs, newcomers=newcomers, projects=book, queue=queue,
    credentials=Credentials("errata", None, None), index=index, encoders=Encoders(), regions=Codecs(),
    read_controls=lambda xml: serveable(xml).controls, mode_of=lambda project_id: "all", audit_delay_s=60,
)
serve(app, "127.0.0.1", 0, (queue, beliefs, newcomers, book), lambda url: print(url, flush=True))
"""

PEER = """
import os
from pathlib import Path

import numpy as np
from label_studio_ml.api import init_app
from label_studio_ml.model import LabelStudioMLBase

FOLDER = Path(__file__).parent
ROWS, HEAD = np.load(FOLDER / "embeddings.npy"), np.load(FOLDER / "head.npy")
ROW_OF = {f"/data/{n}.png": n for n in range(len(ROWS))}


class Head(LabelStudioMLBase):
    def predict(self, tasks, **kwargs):
        labels = self.parsed_label_config["label"]["labels"]
        scores = ROWS[[ROW_OF[task["data"]["image"]] for task in tasks]] @ HEAD
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        results = []
        for row in probabilities:
            best = int(row.argmax())
            region = {"from_name": "label", "to_name": "image", "type": "choices", "score": float(row[best]),
                      "value": {"choices": [labels[best]]}}
            results.append({"result": [region], "score": float(row[best])})
        return results


app = init_app(model_class=Head, model_dir=str(FOLDER / "models"))
"""


def task(number: int) -> dict[str, Any]:
    """Return a task as Label Studio sends it."""
    region = {"id": "a", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": [LABELS[0]]}}
    annotation = {"id": number, "result": [region], "completed_by": 1, "was_cancelled": False, "lead_time": 3.2}
    stamps = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    data = {"image": f"/data/{number}.png"}
    return {"id": number, "data": data, "meta": {}, **stamps, "is_labeled": True, "annotations": [annotation]}


def request(numbers: list[int]) -> bytes:
    """Return the request about these tasks."""
    params = {"login": None, "password": None, "context": None}
    body = {"tasks": [task(n) for n in numbers], "project": "1.1795219264", "label_config": CONFIG, "params": params}
    return post("/predict", body)


def draw(folder: Path) -> None:
    """Write embeddings, classes and a linear head."""
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(N_CLASSES, WIDTH))
    classes = chance.integers(0, N_CLASSES, N_AUDITED + N_NEW)
    rows = centres[classes] + chance.normal(scale=3, size=(len(classes), WIDTH))
    np.save(folder / "embeddings.npy", rows.astype("f4"))
    np.save(folder / "classes.npy", classes)
    np.save(folder / "head.npy", (centres.T / WIDTH).astype("f4"))


@contextmanager
def errata(folder: Path) -> Iterator[int]:
    """Serve by errata; yield the port."""
    (folder / "serve.py").write_text(SERVE)
    command = [sys.executable, str(folder / "serve.py"), str(folder), str(N_AUDITED), ",".join(LABELS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield int(server.stdout.readline().rsplit(":", 1)[1]) if server.stdout else 0
        finally:
            server.terminate()


@contextmanager
def label_studio_ml(folder: Path) -> Iterator[int]:
    """Serve by label-studio-ml; yield the port.

    Raises:
        RuntimeError: it cannot be installed or started.
    """
    environment = folder / "venv"
    venv.create(environment, with_pip=True)
    packages = ["label-studio-ml==1.0.9", "gunicorn", "numpy", "redis", "rq", "setuptools<81"]
    installed = subprocess.run(
        [str(environment / "bin" / "pip"), "install", "--quiet", *packages], capture_output=True, check=False
    )
    if installed.returncode:
        raise RuntimeError("label-studio-ml 1.0.9 cannot be installed here")
    (folder / "peer.py").write_text(PEER)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--preload", "--workers", "1", "--threads", str(N_CLIENTS), "--timeout", "0", "--log-level", "error"]
    command = [str(environment / "bin" / "gunicorn"), *options, "--bind", f"127.0.0.1:{port}", "peer:app"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            asyncio.run(_set_up(port, server))
            yield port
        finally:
            server.terminate()


async def _set_up(port: int, server: subprocess.Popen[bytes]) -> None:
    body = {"project": "1.1795219264", "schema": CONFIG, "hostname": "http://localhost", "access_token": ""}
    for _ in range(300):
        try:
            await call(port, post("/setup", body))
        except OSError:
            if server.poll() is not None:
                raise RuntimeError("label-studio-ml 1.0.9 does not start here") from None
            await asyncio.sleep(0.1)
        else:
            return
    raise RuntimeError("label-studio-ml 1.0.9 did not answer within 30 s")


async def timed(port: int, numbers: list[int]) -> float:
    """Return the seconds of one request, checking that it is answered in full."""
    began = time.perf_counter()
    results = json.loads(await call(port, request(numbers)))["results"]
    elapsed = time.perf_counter() - began
    if len(results) != len(numbers) or not all(result["result"] for result in results):
        raise RuntimeError("not every task got a prediction")
    return round(elapsed, 3)


def alternate(ports: dict[str, int], rounds: int) -> dict[str, dict[str, Any]]:
    """Measure requests of one task each, the servers taking turns so that both meet the same other load.

    Returns:
        server -> "kept" or "new" connections -> medians over the rounds, each of 500 requests.
    """
    chance = random.Random(0)
    requests = [request([chance.randrange(N_AUDITED + N_NEW)]) for _ in range(500)]
    measured: dict[str, dict[str, list[Latency]]] = {name: {"kept": [], "new": []} for name in ports}
    for number in range(-1, rounds):
        for connections in ("kept", "new"):
            for name, port in ports.items():
                latency = asyncio.run(at_once(port, requests, N_CLIENTS, is_kept=connections == "kept"))
                if number >= 0:  # the first round warms up
                    measured[name][connections].append(latency)
    return {
        name: {connections: median(found) for connections, found in of_server.items()}
        for name, of_server in measured.items()
    }


def median(latencies: list[Latency]) -> dict[str, float]:
    """Return the median of each figure."""
    rows = [asdict(latency) for latency in latencies]
    return {figure: round(statistics.median(row[figure] for row in rows), 2) for figure in rows[0]}


def main() -> None:
    """Run it and print a table and a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 25")
    rounds = 3 if parser.parse_args().quick else 25
    new = list(range(N_AUDITED, N_AUDITED + N_NEW))
    found: dict[str, Any] = {"benchmark": "predict", "clients": N_CLIENTS, "rounds": rounds}
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        draw(folder)
        ports = {"errata": stack.enter_context(errata(folder))}
        found["audited_2500_s"] = asyncio.run(timed(ports["errata"], list(range(2_500))))
        found["new_2500_s"] = asyncio.run(timed(ports["errata"], new))
        try:
            ports["label_studio_ml"] = stack.enter_context(label_studio_ml(folder))
            found["label_studio_ml_2500_s"] = asyncio.run(timed(ports["label_studio_ml"], new))
        except RuntimeError as error:
            found["skipped"] = str(error)
        found |= alternate(ports, rounds)
    print(f"2,500 tasks in one request: audited {found['audited_2500_s']} s, new {found['new_2500_s']} s")
    servers = [name for name in ("errata", "label_studio_ml") if name in found]
    print(f"{f'one task, {N_CLIENTS} clients':34}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'per s':>9}")
    for connections in ("kept", "new"):
        for name in servers:
            row = found[name][connections]
            what = f"{name}, {connections} connections"
            print(f"{what:34}{row['p50_ms']:9}{row['p99_ms']:9}{row['max_ms']:9}{row['per_second']:9}")
        if len(servers) == 2:
            mine, other = (found[name][connections]["p99_ms"] for name in servers)
            found[f"p99_ratio_{connections}"] = round(mine / other, 3)
            print(f"errata's p99 is {found[f'p99_ratio_{connections}']} of label-studio-ml's")
    if "skipped" in found:
        print(f"label-studio-ml was left out: {found['skipped']}")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
