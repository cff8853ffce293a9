"""How fast errata acknowledges Label Studio's webhooks while an audit runs.

    python benchmarks/webhook.py [--quick]

100 events a second over 50 connections, each event over a connection of its own, as Label Studio sends them, and
measured from the moment it was due. errata runs in a process of its own: the real web app, uvicorn and the queue of
child processes. The child that the first START_TRAINING starts is a stand-in for an audit, at an audit's priority: it
fits errata's learner (`fit_choices`) in a loop with as many threads as BLAS takes; it reads no Label Studio.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from http_load import at_rate, call, post

SERVE = """
import sys
from pathlib import Path

from errata.jobs.child_process import ChildProcessQueue
from errata.labelstudio.codecs import Codecs
from errata.store.artefacts import ArtefactFolder
from errata.web.app import create_app
from errata.web.beliefs import Beliefs
from errata.web.newcomers import Newcomers
from errata.web.projects import KnownProjects, ProjectBook
from errata.web.security import Credentials
from errata.web.server import serve


class Projects:
    def read(self):
        return KnownProjects(frozenset({1}), {2: 1})


queue = ChildProcessQueue([sys.executable, sys.argv[1]])
beliefs, newcomers, book = Beliefs(ArtefactFolder(Path(sys.argv[2]))), Newcomers(None), ProjectBook(Projects())
app = create_app(
    beliefs=beliefs, newcomers=newcomers, projects=book, queue=queue,
    credentials=Credentials("errata", "pw", "s3cret"), index=None, encoders=None, regions=Codecs(),
    read_controls=lambda xml: (), mode_of=lambda project_id: "all", audit_delay_s=60,
)
serve(app, "127.0.0.1", 0, (queue, beliefs, newcomers, book), lambda url: print(url, flush=True))
"""

AUDIT = """
import pathlib, sys
import numpy as np
from errata.jobs.child import end_with_parent
from errata_model.kinds.choices.learner import fit_choices

end_with_parent()
random = np.random.default_rng(0)
rows = random.normal(size=(2000, 512)).astype("f4")
targets = np.eye(10, dtype="f4")[random.integers(0, 10, 2000)]
pathlib.Path(__file__).with_suffix(".began").touch()
while True:
    fit_choices(rows, targets, np.arange(2000))
"""


def event(action: str, project_id: int) -> bytes:
    """Return an event as large as Label Studio's are."""
    region = {"id": "a", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}
    annotation = {"id": 7, "result": [region] * 5, "completed_by": 1, "task": 3, "project": project_id}
    project = {"id": project_id, "title": "cars", "label_config": "<View>" + "<Choice/>" * 100 + "</View>"}
    body = {"action": action, "annotation": annotation, "project": project, "task": {"id": 3, "data": {"image": "x"}}}
    return post("/webhook", body, "X-Errata-Secret: s3cret\r\n")


async def measure(port: int, began: Path, duration_s: float) -> dict[str, object]:
    """Measure with and without the audit."""
    source = event("ANNOTATION_UPDATED", 1)
    quiet = await at_rate(port, source, 100, 50, duration_s / 3)
    await call(port, event("START_TRAINING", 1))
    deadline = time.monotonic() + 60
    while not began.exists():
        if time.monotonic() > deadline:
            raise RuntimeError("the stand-in for an audit did not start")
        await asyncio.sleep(0.05)
    busy = await at_rate(port, source, 100, 50, duration_s)
    return {"quiet": asdict(quiet), "during_audit": asdict(busy)}


def main() -> None:
    """Run it and print a table and a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 seconds instead of 60")
    duration_s = 3 if parser.parse_args().quick else 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "serve.py").write_text(SERVE)
        (folder / "audit.py").write_text(AUDIT)
        command = [sys.executable, str(folder / "serve.py"), str(folder / "audit.py"), str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                port = int(server.stdout.readline().rsplit(":", 1)[1]) if server.stdout else 0
                found = asyncio.run(measure(port, folder / "audit.began", duration_s))
            finally:
                server.terminate()
    print(f"{'webhook, 50 connections, 100/s':32}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'events':>8}")
    for name, row in found.items():
        print(f"{name:32}{row['p50_ms']:9}{row['p99_ms']:9}{row['max_ms']:9}{row['n']:8}")  # type: ignore[index]
    print(json.dumps({"benchmark": "webhook", "audit": "fit_choices in a loop, nice 15", **found}))


if __name__ == "__main__":
    main()
