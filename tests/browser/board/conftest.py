"""errata's own pages on a server of their own, and people who look at them."""

from __future__ import annotations

import io
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import axe_playwright_python
import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect
from pydantic import SecretStr

from errata.audit.progress import LineProgress
from errata.settings import Settings
from errata.wiring import BeliefOptions, Wiring

_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
_TIMEOUT_MS = 120_000
MARKUP = "<img src=x onerror=alert(1)>"
_COLOURS = {"car": (200, 60, 60), "truck": (60, 60, 200), MARKUP: (60, 170, 60)}
N_LABELS = 126
N_PLANTED = 15


@dataclass
class BoardServer:
    """errata's service as a process, on a project that was audited."""

    environment: dict[str, str]
    url: str  # of the pages
    project_id: int
    log: Path
    settings: Settings  # the same, for this process
    process: subprocess.Popen[bytes] | None = None

    def audit(self) -> None:
        """Connect the project, and audit it."""
        with closing(Wiring(self.settings)) as errata:
            errata.connect(self.project_id)
            errata.audit(self.project_id, BeliefOptions(), LineProgress(lambda _: None))

    def serve(self) -> None:
        """Start, and wait until it answers."""
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "errata", "serve"], env=self.environment, stdout=sink, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 300
        while not self._answers():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)

    def end(self) -> None:
        """Stop it as an operator would."""
        assert self.process
        self.process.terminate()
        self.process.wait(timeout=60)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}index.html", trust_env=False).is_success
        return False


@pytest.fixture(scope="session")
def make_server(
    label_studio: Any, free_port: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], BoardServer]:
    """Return a function that makes a service, with a data folder of its own, for a project."""

    def make(project_id: int) -> BoardServer:
        port, folder = free_port(), tmp_path_factory.mktemp("board")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")} | {
            "ERRATA_LABEL_STUDIO_URL": label_studio.url,
            "ERRATA_LABEL_STUDIO_TOKEN": label_studio.token,
            "ERRATA_DATA_DIR": str(folder / "data"),
            "ERRATA_ENCODER": "pixels",
            "ERRATA_PORT": str(port),
        }
        settings = Settings(
            label_studio_url=label_studio.url,
            label_studio_token=SecretStr(label_studio.token),
            data_dir=folder / "data",
            encoder="pixels",
            port=port,
        )
        return BoardServer(environment, f"http://127.0.0.1:{port}/board/", project_id, folder / "serve.log", settings)

    return make


@pytest.fixture(scope="module")
def board(label_studio: Any, lasting_project: Any, make_server: Any) -> Iterator[BoardServer]:
    """Serve the pages of a project of coloured pictures, one label of which is markup; some labels are wrong."""
    names = list(_COLOURS)
    true = [names[n % len(names)] for n in range(N_LABELS)]
    given = [names[(n + 1) % len(names)] if n < N_PLANTED else label for n, label in enumerate(true)]
    choices = "".join(f"<Choice value={quoteattr(name)}/>" for name in names)
    source = lasting_project(
        given,
        classes=names,
        images=[_picture(n, _COLOURS[label]) for n, label in enumerate(true)],
        title="Vehicles on the board",
        label_config='<View><Image name="image" value="$image"/>'
        f'<Choices name="label" toName="image" choice="single">{choices}</Choices></View>',
    )
    instructions = {"expert_instruction": "<p>A car has <b>four</b> seats.</p>"}
    label_studio.client.patch(f"api/projects/{source.id}/", instructions)
    server = make_server(source.id)
    server.audit()
    server.serve()
    yield server
    server.end()


def _picture(seed: int, colour: tuple[int, int, int], size_px: int = 48) -> bytes:
    noise = np.random.default_rng(seed).integers(-40, 40, (size_px, size_px, 3))
    buffer = io.BytesIO()
    Image.fromarray((noise + np.array(colour)).clip(0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass(frozen=True)
class Reviewer:
    """Somebody who has an account in Label Studio."""

    id: int
    email: str
    token: str  # a legacy one
    pat: str


@pytest.fixture(scope="module")
def make_reviewer(label_studio: Any) -> Iterator[Callable[[str], Reviewer]]:
    """Let people sign up in Label Studio by its invitation; their accounts are deleted in the end."""
    made: list[int] = []

    def make(name: str) -> Reviewer:
        with httpx.Client(base_url=label_studio.url, follow_redirects=True, trust_env=False, timeout=120) as http:
            form = http.get(label_studio.client.get("api/invite")["invite_url"])
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
            assert found
            email = f"{name}-{secrets.token_hex(4)}@example.com"
            answers = {"csrfmiddlewaretoken": found[1], "email": email, "password": "a-long-password"}
            http.post(str(form.url), data=answers, headers={"referer": str(form.url)}).raise_for_status()
            id_ = http.get("api/current-user/whoami").json()["id"]
            made.append(id_)
            token = http.get("api/current-user/token").json()["token"]
            headers = {"X-CSRFToken": http.cookies["csrftoken"], "referer": label_studio.url}
            return Reviewer(id_, email, token, http.post("api/token/", json={}, headers=headers).json()["token"])

    yield make
    for id_ in made:
        label_studio.client.delete(f"api/users/{id_}/")


@dataclass
class Visit:
    """A browser of its own on errata's pages. Whatever it asks for and whatever breaks in its pages is kept."""

    context: BrowserContext
    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def sign_in(self, token: str, address: str = "") -> Page:
        """Open a page, and sign in on the way to it."""
        self.page.goto(self.url + address)
        self.page.get_by_label("Label Studio token").fill(token)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()
        return self.page

    def assert_sound(self) -> None:
        """Check that no other origin was asked for anything, and that nothing broke; forget all that."""
        asked, broken = self.asked.copy(), self.broken.copy()
        self.asked.clear()
        self.broken.clear()
        assert asked
        assert [url for url in asked if not url.startswith((self.url, "data:"))] == []
        assert broken == []


def _visit(browser: Browser, url: str, **options: Any) -> Visit:
    context = browser.new_context(viewport={"width": 1366, "height": 800}, **options)
    context.set_default_timeout(_TIMEOUT_MS)
    made = Visit(context, context.new_page(), url)
    context.on("request", lambda request: made.asked.append(request.url))
    context.on("weberror", lambda error: made.broken.append(str(error.error)))

    def on_dialog(dialog: Dialog) -> None:
        made.broken.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    context.on("dialog", on_dialog)
    return made


@pytest.fixture
def visit(browser: Browser, board: BoardServer, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Open browsers on errata's pages. None of them may ask another origin for anything, or have an error."""
    visits: list[Visit] = []

    def open_(**options: Any) -> Visit:
        visits.append(_visit(browser, board.url, **options))
        return visits[-1]

    yield open_
    for n, each in enumerate(visits):
        each.context.pages[-1].screenshot(path=tmp_path / f"last-{n}.png")
        each.context.close()
    for each in visits:
        each.assert_sound()


@pytest.fixture(scope="module")
def regular(browser: Browser, board: BoardServer, make_reviewer: Callable[[str], Reviewer]) -> Iterator[Visit]:
    """Sign somebody in; their browser stays open over the tests of a module."""
    made = _visit(browser, board.url)
    made.sign_in(make_reviewer("regular").token)
    yield made
    made.context.close()


@pytest.fixture
def revisit(regular: Visit, tmp_path: Path) -> Iterator[Callable[[str], Page]]:
    """Open errata's pages as somebody who is signed in already and who left no decision; held to what `visit` is."""

    def open_(address: str) -> Page:
        page = regular.context.new_page()
        page.goto(regular.url + address)
        return page

    yield open_
    for page in regular.context.pages[1:]:
        page.screenshot(path=tmp_path / "last.png")
        page.close()
    regular.context.set_offline(False)
    regular.assert_sound()


@pytest.fixture
def faults() -> Callable[[Page], list[str]]:
    """Return what axe-core finds in a page that is serious or worse; run past the page's policy, as browsers' tools.

    In light and in dark.
    """

    def look(page: Page) -> list[str]:
        page.context.new_cdp_session(page).send("Runtime.evaluate", {"expression": f"{_AXE};0"})
        found = []
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            answer = page.evaluate("axe.run(document)")
            assert len(answer["passes"]) > 10
            found += [
                f"{scheme}: {rule['id']}: {node['html']}"
                for rule in answer["violations"]
                if rule["impact"] in ("serious", "critical")
                for node in rule["nodes"]
            ]
        return found

    return look
