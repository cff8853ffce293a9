"""How fast errata acknowledges Label Studio's webhooks while an audit runs.

    python benchmarks/webhook.py [--quick]

100 events a second over 50 connections, each event over a connection of its own, as Label Studio sends them, and
measured from the moment it was due. All is real and on this machine: a Label Studio with 3,594 labelled digits, `errata
serve`, and the audit that START_TRAINING starts as a child process: it reads, fetches, encodes, learns, pushes and
publishes while the events come in. So the two cores also carry Label Studio and the load itself.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx
from http_load import at_rate, call, post
from PIL import Image
from pydantic import SecretStr

from errata.audit.progress import LineProgress
from errata.demo.digits import Digits, load_digits
from errata.demo.label_studio import LabelStudioServer, cache_dir, free_port, install, prepare
from errata.demo.source_project import make_source_project
from errata.review.records import Project
from errata.settings import Settings
from errata.wiring import Wiring

DURATION_S, QUICK_DURATION_S = 40, 4  # shorter than the audit of as many digits takes, which is looked at


def many_digits(n: int | None) -> Digits:
    """Return the first n digits, or all of them and all turned by a quarter."""
    digits = load_digits()
    if n is not None:
        return Digits(digits.pngs[:n], digits.given[:n], digits.right[:n])
    return Digits((*digits.pngs, *map(turned, digits.pngs)), digits.given * 2, digits.right * 2)


def turned(png: bytes) -> bytes:
    """Return the picture turned, so that it is another content."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).transpose(Image.Transpose.ROTATE_90).save(file, "PNG")
    return file.getvalue()


@contextmanager
def service(settings: Settings, token: str, log: Path) -> Iterator[None]:
    """Run `errata serve`."""
    said = {
        "ERRATA_LABEL_STUDIO_URL": str(settings.label_studio_url),
        "ERRATA_LABEL_STUDIO_TOKEN": token,
        "ERRATA_DATA_DIR": str(settings.data_dir),
        "ERRATA_PORT": str(settings.port),
        "ERRATA_ENCODER": "pixels",
        "ERRATA_PREDICTIONS": "all",
        "ERRATA_WEBHOOK_SECRET": "s3cret",
    }
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "errata", "serve"]
        process = subprocess.Popen(command, env={**os.environ, **said}, stdin=subprocess.PIPE, stdout=sink, stderr=sink)
    try:
        wait_for(lambda: is_up(settings.port), "errata serve")
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def is_up(port: int) -> bool:
    """Say whether errata answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
    except httpx.TransportError:
        return False


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return once a condition holds."""
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} did not happen within two minutes")
        time.sleep(0.1)


def event(action: str, project_id: int) -> bytes:
    """Return an event as large as Label Studio's are."""
    region = {"id": "a", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["car"]}}
    annotation = {"id": 7, "result": [region] * 5, "completed_by": 1, "task": 3, "project": project_id}
    project = {"id": project_id, "title": "cars", "label_config": "<View>" + "<Choice/>" * 100 + "</View>"}
    body = {"action": action, "annotation": annotation, "project": project, "task": {"id": 3, "data": {"image": "x"}}}
    return post("/webhook", body, "X-Errata-Secret: s3cret\r\n")


async def measure(port: int, project_id: int, wiring: Wiring, duration_s: float) -> dict[str, object]:
    """Measure with and without the audit.

    Raises:
        RuntimeError: the audit did not run all the while.
    """
    source = event("ANNOTATION_UPDATED", project_id)
    quiet = await at_rate(port, source, 100, 50, duration_s / 2)
    await call(port, event("START_TRAINING", project_id))
    await asyncio.to_thread(wait_for, lambda: wiring.audits.last(project_id) is not None, "the audit")
    busy = await at_rate(port, source, 100, 50, duration_s)
    audit = wiring.audits.last(project_id)
    if audit is None or audit.finished_at or audit.problem:
        raise RuntimeError("the audit ended before the load did: give it more digits, or the load less time")
    return {"quiet": asdict(quiet), "during_audit": asdict(busy)}


def main() -> None:
    """Run it and print a table and a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="4 seconds instead of 40, and fewer digits")
    is_quick = parser.parse_args().quick
    python = install(cache_dir() / "venv", print)
    prepared = prepare(python, cache_dir() / "prepared", print)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LabelStudioServer(python, folder / "label-studio", prepared) as label_studio:
            settings = Settings(
                label_studio_url=label_studio.url,
                label_studio_token=SecretStr(label_studio.token),
                data_dir=folder / "errata",
                port=free_port(),
            )
            wiring = Wiring(settings)
            digits = many_digits(900 if is_quick else None)
            project_id, _ = make_source_project(wiring.client, digits, LineProgress(print))
            wiring.audits.connected(Project(project_id, "digits", label_studio.url))
            with service(settings, label_studio.token, folder / "errata.log"):
                duration_s = QUICK_DURATION_S if is_quick else DURATION_S
                found = asyncio.run(measure(settings.port, project_id, wiring, duration_s))
            wiring.close()
    print(f"{'webhook, 50 connections, 100/s':32}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'events':>8}")
    for name, row in found.items():
        print(f"{name:32}{row['p50_ms']:9}{row['p99_ms']:9}{row['max_ms']:9}{row['n']:8}")  # type: ignore[index]
    print(json.dumps({"benchmark": "webhook", "quick": is_quick, "digits": len(digits.pngs), **found}))


if __name__ == "__main__":
    main()
