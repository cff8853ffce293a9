"""The client against a server that misbehaves as Label Studio and proxies do."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from errata.errors import (
    ErrataError,
    LabelStudioGone,
    LabelStudioRefused,
    LabelStudioUnreachable,
    MediaError,
    SettingError,
)
from errata.labelstudio.annotations import SourceAnnotations
from errata.labelstudio.client import Elsewhere, LabelStudio
from errata.labelstudio.source import export_project

SECRET = "0123456789abcdef"
OK = {"fine": True}


def jwt(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.sig"


@pytest.fixture
def connect(server: Any) -> Iterator[Callable[..., LabelStudio]]:
    made: list[LabelStudio] = []

    def connect(path: str = "", token: str = SECRET, **options: float) -> LabelStudio:
        made.append(LabelStudio(server.url + path, token, **{"timeout_s": 30, "deadline_s": 60, **options}))
        return made[-1]

    yield connect
    for client in made:
        client.close()


def test_a_plain_connection_is_used_once(server: Any, reply: Any, connect: Any) -> None:
    """Label Studio's own server is four times slower on kept ones."""
    server.says(reply(200, OK))
    client = connect()
    for _ in range(3):
        client.get("api/x")
    assert len({request.port for request in server.seen}) == 3


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_asked_again(server: Any, reply: Any, connect: Any, status: int) -> None:
    server.says(reply(status, b"<html>"), reply(status, b"<html>"), reply(200, OK))
    assert connect().get("api/x") == OK
    assert len(server.seen) == 3


def test_a_locked_database_is_asked_again_also_for_a_patch(server: Any, reply: Any, connect: Any) -> None:
    locked = reply(500, {"detail": "database is locked"})
    server.says(locked, locked, reply(200, OK))
    assert connect().patch("api/x", {}) == OK


def test_a_list_that_fails_once_is_asked_again_and_one_that_keeps_failing_is_not(
    server: Any, reply: Any, connect: Any
) -> None:
    server.says(reply(500, {"detail": "KeyError: 7"}), reply(200, OK))
    assert connect().get("api/tasks/") == OK
    server.says(reply(500, {"detail": "KeyError: 7"}))
    with pytest.raises(LabelStudioUnreachable, match="KeyError: 7"):
        connect().get("api/tasks/")
    assert len(server.seen) == 4


def test_retry_after_is_honoured(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(429, {"detail": "slow down"}, {"Retry-After": "1"}), reply(200, OK))
    started = time.monotonic()
    assert connect().get("api/x") == OK
    assert time.monotonic() - started >= 1


def test_a_wait_beyond_the_deadline_is_not_begun(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(429, {"detail": "slow down"}, {"Retry-After": "3600"}))
    with pytest.raises(LabelStudioUnreachable, match="slow down"):
        connect().get("api/x")
    assert len(server.seen) == 1


def test_retries_end_at_the_deadline(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(503, b""))
    started = time.monotonic()
    with pytest.raises(LabelStudioUnreachable, match="503"):
        connect(deadline_s=2).get("api/x")
    assert time.monotonic() - started < 60
    assert len(server.seen) > 1


@pytest.mark.parametrize("misbehaviour", ["silence", "hang_up"])
def test_a_post_that_may_have_been_accepted_is_sent_once(
    server: Any, reply: Any, connect: Any, misbehaviour: str
) -> None:
    server.says(getattr(server, misbehaviour)(), reply(201, OK))
    with pytest.raises(LabelStudioUnreachable, match="not known whether it was accepted"):
        connect(timeout_s=1).post("api/x", {"a": 1})
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_post_that_a_proxy_gave_up_on_is_sent_once(server: Any, reply: Any, connect: Any, status: int) -> None:
    server.says(reply(status, {"detail": "database is locked"}), reply(201, OK))
    with pytest.raises(LabelStudioUnreachable):
        connect().post("api/x", {"a": 1})
    assert len(server.seen) == 1


def test_a_post_that_was_turned_away_is_sent_again(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(429, b""), reply(503, b""), reply(201, OK))
    assert connect().post("api/x", {"a": 1}) == OK


@pytest.mark.parametrize("misbehaviour", ["silence", "hang_up"])
def test_a_repeatable_post_is_sent_again(server: Any, reply: Any, connect: Any, misbehaviour: str) -> None:
    server.says(getattr(server, misbehaviour)(), reply(201, OK))
    assert connect(timeout_s=1).post("api/x", {"a": 1}, is_repeatable=True) == OK
    assert [json.loads(each.body) for each in server.seen] == [{"a": 1}] * 2


@pytest.mark.parametrize("misbehaviour", ["silence", "hang_up", 500, 502, 504])
def test_a_label_that_may_have_been_written_is_not_sent_again(
    server: Any, reply: Any, connect: Any, misbehaviour: Any
) -> None:
    """A second sending, up to two minutes later, would overwrite what a person saved in between."""
    locked = {"detail": "database is locked"}
    said = reply(misbehaviour, locked) if isinstance(misbehaviour, int) else getattr(server, misbehaviour)()
    server.says(said, reply(200, OK))
    with pytest.raises(LabelStudioUnreachable):
        SourceAnnotations(connect(timeout_s=1), 1).write(7, [])
    assert [(each.method, each.path) for each in server.seen] == [("PATCH", "/api/annotations/7/")]


def test_a_label_is_not_written_late(server: Any, reply: Any, connect: Any) -> None:
    """Where Label Studio is busy it is sent again, but only soon after errata looked at what is there."""
    annotations = SourceAnnotations(connect(deadline_s=60), 1)
    server.says(reply(429, b""), reply(200, OK))
    annotations.write(7, [])
    server.says(reply(429, {"detail": "slow down"}, {"Retry-After": "6"}), reply(200, OK))
    with pytest.raises(LabelStudioUnreachable, match="slow down"):
        annotations.write(7, [])


def test_an_export_may_take_longer_than_other_requests(server: Any, reply: Any, connect: Any) -> None:
    """Label Studio is silent until all of it is written; asking again would have it begin anew."""

    def slow(handler: Any) -> None:
        server.stop.wait(1)
        reply(200, [{"id": 1}]).send(handler)

    server.says(reply(act=slow))
    assert export_project(connect(timeout_s=0.2), 5) == [{"id": 1}]
    assert len(server.seen) == 1


def test_a_delete_whose_reply_was_lost_counts_as_done(server: Any, reply: Any, connect: Any) -> None:
    server.says(server.hang_up(), reply(404, {"detail": "No Task matches"}))
    assert connect().delete("api/tasks/1/") is None
    server.says(reply(404, {"detail": "No Task matches"}))
    with pytest.raises(LabelStudioGone):
        connect().delete("api/tasks/1/")


def test_an_address_that_never_answered_is_given_up_soon(server: Any) -> None:
    server.close()
    client = LabelStudio(server.url, SECRET, deadline_s=60)
    started = time.monotonic()
    with pytest.raises(LabelStudioUnreachable, match="ERRATA_LABEL_STUDIO_URL"):
        client.get("api/x")
    assert time.monotonic() - started < 50
    client.close()


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "said"),
    [
        (401, {"detail": "Invalid token."}, {}, LabelStudioRefused, "Account & Settings"),
        (
            401,
            {"detail": "legacy token authentication has been disabled for this organization"},
            {},
            LabelStudioRefused,
            "personal access token",
        ),
        (403, {"detail": "No permission."}, {}, LabelStudioRefused, "may change the project"),
        (
            403,
            {"detail": "URL resolves to a reserved network address (block: 127.0.0.0/8)"},
            {},
            LabelStudioRefused,
            "ML_BLOCK_LOCAL_IP=false",
        ),
        (404, {"detail": "No Project matches."}, {}, LabelStudioGone, "No Project matches"),
        (404, b"<html>", {"Content-Type": "text/html"}, LabelStudioUnreachable, "Is ERRATA_LABEL_STUDIO_URL"),
        (200, b"<html>login", {"Content-Type": "text/html"}, LabelStudioUnreachable, "login page"),
        (200, b"{broken", {"Content-Type": "application/json"}, LabelStudioUnreachable, "instead of JSON"),
        (302, b"", {"Location": "/user/login/?next=/secret"}, LabelStudioRefused, "login page"),
        (301, b"", {"Location": "https://ls.example.com/api/x?a=b"}, LabelStudioUnreachable, "https://ls.example.com/api/x."),
        (
            400,
            {"detail": "Validation error", "validation_errors": {"title": ["Too short."]}, "exc_info": "Traceback"},
            {},
            ErrataError,
            "Validation error; title: Too short",
        ),
        (400, ["It is wrong."], {}, ErrataError, "It is wrong"),
        (413, b"<html>", {"Content-Type": "text/html"}, ErrataError, "413"),
        (500, {"detail": "boom"}, {}, LabelStudioUnreachable, "boom"),
    ],
)  # fmt: skip
def test_each_refusal_is_the_right_error_and_names_path_and_remedy(
    server: Any, reply: Any, connect: Any, status: int, body: Any, headers: dict[str, str], kind: type, said: str
) -> None:
    server.says(reply(status, body, {"Set-Cookie": "sessionid=hidden", **headers}))
    with pytest.raises(kind) as raised:
        connect().get("api/projects/1/", {"q": "hidden"})
    text = str(raised.value)
    assert said in text
    assert "GET /api/projects/1/" in text
    assert not any(secret in text for secret in (SECRET, "hidden", "Traceback", "secret"))
    assert type(raised.value) is kind


def test_no_cookie_is_ever_sent_back(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(200, OK, {"Set-Cookie": "sessionid=abc; Path=/"}))
    client = connect()
    client.get("api/x")
    client.get("api/x")
    assert [each.headers.get("Cookie") for each in server.seen] == [None, None]
    assert server.seen[0].headers["Authorization"] == f"Token {SECRET}"


def test_a_personal_access_token_is_exchanged_and_again_when_its_access_is_refused(
    server: Any, reply: Any, connect: Any
) -> None:
    personal, first, second = jwt(token_type="refresh"), jwt(n=1, iat=0, exp=300), jwt(n=2, iat=0, exp=300)
    expired = reply(401, {"detail": "Given token not valid"})
    server.says(reply(200, {"access": first}), expired, reply(200, {"access": second}), reply(200, OK))
    assert connect(token=personal).get("api/x") == OK
    assert [each.path for each in server.seen] == ["/api/token/refresh/", "/api/x"] * 2
    assert "Authorization" not in server.seen[0].headers
    assert server.seen[3].headers["Authorization"] == f"Bearer {second}"


def test_a_personal_access_token_that_was_revoked_says_where_to_copy_one(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(401, {"detail": "Token is blacklisted"}))
    with pytest.raises(LabelStudioRefused, match=r"Token is blacklisted.*Account & Settings"):
        connect(token=jwt(token_type="refresh")).get("api/x")


def test_sub_paths_are_kept(server: Any, reply: Any, connect: Any) -> None:
    personal = jwt(token_type="refresh")
    server.says(reply(200, {"access": jwt(iat=0, exp=300)}), reply(200, OK))
    client = connect("label-studio", personal)
    assert client.url == server.url + "label-studio/"
    client.get("/api/x")
    assert [each.path for each in server.seen] == ["/label-studio/api/token/refresh/", "/label-studio/api/x"]


def test_lists_of_every_shape_are_read_to_their_end(server: Any, reply: Any, connect: Any) -> None:
    a, b, c = ({"id": n} for n in range(3))
    client = connect()
    server.says(
        reply(200, {"results": [a, b], "next": "http://inside/?page=2"}), reply(200, {"results": [c], "next": None})
    )
    assert list(client.paged("api/projects/")) == [a, b, c]
    server.says(reply(200, {"tasks": [a, b], "total": 3}), reply(200, {"tasks": [c], "total": 3}))
    assert list(client.paged("api/tasks/", {"project": 1}, page_size=2)) == [a, b, c]
    assert server.seen[-1].path == "/api/tasks/?project=1&page=2&page_size=2"
    server.says(reply(200, {"tasks": [a, b], "total": 4}), reply(404, {"detail": "Invalid page."}))
    assert list(client.paged("api/tasks/")) == [a, b]
    server.says(reply(200, [a, b]))
    assert list(client.paged("api/webhooks/")) == [a, b]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "x:8080",
        "http://",
        "http://user:pw@x",
        "http://x/?a=b",
        "http://x/#a",
        "http://x:99999",
        "http://[::1",
    ],
)
def test_what_cannot_be_label_studios_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(SettingError, match="ERRATA_LABEL_STUDIO_URL") as raised:
        LabelStudio(url, SECRET)
    assert "pw" not in str(raised.value)


def test_the_token_goes_only_below_label_studios_own_address(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(200, b"file"))
    client = connect("ls")
    port = server.port
    assert client.owns(f"http://127.0.0.1:{port}/ls/data/a.png")
    for foreign in (
        f"http://127.0.0.1:{port}/other/a.png",
        f"http://127.0.0.1:{port}/ls/../other/a.png",
        f"http://127.0.0.1:{port}/ls/%2e%2e/other/a.png",
        f"http://127.0.0.1:{port + 1}/ls/a.png",
        f"https://127.0.0.1:{port}/ls/a.png",
        f"http://u@127.0.0.1:{port}/ls/a.png",
        f"http://127.0.0.1:{port}@evil.example/ls/a.png",
    ):
        assert not client.owns(foreign)
        with pytest.raises(MediaError):
            client.fetch(foreign, 100, 5)
    assert client.fetch("/data/a.png", 100, 5) == b"file"
    assert [each.path for each in server.seen] == ["/ls/data/a.png"]


def test_a_file_is_bounded_in_bytes_and_time(server: Any, reply: Any, connect: Any) -> None:
    client = connect()
    server.says(reply(200, b"12345"))
    with pytest.raises(MediaError, match="larger than 4 bytes"):
        client.fetch("a", 4, 5)
    server.says(server.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"))
    started = time.monotonic()
    with pytest.raises(LabelStudioUnreachable, match="silent for too long"):
        client.fetch("a", 10**6, 1)
    assert time.monotonic() - started < 60  # it never ends


def test_a_redirect_is_handed_back_not_followed(server: Any, reply: Any, connect: Any) -> None:
    server.says(reply(303, b"", {"Location": "https://bucket.example/a.png?sig=1"}))
    client = connect()
    assert client.fetch("/tasks/1/resolve/", 100, 5) == Elsewhere("https://bucket.example/a.png?sig=1")
