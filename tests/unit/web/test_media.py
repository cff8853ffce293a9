"""GET /media/...: pictures for reviewers' browsers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from errata.errors import ErrataError, LabelStudioGone, LabelStudioUnreachable, MediaError
from errata.labelstudio.media_links import LIFETIME_S, MediaLinks
from errata.web.media import AT_ONCE, MediaRoute
from errata.web.security import Credentials

PNG = b"\x89PNG\r\n\x1a\n and more"
PUBLIC = "http://errata.example.com/qa"


class Files:
    """Files in memory."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, str]] = []
        self.content = PNG
        self.problem: ErrataError | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.n_now = self.n_most = 0
        self._lock = threading.Lock()

    def read(self, project_id: int, task_id: int, data_key: str) -> bytes:
        with self._lock:
            self.asked.append((project_id, task_id, data_key))
            self.n_now += 1
            self.n_most = max(self.n_most, self.n_now)
        self.gate.wait(120)
        with self._lock:
            self.n_now -= 1
        if self.problem:
            raise self.problem
        return self.content


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def links() -> MediaLinks:
    return MediaLinks(PUBLIC, "secret")


@pytest.fixture
def client(world: Callable[..., Any], files: Files, links: MediaLinks) -> Any:
    """errata with a password, below a path."""
    return world(
        media=MediaRoute(links, files),
        root_path="/qa",
        credentials=Credentials("errata", "p", "s3cret"),
        is_audited=False,
    ).client


def path(address: str) -> str:
    split = urlsplit(address)
    return f"{split.path}?{split.query}"


# As a browser comes from Label Studio's page.
BROWSER = {
    "Host": "errata.example.com",
    "Origin": "https://labels.example.com",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
}


@pytest.mark.parametrize("prefix", ["/qa", ""])
def test_whoever_has_the_address_sees_the_picture(client: Any, files: Files, links: MediaLinks, prefix: str) -> None:
    """No password is asked for, other sites' pages may read it, and browsers take it for nothing but a picture."""
    said = client.get(prefix + path(links.make(3, 14, "a/ä b")).removeprefix("/qa"), headers=BROWSER)
    assert (said.status_code, said.content) == (200, PNG)
    assert files.asked == [(3, 14, "a/ä b")]
    wanted = {
        "content-type": "image/png",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "private, max-age=3600",
    }
    assert {name: said.headers[name] for name in wanted} == wanted


def test_head_says_the_same_without_the_picture(client: Any, links: MediaLinks) -> None:
    """HEAD is answered too."""
    said = client.call("HEAD", path(links.make(3, 14, "image")))
    assert (said.status_code, said.headers["content-length"]) == (200, str(len(PNG)))


@pytest.mark.parametrize("change", ["task", "signature", "no signature", "expired", "no number", "huge number"])
def test_every_other_address_is_refused(client: Any, files: Files, change: str) -> None:
    """403 says what to do, and nothing is read for it."""
    then = time.time() - LIFETIME_S - 1 if change == "expired" else time.time()
    address = path(MediaLinks(PUBLIC, "secret", lambda: then).make(3, 14, "image"))
    changed = {
        "task": address.replace("/14/", "/15/"),
        "signature": address[:-1] + ("0" if address[-1] != "0" else "1"),
        "no signature": address.partition("&")[0],
        "no number": address.replace("/14/", "/x/"),
        "huge number": address.replace("/14/", f"/{'9' * 5000}/"),
    }
    said = client.get(changed.get(change, address))
    assert said.status_code == 403
    assert "errata audit PROJECT" in said.json()["detail"]
    assert said.headers["cache-control"] == "no-store"
    assert files.asked == []


@pytest.mark.parametrize(
    ("problem", "status", "text"),
    [
        (MediaError("it is larger than 5 bytes"), 404, "larger than 5 bytes"),
        (LabelStudioGone("no such project"), 404, "no such project"),
        (LabelStudioUnreachable("at http://inside:8080/"), 502, "errata's log"),
    ],
)
def test_what_cannot_be_had_says_why(
    client: Any, files: Files, links: MediaLinks, problem: ErrataError, status: int, text: str
) -> None:
    """The file's own trouble is told; Label Studio's stands in the log."""
    files.problem = problem
    said = client.get(path(links.make(3, 14, "image")))
    assert said.status_code == status
    assert text in said.json()["detail"]
    assert "inside" not in said.text


@pytest.mark.parametrize("content", [b"<html><script>", b"<svg onload='x'/>", b""])
def test_only_pictures_are_served(client: Any, files: Files, links: MediaLinks, content: bytes) -> None:
    """A page that somebody put where a picture should be never runs below errata's address."""
    files.content = content
    said = client.get(path(links.make(3, 14, "image")))
    assert (said.status_code, said.headers["content-type"]) == (415, "application/json")


def test_few_files_are_read_at_once_and_nothing_else_waits(client: Any, files: Files, links: MediaLinks) -> None:
    """However many pictures are asked for and however slow they are, /health answers."""
    files.gate.clear()
    addresses = [path(links.make(3, task_id, "image")) for task_id in range(3 * AT_ONCE)]
    with ThreadPoolExecutor(len(addresses)) as pool:
        waiting = [pool.submit(client.get, address) for address in addresses]
        while len(files.asked) < AT_ONCE:
            time.sleep(0.01)
        assert client.get("/health", auth=("errata", "p")).status_code == 200
        files.gate.set()
        assert [each.result().status_code for each in waiting] == [200] * len(addresses)
    assert files.n_most == AT_ONCE


def test_other_methods_are_not_allowed(client: Any, links: MediaLinks) -> None:
    """There is nothing to write here."""
    assert client.post(path(links.make(3, 14, "image"))).status_code == 405
