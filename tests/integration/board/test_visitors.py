"""The pages as people reach them: errata as a process, a reverse proxy before it, a real Label Studio behind it."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from errata.boards.table import NONE, BoardTable, RowDetail
from errata.labelstudio.client import LabelStudio
from errata.store.boards import BoardFolder
from errata_model.records import Control, Finding, GivenLabel
from errata_model.regions.shapes import Box

CONTROL = Control("label", "choices", "image", "image", "image", ("car", "truck"))
LINKED = re.compile(r"""(?:src|href|from|import\()\s*=?\s*["']([^"'#?$]+\.(?:html|js|css|svg))""")
Serve = Callable[..., Any]
Browse = Callable[[str], Any]


@pytest.fixture
def serve(service_on: Serve, tmp_path: Path) -> Serve:
    """Return what makes a service with its data folder; it is not started."""
    return lambda **more: service_on(tmp_path / "data", **more)


class Browser:
    """Follows addresses from page to page, keeps cookies by their paths, and says whose script asks."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.http = httpx.Client(timeout=300, trust_env=False)

    def ask(self, method: str, address: str, **options: Any) -> httpx.Response:
        origin = re.match(r"https?://[^/]+", self.root)
        assert origin
        headers = {"X-Errata": "board", "Origin": origin[0], **options.pop("headers", {})}
        return self.http.request(method, f"{self.root}/board/api/{address}", headers=headers, **options)

    def sign_in(self, token: str) -> httpx.Response:
        return self.ask("POST", "session", json={"token": token})


@pytest.fixture
def browse() -> Iterator[Callable[[str], Browser]]:
    """Return what opens a browser of its own on an errata."""
    opened: list[Browser] = []

    def browse(root: str) -> Browser:
        opened.append(Browser(root))
        return opened[-1]

    yield browse
    for browser in opened:
        browser.http.close()


def keep_table(data_dir: Path, project: Any, url: str) -> None:
    """Keep a table of a project's labels: of each whole task, and of a region in its upper left quarter."""
    shown = [task["data"]["image"] for task in project.tasks for _ in range(2)]
    n = len(shown)
    details = []
    for row in range(n):
        label = GivenLabel(project.task_ids[row // 2], 1, "ann", "label", None, "choices", "car", "h")
        said = Finding(f"{row:020x}", label, {}, 0.5, None, "why", None, "suspect", "m1")
        details.append(RowDetail(said, shown[row], 0, {}, Box(0, 0, 0.5, 0.5) if row % 2 else None))
    table = BoardTable(
        version="v1", model_version="m1", project_id=project.id, title="Cars", url=url, controls=(CONTROL,),
        labels=CONTROL.labels, annotators=("ann",), detectors=(),
        keys=np.array([each.finding.key for each in details], "S20"),
        tasks=np.repeat(project.task_ids, 2), annotations=np.ones(n, np.int64), control=np.zeros(n, np.int16),
        given=np.zeros(n, np.int32), predicted=np.ones(n, np.int32), disagreement=np.full(n, 0.5, np.float32),
        queue=np.arange(n, dtype=np.int32), fired=np.zeros(n, np.uint64), annotator=np.zeros(n, np.int32),
        place=np.full((n, 4), np.nan, np.float32), leaf=np.arange(n, dtype=np.int32),
        xy=np.full((n, 2), 0.5, np.float32), apart=np.zeros(n, bool), vectors=np.ones((n, 1), np.float16),
        fields=(), trustworthiness={},
    )  # fmt: skip
    assert NONE not in table.queue
    BoardFolder(data_dir).save(table, details)


@pytest.fixture
def person(label_studio: Any) -> Iterator[Any]:
    """Somebody who joined Label Studio by its invitation, as a browser with their session there."""
    with httpx.Client(base_url=label_studio.url, follow_redirects=True, trust_env=False, timeout=300) as http:
        form = http.get(label_studio.client.get("api/invite")["invite_url"])
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        assert found
        email = f"{secrets.token_hex(6)}@example.com"
        answers = {"csrfmiddlewaretoken": found[1], "email": email, "password": secrets.token_hex(12)}
        http.post(str(form.url), data=answers, headers={"Referer": str(form.url)}).raise_for_status()
        http.headers.update({"X-CSRFToken": http.cookies["csrftoken"], "Referer": label_studio.url})
        yield http
        me = http.get("api/current-user/whoami").json()
    label_studio.client.delete(f"api/users/{me['id']}/")


def test_people_sign_in_with_both_kinds_of_token(
    label_studio: Any, project: Callable[..., Any], serve: Serve, browse: Browse, person: httpx.Client
) -> None:
    """Each is who Label Studio says they are, also after errata was killed; a token that was taken back ends it.

    A project that Label Studio does not show them is not there, and no token is in any answer, log or file.
    """
    source = tasks_of(label_studio, project(["car", "truck"]))
    service = serve()
    keep_table(service.data_dir, source, label_studio.url)
    url = service.start()
    legacy = person.get("api/current-user/token").json()["token"]
    personal = person.post("api/token/", json={}).json()["token"]
    me = person.get("api/current-user/whoami").json()
    answers, browsers = [], []
    for token, id_ in ((legacy, me["id"]), (personal, me["id"]), (label_studio.pat, 1), (label_studio.token, 1)):
        browsers.append(browse(url))
        answers.append(browsers[-1].sign_in(token))
        assert answers[-1].status_code == 200, answers[-1].text
        assert answers[-1].json()["user"]["id"] == id_
        answers += [browsers[-1].ask("GET", "session"), browsers[-1].ask("GET", f"projects/{source.id}")]
    assert {answer.status_code for answer in answers} == {200}
    assert browsers[0].ask("GET", "projects/987654").status_code == 404
    assert browse(url).sign_in(secrets.token_hex(20)).status_code == 401
    assert browse(url).sign_in(personal[:-3] + "abc").status_code == 401
    assert browse(url).sign_in("not a token").status_code == 400

    service.kill()
    person.post("api/current-user/reset-token/").raise_for_status()  # the legacy one
    url = service.start()
    for browser in browsers:
        browser.http.cookies = dict(browser.http.cookies.items())  # type: ignore[assignment]
        browser.root = url
    ended = browsers[0].ask("GET", f"projects/{source.id}")
    assert (ended.status_code, "does not take your token any more" in ended.text) == (401, True)
    assert browsers[0].ask("GET", "session").json()["detail"].startswith("Sign in")
    assert [browser.ask("GET", f"projects/{source.id}").status_code for browser in browsers[1:]] == [200, 200, 200]
    left = browsers[1].ask("DELETE", "session")
    assert (left.status_code, browsers[1].ask("GET", "session").status_code) == (204, 401)

    kept = b"".join(path.read_bytes() for path in service.data_dir.rglob("*") if path.is_file())
    said = service.said() + "".join(answer.text + str(answer.headers) for answer in answers)
    for token in (legacy, personal, label_studio.pat, label_studio.token):
        assert token not in said
        assert token.encode() not in kept


@pytest.mark.parametrize(
    ("prefix", "strips", "passes_host", "public_path"),
    [
        ("/user/ann/proxy/9090", True, True, None),  # as jupyter-server-proxy does: errata knows nothing of it
        ("/errata", True, False, "/errata"),  # as nginx does by default
        ("/errata", False, True, "/errata"),
    ],
)
def test_everything_works_behind_a_path(
    label_studio: Any,
    project: Callable[..., Any],
    serve: Serve,
    browse: Browse,
    gateway_before: Callable[..., Any],
    prefix: str,
    strips: bool,
    passes_host: bool,
    public_path: str | None,
) -> None:
    """From the folder's address over the pages and what they load to the JSON and its pictures, all relative."""
    source = tasks_of(label_studio, project(["car", "truck"]))
    service = serve(**{"ERRATA_PUBLIC_URL": f"http://127.0.0.1:1{public_path}"} if public_path else {})
    keep_table(service.data_dir, source, label_studio.url)
    with gateway_before(service.start(), prefix, strips=strips, passes_host=passes_host) as gateway:
        root = gateway.base.rstrip("/")
        browser = browse(root)
        first = browser.http.get(f"{root}/board", follow_redirects=True)
        assert str(first.url) == f"{root}/board/"
        loaded = {first.url}
        waiting = [first]
        while waiting:
            page = waiting.pop()
            assert page.status_code == 200, page.url
            for address in LINKED.findall(page.text):
                assert not address.startswith(("/", "http")), (page.url, address)
                target = page.url.join(address)
                if target not in loaded:
                    loaded.add(target)
                    waiting.append(browser.http.get(target))
        assert any(url.path.endswith(".js") for url in loaded)
        assert all(str(url).startswith(f"{root}/board/") for url in loaded)

        assert browser.sign_in(label_studio.pat).status_code == 200
        (cookie,) = browser.http.cookies.jar
        assert cookie.path.rstrip("/") == f"{prefix}/board/api"
        tiles = browser.ask("GET", f"projects/{source.id}/tiles", params={"show": "all"}).json()["tiles"]
        by_row = {tile["row"]: tile["content"]["src"] for tile in tiles}
        for row, side in ((0, 24), (1, 12)):
            answer = browser.ask("GET", f"projects/{source.id}/{by_row[row]}?context=0&size=160&outline=0")
            picture = Image.open(io.BytesIO(answer.content))
            assert picture.size == (side, side)
            original = Image.open(io.BytesIO(source.files[0])).convert("RGB").crop((0, 0, side, side))
            difference = np.asarray(picture).astype(int) - np.asarray(original)
            assert abs(difference.mean()) < 3
        foreign = browser.ask("GET", "session", headers={"Origin": "http://evil.example.com"})
        assert foreign.status_code == 403


class Tasks:
    """A project with its tasks and their files."""

    def __init__(self, client: LabelStudio, source: Any) -> None:
        self.id, self.task_ids = source.id, source.task_ids
        listed = client.paged("api/tasks/", {"project": source.id, "fields": "task_only"})
        by_id = {task["id"]: task for task in listed}
        self.tasks = [by_id[id_] for id_ in source.task_ids]
        self.files = [client.fetch(task["data"]["image"], 10**6, 60) for task in self.tasks]


def tasks_of(label_studio: Any, source: Any) -> Any:
    return Tasks(label_studio.client, source)
