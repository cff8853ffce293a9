"""Every command of the README and of docs/howto, run in the order in which a reader meets it, on a real server."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
HOWTO = ROOT / "docs" / "howto"
STORY = [HOWTO / f"{name}.md" for name in ("connect", "first-audit", "review", "apply-and-undo", "leave")]
# Commands that begin so cannot run inside a test run: the file that runs them, and where in it that is seen.
ELSEWHERE = {
    "python3 -m venv .venv && .venv/bin/pip install '.[demo]'": ("tests/acceptance/test_demo.py", "demo"),
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]'": (".ci/run", "pytest -n 2$"),
    "pip install 'errata[label-studio-ml]'": ("pyproject.toml", "errata[demo,label-studio-ml,"),
    "errata audit 12 --belief vehicles:Model": ("tests/contract/test_class_as_belief.py", "vehicles:"),
    "from errata.hosted": ("tests/contract/conftest.py", "from errata.hosted"),
    "__all__": ("tests/contract/conftest.py", "__all__"),
    "label-studio-ml init": ("tests/contract/conftest.py", '"init"'),
    "label-studio-ml start": ("tests/contract/conftest.py", '"start"'),
}


def commands(path: Path) -> list[str]:
    """Return the command lines of a document: its indented blocks, a line each, without remarks.

    Blocks between fences are code.
    """
    prose = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^ {4}(\S.*)$", prose, re.MULTILINE)
    lines = [re.sub(r"\s+#\s.*$", "", line) for line in lines]
    return [line for line in lines if not line.startswith("#")]


@dataclass
class Reader:
    """Somebody who does what the documents say, in one shell."""

    folder: Path
    names: dict[str, str]  # what stands in the documents -> what it is here
    environment: dict[str, str]
    client: Any
    project_id: int
    forked: Any
    begun: set[str]  # the commands that somebody has typed into a shell
    services: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def do(self, line: str) -> None:
        """Run one line. Questions are answered with yes; what stays is left running."""
        if elsewhere(line):
            return
        for name, here in self.names.items():
            line = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", here, line)
        exported = re.fullmatch(r"export (\w+)=(\S*)", line)
        if exported:
            self.environment[exported[1]] = os.path.expanduser(exported[2])
        elif line == "errata serve":
            self.serve()
        else:
            self.run(line)

    def run(self, line: str) -> None:
        """Run a line in a shell where its command is new, and else without the shell and what it imports."""
        program, command, *_ = words = shlex.split(line)
        options = {"cwd": self.folder, "env": self.environment, "timeout": 600}
        if program == "errata" and command in self.begun:
            done = self.forked.run(*words[1:], answers="y\n" * 20, **options)
        else:
            shell = ["bash", "-euo", "pipefail", "-c", line]
            done = subprocess.run(shell, input="y\n" * 20, capture_output=True, text=True, check=False, **options)
        self.begun.add(command)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def review(self) -> int:
        """Take the suggestion of every finding in the review projects; return how many there were."""
        n_answered = 0
        for listed in list(self.client.paged("api/projects/", {"include": "id,description"})):
            if f"project {self.project_id}]" in (listed["description"] or ""):
                for task in list(self.client.paged("api/tasks/", {"project": listed["id"], "fields": "all"})):
                    if not task["annotations"] and task["data"].get("proposed_label"):
                        result = [
                            choice("label", task["data"]["given_label"]),
                            choice("errata_verdict", "take_proposal"),
                        ]
                        self.client.post(f"api/tasks/{task['id']}/annotations/", {"result": result})
                        n_answered += 1
        return n_answered

    def source(self) -> dict[str, Any]:
        """Return what errata may add to the source project."""
        return {
            "webhooks": self.client.get("api/webhooks/", {"project": self.project_id}),
            "backends": self.client.get("api/ml/", {"project": self.project_id}),
            "versions": self.client.get(f"api/projects/{self.project_id}/model-versions/"),
        }

    def serve(self) -> None:
        """Start the service, unless it runs, and wait until it answers."""
        if self.services:
            return
        log = (self.folder / "serve.log").open("ab")
        with log:
            self.services.append(
                subprocess.Popen(
                    [sys.executable, "-m", "errata", "serve"],
                    cwd=self.folder,
                    env=self.environment,
                    stdout=log,
                    stderr=log,
                )
            )
        deadline = time.monotonic() + 300
        account = ("errata", self.environment["ERRATA_BACKEND_PASSWORD"])
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                address = f"http://127.0.0.1:{self.environment['ERRATA_PORT']}/health"
                if httpx.get(address, auth=account, trust_env=False).is_success:
                    return
            time.sleep(0.1)
        pytest.fail((self.folder / "serve.log").read_text())


def elsewhere(line: str) -> bool:
    """Say whether a command cannot run here."""
    return any(line.startswith(start) for start in ELSEWHERE)


def choice(control: str, value: str) -> dict[str, Any]:
    return {"from_name": control, "to_name": "image", "type": "choices", "value": {"choices": [value]}}


class TheirModel(BaseHTTPRequestHandler):
    """An ML backend of somebody else's."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        says = {
            "from_name": "label",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": ["car"]},
            "score": 0.9,
        }
        results = [{"result": [says], "score": 0.9} for _ in asked.get("tasks", ())]
        body = json.dumps({"model_version": "theirs-1", "results": results}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def their_backend() -> Iterator[str]:
    """Return the address of somebody else's ML backend."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), TheirModel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def begun() -> set[str]:
    """Return the commands that the tests of this file have run in a shell."""
    return set()


@pytest.fixture
def reader(
    tmp_path: Path, label_studio: Any, project: Any, their_backend: str, forked_errata: Any, begun: set[str]
) -> Iterator[Reader]:
    """Somebody with a Label Studio, two projects in it, and errata on the path."""
    labels = ["car", "truck"] * 12
    labels[4], labels[9] = "truck", "car"
    truth = ["car", "truck"] * 12
    images = [picture(n, label) for n, label in enumerate(truth)]
    first, second = project(labels, images=images), project(labels, images=images, title="More vehicles")
    stored = [
        {"task": task_id, "result": [choice("label", label) | {"score": 0.9}], "score": 0.9, "model_version": "v7"}
        for task_id, label in zip(first.task_ids, truth, strict=True)
    ]
    label_studio.client.post(f"api/projects/{first.id}/import/predictions", stored)
    body = {"project": first.id, "data": {"title": "Doubtful", "type": "list", "target": "tasks"}}
    tab = label_studio.client.post("api/dm/views/", body)["id"]
    (tmp_path / "token").write_text(label_studio.pat + "\n")
    (tmp_path / "ids.txt").write_text("\n".join(map(str, first.task_ids[:3])) + "\n")
    exported = label_studio.client.get(f"api/projects/{first.id}/export", {"exportType": "JSON"})
    (tmp_path / "images").mkdir()
    for task, image in zip(sorted(exported, key=lambda task: task["id"]), images, strict=True):
        task["data"]["image"] = f"{task['id']}.png"
        (tmp_path / "images" / task["data"]["image"]).write_bytes(image)
    (tmp_path / "export.json").write_text(json.dumps(exported))
    (tmp_path / "config.xml").write_text(first.label_config)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = {
        "https://label-studio.example.com": label_studio.url.rstrip("/"),
        "https://errata.example.com": f"http://127.0.0.1:{port}",
        "http://localhost:9091": their_backend,
        "~/label-studio-token": str(tmp_path / "token"),
        "--tab 7": f"--tab {tab}",
        "12": str(first.id),
        "15": str(second.id),
    }
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ERRATA_DATA_DIR": str(tmp_path / "data"),
        "ERRATA_ENCODER": "pixels",
        "ERRATA_PORT": str(port),
    }
    one = Reader(tmp_path, names, environment, label_studio.client, first.id, forked_errata, begun)
    yield one
    for service in one.services:
        service.terminate()
        service.wait(timeout=180)


def picture(seed: int, label: str) -> bytes:
    """Return a noisy picture whose colour is that of its class."""
    noise = np.random.default_rng(seed).integers(0, 40, (24, 24, 3))
    colour = np.array([200, 60, 60] if label == "car" else [60, 60, 200])
    buffer = io.BytesIO()
    Image.fromarray((noise + colour).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_readme(reader: Reader) -> None:
    """The commands of the README do what they say, one after the other."""
    reader.environment["ERRATA_LABEL_STUDIO_TOKEN_FILE"] = str(reader.folder / "token")
    for line in commands(ROOT / "README.md"):
        if line.startswith("errata status"):
            assert reader.review() > 0
        reader.do(line)


def test_howto(reader: Reader) -> None:
    """Somebody who follows the pages from connecting to leaving gets through, and leaves nothing behind."""
    before = reader.source()
    for path in STORY:
        if path.stem == "apply-and-undo":
            assert reader.review() > 0
        for line in commands(path):
            reader.do(line)
    after = reader.source()
    assert (after["webhooks"], after["backends"], after["versions"]) == (
        before["webhooks"],
        before["backends"],
        before["versions"],
    )


def test_every_page_with_commands_is_followed() -> None:
    """A command of a page that no test here follows is run by the test that is named for it."""
    for path in sorted(HOWTO.glob("*.md")):
        if path in STORY:
            continue
        for line in commands(path):
            assert elsewhere(line), f"{path.name}: {line}"
    for name, what in ELSEWHERE.values():
        assert what in (ROOT / name).read_text(), f"{name}: {what}"
