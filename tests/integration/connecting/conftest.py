"""Something that answers Label Studio as errata does, and errata opened on a real Label Studio."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from errata.labelstudio.connection import SECRET_HEADER
from errata.labelstudio.reachability import TRIAL_STATUS
from errata.settings import Settings
from errata.wiring import Wiring

PASSWORD, SECRET = "backend-password", "webhook-secret"


@dataclass
class Service:
    """What Label Studio calls; remembers what it was sent."""

    url: str = ""
    password: str = PASSWORD
    secret: str = SECRET
    health: int = 200  # what /health is answered with
    is_errata: bool = True  # otherwise it takes everything that it is sent
    calls: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    def events(self) -> list[tuple[str, str | None]]:
        return [
            (body["action"], {k.lower(): v for k, v in headers.items()}.get(SECRET_HEADER.lower()))
            for path, headers, body in self.calls
            if path == "/webhook"
        ]

    def status(self, path: str, authorization: str | None) -> int:
        if not self.is_errata:
            return 200
        wanted = "Basic " + base64.b64encode(f"errata:{self.password}".encode()).decode()
        if path != "/webhook" and authorization != wanted:
            return 401
        if path == "/trial/setup":
            return TRIAL_STATUS
        return self.health if path.endswith("/health") else 200


@pytest.fixture
def service() -> Iterator[Service]:
    seen = Service()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.calls.append((self.path, dict(self.headers), json.loads(body or b"{}")))
            said = json.dumps({"status": "UP", "model_version": "errata-1"}).encode()
            self.send_response(seen.status(self.path, self.headers.get("Authorization")))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield seen
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def source(project: Any) -> Any:
    return project(["truck", "car"])


@pytest.fixture
def open_errata(label_studio: Any, service: Service, tmp_path: Path) -> Iterator[Callable[..., Wiring]]:
    """Open errata as a command would that has just started; one data folder a test."""
    with ExitStack() as opened:

        def make(**changes: Any) -> Wiring:
            settings = {
                "label_studio_url": label_studio.url,
                "label_studio_token": SecretStr(label_studio.token),
                "data_dir": tmp_path / "data",
                "encoder": "pixels",
                "public_url": service.url,
                "backend_password": SecretStr(service.password),
                "webhook_secret": SecretStr(service.secret),
            }
            wiring = Wiring(Settings(**{**settings, **changes}))
            opened.callback(wiring.close)
            return wiring

        yield make


@pytest.fixture
def state(label_studio: Any) -> Callable[[int], dict[str, Any]]:
    """Return all that a project is besides its labels, without times and without what Label Studio counts."""

    def read(project_id: int) -> dict[str, Any]:
        get = label_studio.client.get
        project = get(f"api/projects/{project_id}/")
        return {
            "project": project,
            "webhooks": [_timeless(each) for each in get("api/webhooks/", {"project": project_id})],
            "backends": [_timeless(each) for each in get("api/ml/", {"project": project_id})],
            "views": get("api/dm/views/", {"project": project_id}),
            "versions": get(f"api/projects/{project_id}/model-versions/"),
            "predictions": [_timeless(each) for each in get("api/predictions/", {"project": project_id})],
        }

    return read


def _timeless(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("updated_at", "created_ago")}
