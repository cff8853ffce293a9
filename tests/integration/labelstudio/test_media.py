"""Media through Label Studio and from other hosts, over real connections."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from errata.errors import LabelStudioRefused, LabelStudioUnreachable, MediaError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import FolderMedia, ProjectMedia

SECRET = "0123456789abcdef"


@pytest.fixture
def media(server: Any) -> Iterator[Callable[..., ProjectMedia]]:
    made: list[Any] = []

    def connect(path: str = "", hosts: tuple[str, ...] = (), **options: Any) -> ProjectMedia:
        client = LabelStudio(server.url + path, SECRET, timeout_s=30, deadline_s=5)
        media = ProjectMedia(client, hosts, **{"timeout_s": 30, **options})
        made.extend((client, media))
        return media

    yield connect
    for each in made:
        each.close()


def named(server: Any) -> tuple[str, ...]:
    return (f"127.0.0.1:{server.port}",)


@pytest.mark.parametrize(
    ("uri", "asked"),
    [
        ("/data/upload/1/a.png", "/ls/data/upload/1/a.png"),
        ("/ls/data/upload/1/a.png", "/ls/data/upload/1/a.png"),
        ("/data/upload/1/a%20b.png", "/ls/data/upload/1/a%20b.png"),
        ("/data/local-files/?d=a/b.png", "/ls/data/local-files/?d=a/b.png"),
        ("{url}ls/data/upload/1/a.png", "/ls/data/upload/1/a.png"),
        ("s3://bucket/ä.png", "/ls/tasks/7/resolve/?fileuri=" + base64.urlsafe_b64encode("s3://bucket/ä.png".encode()).decode()),
        ("gs://bucket/a", "/ls/tasks/7/resolve/?fileuri=" + base64.urlsafe_b64encode(b"gs://bucket/a").decode()),
        ("azure-blob://b/a", "/ls/tasks/7/resolve/?fileuri=" + base64.urlsafe_b64encode(b"azure-blob://b/a").decode()),
    ],
)  # fmt: skip
def test_label_studios_own_addresses_are_asked_for_with_the_token(
    server: Any, reply: Any, media: Any, uri: str, asked: str
) -> None:
    server.says(reply(200, b"image"))
    assert media("ls").read(uri.replace("{url}", server.url), 7) == b"image"
    (seen,) = server.seen
    assert seen.path.replace("%3D", "=") == asked
    assert seen.headers["Authorization"] == f"Token {SECRET}"


@pytest.mark.parametrize(
    "uri",
    [
        "/api/users/",
        "/ls/api/users/",
        "{url}ls/api/current-user/token",
        "/data/../api/users/",
        "/data/%2e%2e/api/users/",
        "/tasks/1/",
        "/",
        "{url}ls/",
    ],
)
def test_the_token_opens_nothing_but_media(server: Any, reply: Any, media: Any, uri: str) -> None:
    """Task data come from whoever imports tasks: no address in them makes errata read the API with its own token."""
    server.says(reply(200, b"image"))
    with pytest.raises(MediaError):
        media("ls").read(uri.replace("{url}", server.url), 7)
    assert server.seen == []
    server.says(reply(302, b"", {"Location": "/ls/api/users/"}))
    with pytest.raises(MediaError, match="where Label Studio keeps media"):
        media("ls").read("/data/upload/1/a.png", 7)
    assert len(server.seen) == 1


def test_a_file_beside_label_studio_is_read_without_the_token(server: Any, reply: Any, media: Any) -> None:
    """What a proxy serves under the same host is as foreign as any other host, and has to be named."""
    server.says(reply(200, b"image"))
    assert media("", named(server)).read(server.url + "images/a.png", 7) == b"image"
    (seen,) = server.seen
    assert "Authorization" not in seen.headers


def test_a_presigned_address_is_followed_without_the_token(
    server: Any, other_server: Any, reply: Any, media: Any
) -> None:
    server.says(reply(303, b"", {"Location": f"{other_server.url}a.png?X-Amz-Signature=s"}))
    other_server.says(reply(200, b"image"))
    assert media(hosts=named(other_server)).read("s3://bucket/a.png", 1) == b"image"
    (seen,) = other_server.seen
    assert seen.path == "/a.png?X-Amz-Signature=s"
    assert "Authorization" not in seen.headers
    assert seen.headers["Host"] == f"127.0.0.1:{other_server.port}"


def test_a_presigned_address_of_a_private_storage_has_to_be_named(
    server: Any, other_server: Any, reply: Any, media: Any
) -> None:
    server.says(reply(303, b"", {"Location": f"{other_server.url}a.png?sig=hidden"}))
    with pytest.raises(MediaError, match=r"private address.*ERRATA_MEDIA_HOSTS") as raised:
        media().read("s3://bucket/a.png", 1)
    assert "hidden" not in str(raised.value)
    assert other_server.seen == []


def test_redirects_inside_label_studio_are_followed_with_the_token(server: Any, reply: Any, media: Any) -> None:
    server.says(reply(302, b"", {"Location": "/storage-data/a.png"}), reply(200, b"image"))
    assert media().read("/data/upload/1/a.png", 1) == b"image"
    assert all("Authorization" in each.headers for each in server.seen)


def test_redirects_end(server: Any, other_server: Any, reply: Any, media: Any) -> None:
    server.says(reply(302, b"", {"Location": "/data/again"}))
    other_server.says(reply(302, b"", {"Location": "/again"}))
    for uri in ("/data/upload/1/a.png", other_server.url):
        with pytest.raises(MediaError, match="redirects"):
            media(hosts=named(other_server)).read(uri, 1)


def test_only_named_hosts_are_asked(server: Any, other_server: Any, reply: Any, media: Any) -> None:
    other_server.says(reply(200, b"image"))
    uri = f"{other_server.url}a.png"
    with pytest.raises(MediaError, match="ERRATA_MEDIA_HOSTS"):
        media().read(uri, 1)
    assert other_server.seen == []
    assert media(hosts=named(other_server)).read(uri, 1) == b"image"
    assert media(hosts=("127.0.0.1",)).read(uri, 1) == b"image"


def test_a_named_host_cannot_lead_elsewhere_nor_back_to_label_studio(
    server: Any, other_server: Any, reply: Any, media: Any
) -> None:
    for location in (
        f"{server.url}api/projects/",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "//evil.example/",
    ):
        other_server.says(reply(302, b"", {"Location": location}))
        with pytest.raises(MediaError):
            media(hosts=named(other_server)).read(other_server.url, 1)
    assert server.seen == []


@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd", "ftp://x/a", "javascript:1", "//evil.example/a.png", "a.png", "", "http://u:p@x/a"]
)  # fmt: skip
def test_other_addresses_are_refused(server: Any, media: Any, uri: str) -> None:
    with pytest.raises(MediaError) as raised:
        media(hosts=("x",)).read(uri, 1)
    assert len(str(raised.value)) < 120
    assert server.seen == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://[::1",
        "http://[bad]/a",
        "http://x:99999/a",
        "http://x\x00/a",
        "/data/\x00.png",
        "/data/\ud800.png",
        "s3://\ud800",
        "/" + "x" * 70_000,
        "http://" + "a" * 300 + "/",
        "http://xn--a/",
    ],
)
def test_broken_addresses_cost_their_task_only(server: Any, reply: Any, media: Any, uri: str) -> None:
    server.says(reply(404, b""))
    with pytest.raises(MediaError) as raised:
        media(hosts=("x",)).read(uri, 1)
    assert len(str(raised.value)) < 500


def test_redirects_to_broken_addresses_cost_their_task_only(
    server: Any, other_server: Any, reply: Any, media: Any
) -> None:
    for location in ("http://[::1", "http://x:99999/", ""):
        server.says(reply(303, b"", {"Location": location}))
        other_server.says(reply(303, b"", {"Location": location}))
        for uri in ("s3://bucket/a.png", other_server.url):
            with pytest.raises(MediaError):
                media(hosts=named(other_server)).read(uri, 1)


def test_names_are_resolved_before_they_are_judged(server: Any, reply: Any, media: Any) -> None:
    """A storage address whose name leads to this machine is refused as its number is."""
    for host in ("localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"):
        server.says(reply(303, b"", {"Location": f"http://{host}:{server.port}/secret"}))
        with pytest.raises(MediaError):
            media("ls").read("s3://bucket/a.png", 1)
    assert all(each.path.startswith("/ls/tasks/1/resolve/") for each in server.seen)


def test_files_are_bounded_in_bytes(server: Any, other_server: Any, reply: Any, media: Any) -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"
    for where in (server, other_server):
        where.says(where.drip(endless, b"x" * 65536))
        with pytest.raises(MediaError, match="larger than 100,000 bytes"):
            media(hosts=named(other_server), max_bytes=100_000).read(where.url + "data/a.png", 1)


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b""]
)
def test_files_that_drip_are_bounded_in_time(other_server: Any, media: Any, head: bytes) -> None:
    other_server.says(other_server.drip(head))
    started = time.monotonic()
    with pytest.raises(MediaError, match="longer than 1 s"):
        media(hosts=named(other_server), timeout_s=1).read(other_server.url, 1)
    assert time.monotonic() - started < 60  # it never ends


def test_a_slow_file_is_one_files_problem_and_a_silent_label_studio_is_everybodys(server: Any, media: Any) -> None:
    server.says(server.silence())
    slow = media(timeout_s=0.15)
    for _ in range(15):
        with pytest.raises(MediaError, match="longer than"):
            slow.read("/data/upload/1/a.png", 1)
    with pytest.raises(LabelStudioUnreachable):
        slow.read("/data/upload/1/a.png", 1)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 500])
def test_a_file_that_label_studio_does_not_give_is_one_files_problem(
    server: Any, reply: Any, media: Any, status: int
) -> None:
    server.says(reply(status, b"<html>"))
    with pytest.raises(MediaError, match=str(status)):
        media().read("/data/upload/1/a.png", 1)


def test_a_file_that_is_broken_off_is_one_files_problem(server: Any, reply: Any, media: Any) -> None:
    server.says(reply(200, b"half", {"Content-Length": "8", "Connection": "close"}))
    with pytest.raises(MediaError, match="broke"):
        media().read("/data/upload/1/a.png", 1)


def test_a_refused_token_ends_the_audit(server: Any, reply: Any, media: Any) -> None:
    server.says(reply(401, {"detail": "Invalid token."}))
    with pytest.raises(LabelStudioRefused):
        media().read("/data/upload/1/a.png", 1)


def test_a_missing_file_of_another_host_says_so(other_server: Any, reply: Any, media: Any) -> None:
    other_server.says(reply(404, b""))
    with pytest.raises(MediaError, match=r"127\.0\.0\.1 answered 404"):
        media(hosts=named(other_server)).read(other_server.url + "a.png?key=hidden", 1)


def test_exports_read_from_named_hosts_too(other_server: Any, reply: Any) -> None:
    other_server.says(reply(200, b"image"))
    media = FolderMedia(None, named(other_server))
    assert media.read(other_server.url + "a.png", 1) == b"image"
    media.close()


@pytest.mark.parametrize("there", ["http://labels.example.com/", "https://labels.example.com:8443/sub/path/"])
def test_local_files_are_read_where_errata_knows_label_studio(server: Any, reply: Any, media: Any, there: str) -> None:
    """Label Studio writes its own name for itself into such tasks; the token goes to the known address alone."""
    server.says(reply(200, b"image"))
    assert media("ls").read(f"{there}data/local-files/?d=a%20b/c.png", 7) == b"image"
    (seen,) = server.seen
    assert seen.path == "/ls/data/local-files/?d=a%20b/c.png"
    assert "Authorization" in seen.headers


def test_local_files_of_a_named_host_are_read_there(server: Any, other_server: Any, reply: Any, media: Any) -> None:
    """Whoever names a host means that one: it is asked itself, without the token."""
    other_server.says(reply(200, b"image"))
    uri = f"{other_server.url}data/local-files/?d=a.png"
    assert media(hosts=named(other_server)).read(uri, 7) == b"image"
    assert server.seen == []
    assert "Authorization" not in other_server.seen[0].headers


def test_a_page_reads_only_what_its_host_shares_with_it(server: Any, other_server: Any, reply: Any, media: Any) -> None:
    """As a browser: a host has to allow the page's origin, or every one, and so has each that it redirects to."""
    page = "https://labels.example.com/projects/1/data"
    given = media(hosts=named(other_server))
    for shared in ("*", "https://labels.example.com"):
        other_server.says(reply(200, b"image", {"Access-Control-Allow-Origin": shared}))
        assert given.read_as_page(f"{other_server.url}a.png", page) == b"image"
    assert other_server.seen[-1].headers["Origin"] == "https://labels.example.com"
    for shared in ("https://other.example.com", "null", ""):
        other_server.says(reply(200, b"image", {"Access-Control-Allow-Origin": shared}))
        with pytest.raises(MediaError, match="CORS"):
            given.read_as_page(f"{other_server.url}a.png", page)
    server.says(reply(303, b"", {"Location": f"{other_server.url}a.png?signed"}))
    with pytest.raises(MediaError, match="CORS"):
        given.read_as_page(f"{server.url}tasks/1/resolve/?fileuri=x", page)
    other_server.says(reply(200, b"image", {"Access-Control-Allow-Origin": "*"}))
    assert given.read_as_page(f"{server.url}tasks/1/resolve/?fileuri=x", page) == b"image"


def test_a_page_reads_what_is_its_own(server: Any, reply: Any, media: Any) -> None:
    """Label Studio's own files, and what another program serves under the same name, need not be shared."""
    server.says(reply(200, b"image"))
    given, page = media("", named(server)), f"{server.url}projects/1/data"
    assert given.read_as_page(f"{server.url}data/upload/1/a.png", page) == b"image"
    assert given.read_as_page(f"{server.url}pictures/a.png", page) == b"image"
    assert ["Authorization" in each.headers for each in server.seen] == [True, False]
