"""What errata finds on somebody's own Label Studio: other accounts, other servers, PostgreSQL."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from filelock import FileLock

from errata.demo.label_studio import cache_dir, install, prepare
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


@pytest.fixture(scope="module")
def postgres_server(postgres: Any) -> Iterator[dict[str, str]]:
    """Run a PostgreSQL that Label Studio has migrated, once, and yield what tells Label Studio where it is."""
    migrated = cache_dir() / f"postgresql-{postgres.version}"
    with tempfile.TemporaryDirectory(prefix="errata-postgresql-") as name:
        cluster = Path(name) / "cluster"
        with FileLock(f"{migrated}.lock"):
            if not migrated.is_dir():
                _migrate(postgres, Path(name) / "new", migrated)
        shutil.copytree(migrated, cluster)
        postgres.take_over(cluster)
        with postgres.running(cluster) as port:
            yield _of_label_studio(port)


def _of_label_studio(port: int) -> dict[str, str]:
    return {"DJANGO_DB": "default", "POSTGRE_HOST": "127.0.0.1", "POSTGRE_PORT": str(port)}


def _migrate(postgres: Any, cluster: Path, migrated: Path) -> None:
    postgres.create(cluster)
    with postgres.running(cluster) as port:
        python = install(cache_dir() / "venv", print)
        prepare(python, cluster.with_name("prepared"), print, _of_label_studio(port))
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
