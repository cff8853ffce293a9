"""A reviewer who made nothing opens a review task, and sees its picture: or not, as errata's trial said."""

from __future__ import annotations

import io
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Response, expect
from pydantic import SecretStr

from errata.settings import Settings
from errata.wiring import Wiring

CONFIG = """<View><Image name="image" value="$image"/><Choices name="label" toName="image">
<Choice value="car"/><Choice value="truck"/></Choices></View>"""
GIVEN = [{"id": "g", "from_name": "label", "to_name": "image", "type": "choices", "value": {"choices": ["truck"]}}]
SIZE_WH = (37, 23)


class Unshared(BaseHTTPRequestHandler):
    """Gives its picture to everybody but scripts of other sites' pages."""

    def do_GET(self) -> None:
        buffer = io.BytesIO()
        Image.effect_noise(SIZE_WH, 90).save(buffer, "PNG")  # less than 100 bytes are no picture to Label Studio
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(buffer.getvalue())))
        self.end_headers()
        self.wfile.write(buffer.getvalue())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def host() -> Iterator[str]:
    """A web server that other sites' scripts may not read from."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Unshared) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def source(label_studio: Any, host: str) -> Iterator[SimpleNamespace]:
    """A project of one labelled picture on that server."""
    client = label_studio.client
    project_id = client.post("api/projects/", {"title": "Far away", "label_config": CONFIG})["id"]
    task = {"data": {"image": f"http://{host}/a.png"}, "annotations": [{"result": GIVEN}]}
    client.post(f"api/projects/{project_id}/import", [task])
    yield SimpleNamespace(id=project_id, title="Far away")
    client.delete(f"api/projects/{project_id}/")


@pytest.fixture
def errata_url(label_studio: Any, host: str, tmp_path: Path) -> Iterator[str]:
    """Run `errata serve`; return its address."""
    log = tmp_path / "serve.log"
    variables = {
        "ERRATA_LABEL_STUDIO_URL": label_studio.url,
        "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
        "ERRATA_DATA_DIR": str(tmp_path / "errata"),
        "ERRATA_MEDIA_HOSTS": f'["{host}"]',
        "ERRATA_PORT": "0",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            [sys.executable, "-m", "errata", "serve"],
            env=kept | variables,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        deadline = time.monotonic() + 300
        while not (found := re.search(r"errata answers at (\S+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield found[1]
        process.terminate()


@pytest.fixture
def wiring(label_studio: Any, host: str, errata_url: str, tmp_path: Path) -> Iterator[Wiring]:
    """Open errata's use cases on the data folder of the one that runs."""
    made = Wiring(
        Settings(
            _env_file=None,
            label_studio_url=label_studio.url,
            label_studio_token=SecretStr(label_studio.token),
            data_dir=tmp_path / "errata",
            media_hosts=(host,),
            public_url=errata_url,
        )
    )
    yield made
    made.close()


@pytest.fixture
def reviewer(browser: Browser, label_studio: Any) -> Iterator[Page]:
    """Join Label Studio by an invitation, in a browser of one's own that reaches this machine alone."""
    context = browser.new_context(viewport={"width": 1366, "height": 800})
    context.set_default_timeout(180_000)
    context.route(lambda url: not url.startswith("http://127.0.0.1:"), lambda route: route.abort())
    page = context.new_page()
    invitation = label_studio.client.get("api/invite")["token"]
    page.goto(f"{label_studio.url}user/signup/?token={invitation}")
    page.fill("input[name=email]", f"{secrets.token_hex(6)}@example.com")
    page.fill("input[name=password]", secrets.token_hex(12))
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "signup" not in url)
    yield page
    context.close()


def test_errata_shows_a_reviewer_what_label_studio_cannot(
    label_studio: Any, source: SimpleNamespace, wiring: Wiring, snapshot: Any, entries: Any, reviewer: Page
) -> None:
    """The picture's own address does not load in Label Studio's page; after the trial, errata's signed one does."""
    of = snapshot(source)
    (review_task,) = wiring.review_project(of).insert(entries(of, [0.9]))
    review_id = wiring.review_project(of).find()
    address = f"{label_studio.url}projects/{review_id}/data?task={review_task}"
    try:
        reviewer.goto(address)
        expect(reviewer.get_by_text("issue loading URL")).to_be_visible()

        assert wiring.try_media(source.id).is_served_by_errata
        wiring.tend_review(source.id)
        served: list[Response] = []
        reviewer.on("response", lambda said: served.append(said) if "/media/" in said.url else None)
        reviewer.goto(address)
        reviewer.wait_for_function(
            "([width, height]) => [...document.querySelectorAll('img[alt=image]')].some("
            "each => each.naturalWidth === width && each.naturalHeight === height)",
            arg=list(SIZE_WH),
        )
        expect(reviewer.get_by_text("issue loading URL")).to_be_hidden()
        assert {(said.status, said.headers["content-type"]) for said in served} == {(200, "image/png")}
    finally:
        label_studio.client.delete(f"api/projects/{review_id}/")
