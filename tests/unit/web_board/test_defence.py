from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from errata.errors import LabelStudioGone, LabelStudioRefused, MediaError, UsageError
from errata.web.board.page_files import PageFiles
from errata.web.board.visitors import ApiRoute, Visitor

Pages = Any
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def files(tmp_path: Path) -> PageFiles:
    """A folder of pages, beside a file that is none."""
    folder = tmp_path / "pages"
    (folder / "static").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>here</title>")
    (folder / "static" / "a.js").write_text("export const a = 1;")
    (folder / "static" / ".hidden.js").write_text("no")
    (folder / "notes.py").write_text("no")
    (tmp_path / "errata.js").write_text("no")
    return PageFiles(folder)


def answers_with(error: Exception) -> ApiRoute:
    async def endpoint(request: Request, visitor: Visitor) -> Response:
        raise error

    return ApiRoute(f"fails/{type(error).__name__}", "GET", endpoint)


ROOMS = [answers_with(each) for each in (UsageError("a"), MediaError("b"), LabelStudioGone("c"), KeyError("token"))]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:9090"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://hub.example.com"}, 200),  # a proxy's name: browsers know
        ({"Origin": "http://localhost:9090"}, 200),
        ({"Origin": "http://LOCALHOST:9090"}, 200),
        ({"Origin": "https://hub.example.com", "X-Forwarded-Host": "a, hub.example.com"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:8080"}, 403),
        ({"Origin": "http://localhost:8080"}, 403),
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Origin": "http://evil.example.com:x"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-Errata": ""}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 403),
    ],
)
def test_only_errata_s_own_pages_change_something(pages: Pages, headers: dict[str, str], status: int) -> None:
    """Another site's page is refused whether the browser says whose it is or not; nothing of it is looked at."""
    browser = pages.browser()
    browser.sign_in()
    answer = browser.call("POST", "/board/api/projects/7/who", content="{}", headers={**JSON, **headers})
    assert answer.status_code == status, answer.text
    assert "detail" in answer.json() or status == 200
    assert pages.browser().sign_in(headers=headers).status_code == status


def test_other_sites_read_nothing_either(pages: Pages) -> None:
    """A GET of another site's page is refused; following a link to a page is not."""
    browser = pages.browser()
    browser.sign_in()
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert browser.get("/board/api/who", headers=foreign).status_code == 403
    assert browser.get("/board/api.js", headers=foreign).status_code == 200


def test_without_a_password_strange_hosts_are_refused(open_pages: Callable[..., Pages]) -> None:
    """A page whose name was made to point here (DNS rebinding) gets nothing; the public URL's host does."""
    pages = open_pages(public_host="errata.example.com")
    for host, status in (("evil.example.com", 403), ("errata.example.com", 200), ("127.0.0.1", 200), ("[::1]", 200)):
        browser = pages.browser(f"http://{host}:9090")
        assert browser.get("/board/api.js").status_code == status
        assert browser.sign_in().status_code == status
    by_password = open_pages(password="p")
    assert by_password.browser("http://any.example.com").sign_in().status_code == 200


def test_every_answer_has_the_strict_headers(open_pages: Callable[..., Pages]) -> None:
    """Pages, JSON, errors, redirects and what is not there: no inline script runs, and no other site frames them."""
    browser = open_pages(ROOMS).browser()
    paths = ["/board", "/board/", "/board/nothing", "/board/api.js", "/board/api/session", "/board/api/nothing"]
    answers = [browser.get(path) for path in paths]
    answers += [browser.call("POST", path, json={}) for path in paths] + [browser.sign_in("wrong"), browser.sign_in()]
    answers += [browser.get(f"/board/api/{room.path}") for room in ROOMS[:3]]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; "), answer.url
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'self'; base-uri 'none'; form-action 'self'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert not any(name.startswith("access-control") for name in answer.headers)
    assert {answer.headers["cache-control"] for answer in answers if "/api/" in str(answer.url)} == {"no-store"}


def test_frames_of_named_origins_are_a_setting(open_pages: Callable[..., Pages]) -> None:
    """A notebook on another port may show the pages where it is named."""
    browser = open_pages(framed_by=["http://localhost:8888"]).browser()
    policy = browser.get("/board/api.js").headers["content-security-policy"]
    assert "frame-ancestors 'self' http://localhost:8888;" in policy


def test_what_goes_wrong_is_said_in_words(open_pages: Callable[..., Pages]) -> None:
    """errata's errors have their statuses; what nobody foresaw is 500 without its text."""
    browser = open_pages([*ROOMS, answers_with(LabelStudioRefused("You may not."))]).browser()
    browser.sign_in()
    said = {room.path.partition("/")[2]: browser.get(f"/board/api/{room.path}") for room in ROOMS}
    assert {name: answer.status_code for name, answer in said.items()} == {
        "UsageError": 400,
        "MediaError": 404,
        "LabelStudioGone": 404,
        "KeyError": 500,
    }
    assert said["UsageError"].json() == {"detail": "a"}
    assert "token" not in said["KeyError"].text
    refused = browser.get("/board/api/fails/LabelStudioRefused")
    assert (refused.status_code, refused.json()) == (403, {"detail": "You may not."})  # the token itself still counts
    assert browser.get("/board/api/who").status_code == 200


def test_without_a_cookie_nothing_is_answered(pages: Pages) -> None:
    """Every address of every room asks to sign in; a project's number is not even looked up."""
    browser = pages.browser()
    assert browser.get("/board/api/who").status_code == 401
    assert browser.call("POST", "/board/api/projects/7/who", json={}).status_code == 401
    assert pages.label_studio.asked == []


def test_the_pages_are_served_as_they_lie(open_pages: Callable[..., Pages], files: PageFiles) -> None:
    """Browsers ask each time, and are told where nothing has changed; an edit is seen at once."""
    pages = open_pages(files=files)
    browser = pages.browser()
    page = browser.get("/board/")
    assert (page.headers["content-type"], page.headers["cache-control"]) == ("text/html; charset=utf-8", "no-cache")
    assert page.content == browser.get("/board/index.html").content
    script = browser.get("/board/static/a.js")
    assert script.headers["content-type"].startswith("text/javascript")
    tag = {"If-None-Match": f'"other", W/{script.headers["etag"]}'}
    unchanged = browser.get("/board/static/a.js", headers=tag)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    (pages.data_dir / "pages" / "static" / "a.js").write_text("export const a = 2;")
    assert browser.get("/board/static/a.js", headers=tag).status_code == 200
    leads = browser.get("/board")
    assert (leads.status_code, leads.headers["location"]) == (307, "board/")
    assert browser.call("HEAD", "/board/static/a.js").content == b""


def test_browsers_are_told_at_once_of_all_scripts_of_a_page(open_pages: Callable[..., Pages], tmp_path: Path) -> None:
    """Those that scripts import too, each once, by addresses that hold behind any prefix; an edit is seen. Of a
    project's page they are told what it asks first, too."""
    pages = {
        "zoo.html": '<script type="module" src="zoo.js"></script>',
        "zoo.js": 'import { cat } from "./cat.js";\nimport { dog } from "./dog.js";\n/** {import("./types.js").Cat} */',
        "cat.js": 'import { dog } from "./dog.js";\nexport { cat } from "./gone.js";',
        "dog.js": 'import { cat } from "./cat.js";',
        "bare.html": "<p>no scripts</p>",
    }
    for name, text in pages.items():
        (tmp_path / name).write_text(text)
    browser = open_pages(files=PageFiles(tmp_path)).browser()
    told = browser.get("/board/zoo.html").headers["link"]
    assert told.split(", ") == [f'<{name}.js>; rel="modulepreload"' for name in ("zoo", "cat", "dog")]
    assert "link" not in browser.get("/board/bare.html").headers
    first = [f'<api/{asked}>; rel="preload"; as="fetch"; crossorigin' for asked in ("session", "projects/12")]
    assert browser.get("/board/zoo.html?project=12").headers["link"] == ", ".join([*first, told])
    assert browser.get("/board/zoo.html?project=12>").headers["link"] == told
    (tmp_path / "dog.js").write_text("export const dog = 1;")
    (tmp_path / "zoo.js").write_text('import { dog } from "./dog.js";')
    assert "cat.js" not in browser.get("/board/zoo.html").headers["link"]


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/errata.js",
        "..%2ferrata.js",
        "static/..%2f..%2ferrata.js",
        "static/%2e%2e/%2e%2e/errata.js",
        "..%5cerrata.js",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "static/.hidden.js",
        "notes.py",
        "static",
        "static/",
        "index.html%00.js",
        "index.html/",
    ],
)
def test_nothing_but_the_pages_is_served(open_pages: Callable[..., Pages], files: PageFiles, path: str) -> None:
    """A path leads out of the folder in none of its disguises, and to no file of another sort."""
    answer = open_pages(files=files).browser().get(f"/board/{path}")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is no such page."})
