"""errata as the two programs that can host it, each a real process, and what a Label Studio has sent."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from errata.jobs.rq_queue import RedisQueue

REQUESTS = Path(__file__).parent / "requests"
PASSWORD = "pässwort"
MODEL = 'from errata.hosted import ErrataModel\n\n__all__ = ["ErrataModel"]\n'
INIT = ["label-studio-ml", "init", "errata-backend", "--script", "model.py:ErrataModel"]
START = ["label-studio-ml", "start", "errata-backend", "--host", "127.0.0.1"]
# Whoever started it is gone for whatever reason when standard input ends; then the whole group goes.
UNTIL_STDIN_ENDS = '"$0" "$@" & read -r _; kill 0'


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = 300) -> Any:
    """Return the first true value of `condition`."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s:.0f} s"
        time.sleep(0.1)
    return value


@dataclass
class Host:
    """errata's answers to Label Studio, by one of the programs that give them."""

    name: str  # "errata serve" or "label-studio-ml"
    folder: Path
    environment: dict[str, str]
    redis_url: str
    free_port: Callable[[], int]
    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    http: httpx.Client = field(default_factory=httpx.Client)

    @property
    def commands(self) -> list[str]:
        """What was typed, and the module that was written."""
        return [] if self.is_errata else [*MODEL.splitlines(), " ".join(INIT), " ".join(START)]

    @property
    def is_errata(self) -> bool:
        return self.name == "errata serve"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    @property
    def form(self) -> dict[str, str]:
        """What somebody types into Label Studio's form."""
        basic = {"auth_method": "BASIC_AUTH", "basic_auth_user": "errata", "basic_auth_pass": PASSWORD}
        return {"url": self.url, "title": self.name, **(basic if self.is_errata else {})}

    def start(self) -> None:
        port = str(self.free_port())
        self.url = f"http://127.0.0.1:{port}"
        command = ["errata", "serve"]
        if not self.is_errata:
            self._init()
            command = [*START, "--port", port]
        with (self.folder / "log").open("ab") as sink:
            self.process = subprocess.Popen(
                ["sh", "-c", UNTIL_STDIN_ENDS, *command],
                cwd=self.folder,
                env={**self.environment, "ERRATA_PORT": port},
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        auth = ("errata", PASSWORD) if self.is_errata else None
        self.http = httpx.Client(base_url=self.url, auth=auth, timeout=300, trust_env=False)
        wait_for(self._answers, f"{self.name} answering")

    def _init(self) -> None:
        if not (self.folder / "errata-backend").exists():
            (self.folder / "model.py").write_text(MODEL)
            subprocess.run(INIT, cwd=self.folder, env=self.environment, check=True, capture_output=True, timeout=600)

    def _answers(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        with suppress(httpx.TransportError):
            return self.http.get("/health").is_success
        return False

    def replay(self, recorded: dict[str, Any]) -> httpx.Response:
        """Send what Label Studio sent."""
        return self.http.request(recorded["method"], recorded["path"], json=recorded["body"])

    def jobs(self) -> set[tuple[str, int]]:
        """Return the jobs that wait in Redis: name and project."""
        queue = RedisQueue(self.redis_url)
        try:
            return {(job.name, job.project_id) for job in queue.states()}
        finally:
            queue.stop()  # closes its connection

    def events_under_way(self) -> list[psutil.Process]:
        """Return label-studio-ml's processes that work on an event."""
        assert self.process
        found = psutil.Process(self.process.pid).children(recursive=True)
        with suppress(psutil.NoSuchProcess):
            return [each for each in found if each.status() != "zombie" and "spawn_main" in " ".join(each.cmdline())]
        return found

    def stop(self) -> None:
        self.http.close()
        if self.process:
            assert self.process.stdin
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            self.process.stdin.close()
            self.process.wait(timeout=180)
            self.process = None


@pytest.fixture(scope="session")
def wait() -> Callable[..., Any]:
    """Return a function that waits for a condition."""
    return wait_for


@pytest.fixture(scope="session")
def recorded() -> dict[str, dict[str, Any]]:
    """Return what Label Studio 1.23.2 sent, by name; `record.py` wrote it down."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(REQUESTS.glob("*.json"))}


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Return this environment without errata's settings, and with this Python's programs first."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ERRATA_", "LABEL_STUDIO_"))}
    return {**inherited, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def make_host(
    redis_url: str, environment: dict[str, str], missing: Callable[[str], None], free_port: Callable[[], int]
) -> Iterator[Callable[..., Host]]:
    """Make hosts over data folders; they are ended afterwards."""
    made: list[Host] = []

    def make(name: str, folder: Path, data_dir: Path, **settings: str) -> Host:
        if name == "label-studio-ml" and importlib.util.find_spec("label_studio_ml") is None:
            if sys.version_info >= (3, 14):
                pytest.skip("label-studio-ml 1.0.9 does not run on Python 3.14 and newer")
            missing("label-studio-ml is not installed; it is part of the test extra")
        database = redis_url.removesuffix("/0") + f"/{5 + len(made)}"  # a database of its own
        ours = {
            "ERRATA_DATA_DIR": str(data_dir),
            "ERRATA_REDIS_URL": database,
            "ERRATA_ENCODER": "pixels",
            "ERRATA_BACKEND_PASSWORD": PASSWORD,
            "ERRATA_AUDIT_DELAY_S": "3600",
        }
        folder.mkdir(parents=True, exist_ok=True)
        made.append(Host(name, folder, {**environment, **ours, **settings}, database, free_port))
        return made[-1]

    yield make
    for host in made:
        host.stop()
