"""Somebody's ML backend, which notes what it is asked, and errata's commands beside it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

VERSION = "theirs-1"


@dataclass
class TheirBackend:
    """An ML backend that says "truck" of every task."""

    server: ThreadingHTTPServer
    asked: list[int] = field(default_factory=list)  # ids of the tasks that /predict was called for
    trainings: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str, body: Any) -> dict[str, Any]:
        if path == "/webhook":
            self.trainings += body["action"] == "START_TRAINING"
        if path != "/predict":
            return {"model_version": VERSION, "status": "UP"}
        self.asked += [task["id"] for task in body["tasks"]]
        said = {"from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}
        return {"results": [{"result": [said], "score": 0.6, "model_version": VERSION} for _ in body["tasks"]]}


@pytest.fixture
def theirs() -> Iterator[TheirBackend]:
    """Run somebody's ML backend."""
    made = TheirBackend(ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler))

    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            said = json.dumps(made.answer(self.path, json.loads(content) if content else None)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = reply

        def log_message(self, *_: Any) -> None: ...

    made.server.RequestHandlerClass = Handler
    made.server.daemon_threads = True
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@dataclass(frozen=True)
class Errata:
    """errata's commands, each a process of its own, on one data folder."""

    environment: dict[str, str]
    folder: Path
    forked: Any

    def start(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a program in Python; what it prints is to be read."""
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.Popen(command, env=self.environment, text=True, stdout=subprocess.PIPE)

    def run(self, *arguments: str) -> tuple[str, str]:
        """Run a command; return what it printed to stdout and stderr."""
        done = self.forked.run(*arguments, env=self.environment, cwd=self.folder)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr


@pytest.fixture
def errata(label_studio: Any, tmp_path: Path, forked_errata: Any) -> Callable[..., Errata]:
    """Let errata work on the test run's Label Studio."""

    def make(**settings: str) -> Errata:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
        own = {
            "ERRATA_LABEL_STUDIO_URL": label_studio.url,
            "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
            "ERRATA_DATA_DIR": str(tmp_path / "data"),
            "ERRATA_ENCODER": "pixels",
        }
        return Errata({**inherited, **own, **settings}, tmp_path, forked_errata)

    return make


@pytest.fixture
def vehicles() -> Callable[[str], list[bytes]]:
    """Draw red cars and blue trucks, one picture a letter: "c" or "t"."""

    def draw(kinds: str) -> list[bytes]:
        drawn = []
        for n, kind in enumerate(kinds):
            noise = np.random.default_rng(n).integers(0, 40, (24, 24, 3))
            pixels = noise + np.array([200, 60, 60] if kind == "c" else [60, 60, 200])
            buffer = io.BytesIO()
            Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
            drawn.append(buffer.getvalue())
        return drawn

    return draw
