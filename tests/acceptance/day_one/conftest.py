"""What errata finds on somebody's own Label Studio: other accounts, other servers, PostgreSQL."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from filelock import FileLock

from errata.demo.label_studio import cache_dir, free_port, install, prepare
from errata.labelstudio.client import LabelStudio


@dataclass
class Person:
    """An account in Label Studio."""

    id: int
    email: str
    token: str = field(repr=False)  # a personal access token
    client: LabelStudio = field(repr=False)


@dataclass
class ForeignServer:
    """Somebody's ML backend, and a receiver of somebody's webhooks; notes what it is asked."""

    server: ThreadingHTTPServer
    calls: list[tuple[str, Any]] = field(default_factory=list)  # path and body, in the order of arrival
    prediction: dict[str, Any] = field(default_factory=dict)  # what it says of every task

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def asked(self, path: str, action: str | None = None) -> list[Any]:
        """Return the bodies that came to a path, of one action where one is named."""
        return [b for p, b in list(self.calls) if p == path and (action is None or b["action"] == action)]

    @property
    def trainings(self) -> int:
        return len(self.asked("/webhook", "START_TRAINING"))


class Postgres:
    """PostgreSQL's own programs, run as somebody who is not root: they refuse to run as root.

    Args:
        programs: the folder that holds them.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self._as: dict[str, Any] = {}
        if self._user:
            self._as = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    @property
    def version(self) -> str:
        """What data of another one cannot be run with."""
        return self._run("postgres", "--version").split()[2].split(".")[0]

    def create(self, cluster: Path) -> None:
        """Make an empty cluster."""
        cluster.mkdir()
        self.take_over(cluster)
        options = ("--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
        self._run("initdb", "--pgdata", str(cluster), *options)

    def take_over(self, cluster: Path) -> None:
        """Give the cluster, and the folder that it is in, to whoever runs it."""
        for path in (cluster.parent, cluster, *cluster.rglob("*")):
            if self._user:
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        cluster.chmod(0o700)

    @contextmanager
    def running(self, cluster: Path) -> Iterator[dict[str, str]]:
        """Run it; yields what tells Label Studio where it is."""
        port = str(free_port())
        options = ("-D", str(cluster), "-h", "127.0.0.1", "-p", port, "-F", "-c", "unix_socket_directories=")
        # The shell ends the server when its standard input ends, that is, also when this test run is killed.
        script = '"$0" "$@" 2>"$2/log" & read -r _; kill -INT $!; wait'
        command = ["sh", "-c", script, str(self._programs / "postgres"), *options]
        with subprocess.Popen(command, cwd="/", stdin=subprocess.PIPE, **self._as) as process:
            try:
                self._wait_until_ready(port, cluster / "log")
                yield {"DJANGO_DB": "default", "POSTGRE_HOST": "127.0.0.1", "POSTGRE_PORT": port}
            finally:
                assert process.stdin
                process.stdin.close()
                process.wait(timeout=60)

    def _wait_until_ready(self, port: str, log: Path) -> None:
        command = [str(self._programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port]
        deadline = time.monotonic() + 60
        while subprocess.run(command, check=False).returncode:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._as)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def postgres_server(missing: Callable[[str], NoReturn]) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL that Label Studio has migrated, once, and yield what tells Label Studio where it is."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    in_path = shutil.which("postgres")
    if not (found or in_path):
        missing("PostgreSQL: there is no postgres; install postgresql with the system's package manager.")
    newest = max(found, key=lambda path: float(path.parent.name), default=Path(in_path or "").parent)
    postgres = Postgres(newest)
    migrated = cache_dir() / f"postgresql-{postgres.version}"
    with tempfile.TemporaryDirectory(prefix="errata-postgresql-") as name:
        cluster = Path(name) / "cluster"
        with FileLock(f"{migrated}.lock"):
            if not migrated.is_dir():
                _migrate(postgres, Path(name) / "new", migrated)
        shutil.copytree(migrated, cluster)
        postgres.take_over(cluster)
        with postgres.running(cluster) as environment:
            yield environment


def _migrate(postgres: Postgres, cluster: Path, migrated: Path) -> None:
    postgres.create(cluster)
    with postgres.running(cluster) as environment:
        prepare(install(cache_dir() / "venv", print), cluster.with_name("prepared"), print, environment)
    # At its end it is either whole or not there.
    with tempfile.TemporaryDirectory(dir=migrated.parent) as scratch:
        os.replace(shutil.copytree(cluster, Path(scratch) / "cluster"), migrated)


@pytest.fixture(scope="session")
def sign_up() -> Callable[[Any, str], AbstractContextManager[Person]]:
    """Make an account as people do who were sent the invitation link; it is deleted at the end."""

    @contextmanager
    def make(server: Any, name: str) -> Iterator[Person]:
        link = server.client.get("api/invite")["invite_url"].lstrip("/")
        email = f"{name}-{uuid.uuid4().hex[:6]}@example.com"
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as browser:
            browser.get(link).raise_for_status()
            filled = {
                "email": email,
                "password": "a-long-password",
                "csrfmiddlewaretoken": browser.cookies["csrftoken"],
            }
            assert browser.post(link, data=filled, headers={"Referer": server.url}).is_redirect
            token = browser.post("api/token/", json={}).raise_for_status().json()["token"]
            user_id = browser.get("api/current-user/whoami").json()["id"]
        with closing(LabelStudio(server.url, token)) as client:
            yield Person(user_id, email, token, client)
        server.client.delete(f"api/users/{user_id}/")

    return make


@pytest.fixture(scope="module")
def foreign() -> Iterator[ForeignServer]:
    """Run somebody's server, which says the same of every task."""
    made = ForeignServer(ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.loads(content) if content else None
            made.calls.append((self.path, body))
            said = {
                "/health": {"status": "UP"},
                "/setup": {"model_version": "reader-3"},
                "/versions": {"versions": ["reader-3"]},
                "/predict": {"results": [made.prediction for _ in (body or {}).get("tasks", ())]},
            }.get(self.path, {})
            reply = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST = answer

        def log_message(self, *_: Any) -> None: ...

    made.server.RequestHandlerClass = Handler
    made.server.daemon_threads = True
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()
