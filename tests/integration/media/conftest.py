"""Storages as Label Studio knows them, each real, and a second member who looks at what is reviewed."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from errata.labelstudio.review_setup import marker

CONFIG = """<View><Image name="image" value="$image"/><Choices name="label" toName="image">
<Choice value="car"/><Choice value="truck"/></Choices></View>"""


@pytest.fixture(scope="session")
def png() -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (90, 40, 200)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Storage:
    """An S3-compatible server."""

    url: str

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://").rstrip("/")

    def make_bucket(self, name: str, files: dict[str, bytes], is_public: bool = False) -> None:
        headers = _AMAZON | ({"x-amz-acl": "public-read"} if is_public else {})
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            http.put(f"/{name}", headers=_AMAZON).raise_for_status()
            for key, content in files.items():
                http.put(f"/{name}/{key}", content=content, headers=headers).raise_for_status()


_SCOPE = "k/20200101/us-east-1/s3/aws4_request"
_AMAZON = {"Authorization": f"AWS4-HMAC-SHA256 Credential={_SCOPE}, SignedHeaders=host, Signature=s"}


@pytest.fixture(scope="session")
def s3(free_port: Callable[[], int]) -> Iterator[Storage]:
    """One S3 a test run, empty at first, on a free port."""
    port = free_port()
    # The shell ends the server when its standard input ends, that is, also when this test run is killed.
    script = '"$0" "$@" >/dev/null 2>&1 & read -r _; kill $!; wait'
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}
    with subprocess.Popen(["sh", "-c", script, *command], stdin=subprocess.PIPE, env=quiet) as process:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url)
        yield Storage(url)
        assert process.stdin
        process.stdin.close()
        process.wait(timeout=300)


def _wait_until_it_answers(url: str, timeout_s: float = 300) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        with suppress(httpx.HTTPError):
            httpx.get(url, trust_env=False, timeout=300)
            return
        assert time.monotonic() < deadline, url
        time.sleep(0.1)


@pytest.fixture
def make_source(label_studio: Any) -> Iterator[Callable[..., int]]:
    """Make source projects without tasks; they and their review projects are deleted where Label Studio stays."""
    made: list[int] = []

    def make(client: Any = label_studio.client, config: str = CONFIG) -> int:
        project_id = int(client.post("api/projects/", {"title": "Media", "label_config": config})["id"])
        made.extend([project_id] if client is label_studio.client else [])
        return project_id

    yield make
    for listed in list(label_studio.client.paged("api/projects/", {"include": "id,description"})):
        if listed["id"] in made or any(marker(each) in (listed["description"] or "") for each in made):
            label_studio.client.delete(f"api/projects/{listed['id']}/")


@dataclass(frozen=True)
class Member:
    """Somebody who has an account on Label Studio and made nothing there."""

    id: int
    email: str
    password: str
    http: httpx.Client  # with the session of a browser

    def load(self, page: str, address: str) -> bytes:
        """Return a picture as this member's browser has it on a page of Label Studio's."""
        response = self.http.get(httpx.URL(page).join(address), follow_redirects=True)
        response.raise_for_status()
        content: bytes = response.content
        return content


@pytest.fixture
def join(label_studio: Any) -> Iterator[Callable[..., Member]]:
    """Let somebody join a Label Studio by an invitation, as people do."""
    joined: list[httpx.Client] = []

    def sign_up(client: Any = label_studio.client) -> Member:
        email, password = f"{secrets.token_hex(6)}@example.com", secrets.token_hex(12)
        http = httpx.Client(trust_env=False, timeout=300)
        joined.append(http)
        invitation = client.get("api/invite")["token"]
        page = f"{client.url}user/signup/?token={invitation}"
        http.get(page).raise_for_status()
        form = {"email": email, "password": password, "csrfmiddlewaretoken": http.cookies["csrftoken"]}
        said = http.post(page, data=form, headers={"Referer": page})
        assert said.is_redirect, said.text[:500]
        me = http.get(f"{client.url}api/current-user/whoami").json()
        return Member(me["id"], email, password, http)

    yield sign_up
    for http in joined:
        http.close()


@pytest.fixture
def local_file(label_studio: Any) -> Callable[[str, bytes], str]:
    """Put a file where Label Studio serves local files from; return its folder's path."""

    def put(name: str, content: bytes) -> str:
        path = Path(label_studio.files) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path.parent)

    return put


@pytest.fixture
def unshared(png: bytes) -> Iterator[str]:
    """A web server that gives its pictures to everybody but scripts of other sites' pages; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(png)))
            self.end_headers()
            self.wfile.write(png)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def decide(label_studio: Any) -> Callable[..., int]:
    """Answer a review task as Label Studio's page would submit it; return the annotation's id."""

    def submit(task_id: int, choice: str, label: str) -> int:
        said = [("errata_verdict", choice), ("label", label)]
        result = [
            {"id": name, "from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}
            for name, value in said
        ]
        body = {"result": result, "lead_time": 4.5}
        return int(label_studio.client.post(f"api/tasks/{task_id}/annotations/", body)["id"])

    return submit
