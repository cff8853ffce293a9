"""errata as people run it: its commands and its service as processes, and a wire to Label Studio that can break."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from errata.audit.progress import LineProgress
from errata.review.records import AuditRecord
from errata.settings import Settings
from errata.store.audits import AuditStore
from errata.store.database import open_database
from errata.wiring import BeliefOptions, Wiring

WAIT_S = 300


def wait_for(condition: Callable[[], Any], what: str, timeout_s: float = WAIT_S) -> Any:
    """Return the first true value of `condition`; who looks long waits as long before the next look."""
    deadline, looked_at = time.monotonic() + timeout_s, time.monotonic()
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen within {timeout_s:.0f} s")
        time.sleep(max(0.1, time.monotonic() - looked_at))
        looked_at = time.monotonic()
    return value


@dataclass
class Errata:
    """One errata: a data folder, settings, its commands and its service."""

    data_dir: Path
    label_studio_url: str
    token: str
    port: int
    forked: Any = field(repr=False)
    settings: dict[str, str] = field(default_factory=dict)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    process: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        path = self.data_dir.with_suffix(".log")
        return path.read_text(errors="replace") if path.exists() else ""

    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")},
            "ERRATA_LABEL_STUDIO_URL": self.label_studio_url,
            "ERRATA_LABEL_STUDIO_TOKEN": self.token,
            "ERRATA_DATA_DIR": str(self.data_dir),
            "ERRATA_ENCODER": "pixels",
            "ERRATA_PORT": str(self.port),
            "ERRATA_PUBLIC_URL": self.url,
            "ERRATA_BACKEND_PASSWORD": self.password,
            "ERRATA_POLL_S": "2",
            "ERRATA_AUDIT_DELAY_S": "1",
            **self.settings,
        }

    def done(self, *arguments: str, folder: Path | None = None, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever its exit code."""
        folder, environment = folder or self.data_dir.parent, self.environment() | settings
        return self.forked.run(*arguments, env=environment, cwd=folder)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end; return what it printed."""
        done = self.done(*arguments)
        assert done.returncode == code, f"exit {done.returncode}: {done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def ask(self, *arguments: str) -> dict[str, Any]:
        """Run a command with --json; return the object."""
        answer: dict[str, Any] = json.loads(self.run(*arguments, "--json"))
        return answer

    def last_audit(self, project_id: int) -> AuditRecord | None:
        """Return a project's latest audit as it is written down: a command a look would slow what is waited for."""
        engine = open_database(f"sqlite:///{self.data_dir / 'errata.db'}")
        try:
            return AuditStore(engine, self.data_dir).last(project_id)
        finally:
            engine.dispose()

    def serve(self, *command: str) -> None:
        """Start the service (or another command that stays) and wait until it answers."""
        self.start(*command)
        wait_for(self.is_healthy, "errata serve")

    def start(self, *command: str) -> None:
        """Start the service (or another command that stays)."""
        with self.data_dir.with_suffix(".log").open("ab") as sink:
            self.process = self.forked.start(
                *(command or ("serve",)), env=self.environment(), cwd=self.data_dir.parent, sink=sink
            )

    def is_healthy(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health", auth=("errata", self.password), trust_env=False).is_success
        return False

    def post(self, path: str, body: Any) -> httpx.Response:
        """Call errata as Label Studio does."""
        return httpx.post(f"{self.url}/{path}", json=body, auth=("errata", self.password), timeout=100, trust_env=False)

    def kill(self) -> None:
        """SIGKILL the service and all that it started, at once."""
        assert self.process
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill()
        if self.process:
            self.process.wait(timeout=60)
            self.process.stdin.close()
            self.process = None


@pytest.fixture(scope="module")
def make_errata(
    tmp_path_factory: pytest.TempPathFactory, label_studio: Any, free_port: Callable[[], int], forked_errata: Any
) -> Iterator[Callable[..., Errata]]:
    """Make erratas; their services are ended afterwards."""
    made: list[Errata] = []

    def make(url: str | None = None, **settings: str) -> Errata:
        folder = tmp_path_factory.mktemp("errata") / "data"
        one = Errata(folder, url or label_studio.url, label_studio.token, free_port(), forked_errata, settings)
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()


@pytest.fixture(scope="session")
def wait() -> Callable[..., Any]:
    """Return a function that waits for a condition."""
    return wait_for


@dataclass
class Fault:
    """What happens at the next `times` requests whose "METHOD path" matches."""

    pattern: str
    times: int = 1
    act: Callable[[], None] = lambda: None  # before Label Studio gets the request
    answer: tuple[int, str, bytes] | None = None  # status, content type and body in place of Label Studio's
    is_accepted: bool = False  # Label Studio gets the request all the same


@dataclass
class Wire:
    """A proxy before Label Studio that breaks once, at the n-th request that matches, or misbehaves in other ways."""

    target: str
    server: ThreadingHTTPServer = field(init=False)
    pattern: re.Pattern[str] | None = None
    nth: int = 1
    when: str = "before"  # or "after" Label Studio accepted the request
    cut: Callable[[], None] = lambda: None
    broken: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    faults: list[Fault] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    def misbehave(self, pattern: str, **how: Any) -> None:
        """At the next requests that match do or answer something else; see `Fault`."""
        self.faults.append(Fault(pattern, **how))

    def next_fault(self, what: str) -> Fault | None:
        with self.lock:
            found = next((each for each in self.faults if each.times and re.search(each.pattern, what)), None)
            if found:
                found.times -= 1
            return found

    def break_at(self, pattern: str, nth: int, when: str, cut: Callable[[], None]) -> None:
        """At the n-th request whose "METHOD path" matches call `cut`, and never answer that request."""
        self.pattern, self.nth, self.when, self.cut = re.compile(pattern), nth, when, cut
        self.broken.clear()

    def is_the_one(self, what: str) -> bool:
        with self.lock:
            if self.pattern is None or not self.pattern.search(what):
                return False
            self.nth -= 1
            if self.nth:
                return False
            self.pattern = None
            return True


@contextmanager
def new_wire(label_studio: Any) -> Iterator[Wire]:
    made = Wire(label_studio.url)
    http = httpx.Client(base_url=label_studio.url, timeout=300, trust_env=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            breaks = made.is_the_one(f"{self.command} {self.path}")
            fault = made.next_fault(f"{self.command} {self.path}")
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if fault:
                fault.act()
                if fault.answer and not fault.is_accepted:
                    self.reply(*fault.answer)
                    return
            if breaks and made.when == "before":
                self.end()
                return
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
            answer = http.request(self.command, self.path.lstrip("/"), content=body, headers=headers)
            if breaks:
                self.end()
                return
            if fault and fault.answer:
                self.reply(*fault.answer)
                return
            self.send_response(answer.status_code)
            for name in ("content-type", "location"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def reply(self, status: int, content_type: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def end(self) -> None:
            made.cut()
            self.close_connection = True
            made.broken.set()

        do_GET = do_POST = do_PATCH = do_DELETE = forward

        def log_message(self, *_: Any) -> None: ...

    made.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.server.daemon_threads = True
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    http.close()


@pytest.fixture
def wire(label_studio: Any) -> Iterator[Wire]:
    """Return a proxy before Label Studio."""
    with new_wire(label_studio) as made:
        yield made


@pytest.fixture(scope="module")
def lasting_wire(label_studio: Any) -> Iterator[Wire]:
    """Return a proxy before Label Studio that the tests of a module share."""
    with new_wire(label_studio) as made:
        yield made


@pytest.fixture
def open_errata(label_studio: Any, tmp_path: Path) -> Callable[..., Any]:
    """Open errata in this process as a command would that has just started; one data folder a test."""

    def opened(url: str | None = None) -> closing[Wiring]:
        settings = Settings(
            label_studio_url=url or label_studio.url,
            label_studio_token=SecretStr(label_studio.token),
            data_dir=tmp_path / "data",
            encoder="pixels",
        )
        return closing(Wiring(settings))

    return opened


@pytest.fixture
def audit(open_errata: Any) -> Callable[..., dict[str, Any]]:
    """Audit a project; return the counts."""

    def run(project_id: int, url: str | None = None, **options: Any) -> dict[str, Any]:
        with open_errata(url) as errata:
            examination, published, n_predictions = errata.audit(
                project_id, BeliefOptions(**options), LineProgress(lambda _: None)
            )
        counts = {"predictions": n_predictions, "inserted": published.n_inserted, "open": published.n_open}
        return examination.summary() | counts | {"withdrawn": published.n_withdrawn, "moved": published.n_moved}

    return run


@pytest.fixture
def review_tasks(label_studio: Any) -> Callable[[int], list[dict[str, Any]]]:
    def read(project_id: int) -> list[dict[str, Any]]:
        client = label_studio.client
        listed = client.paged("api/projects/", {"include": "id,description"})
        ids = [each["id"] for each in listed if f"project {project_id}]" in (each["description"] or "")]
        assert len(ids) <= 1
        return [task for each in ids for task in client.paged("api/tasks/", {"project": each, "fields": "all"})]

    return read


@pytest.fixture
def predictions(label_studio: Any) -> Callable[[int], dict[int, int]]:
    """Return task id -> how many predictions of errata's it has."""

    def count(project_id: int) -> dict[int, int]:
        listed = label_studio.client.paged("api/tasks/", {"project": project_id, "fields": "all"})
        return {t["id"]: sum(p["model_version"].startswith("errata-") for p in t["predictions"]) for t in listed}

    return count


@pytest.fixture
def assert_nothing_is_twice(review_tasks: Any, predictions: Any) -> Callable[[int], None]:
    def check(project_id: int) -> None:
        findings = Counter(task["data"]["finding"] for task in review_tasks(project_id))
        assert max(findings.values(), default=0) <= 1
        assert max(predictions(project_id).values()) <= 1

    return check
