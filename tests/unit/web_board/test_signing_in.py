from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any

import pytest

Pages = Any


def everything_kept(pages: Pages) -> bytes:
    return b"".join(path.read_bytes() for path in pages.data_dir.rglob("*") if path.is_file())


def test_a_person_signs_in_and_out(pages: Pages, caplog: pytest.LogCaptureFixture) -> None:
    """Who it is comes from Label Studio; the token is in no answer, no log and, readable, in no file."""
    caplog.set_level(logging.DEBUG)
    browser = pages.browser()
    assert browser.get("/board/api/session").status_code == 401
    answers = [browser.sign_in()]
    assert answers[0].json()["user"] == {"id": 1, "email": "1@example.com", "name": "<b>1</b>"}
    assert answers[0].json()["label_studio"] == "http://ls/"
    answers += [browser.get("/board/api/session"), browser.get("/board/api/who")]
    assert answers[1].json() == answers[0].json()
    assert answers[2].json() == {"id": 1, "project": None}
    for each in answers:
        assert "token-of-ann" not in each.text + str(each.headers)
    assert "token-of-ann" not in caplog.text
    assert b"token-of-ann" not in everything_kept(pages)
    number = next(iter(browser.http.cookies.values()))
    assert len(number) >= 43  # 256 bits
    assert number.encode() not in everything_kept(pages)
    left = browser.call("DELETE", "/board/api/session")
    assert (left.status_code, left.headers["clear-site-data"]) == (204, '"cache"')
    assert not browser.http.cookies
    assert browser.get("/board/api/who", headers={"Cookie": f"{cookie_name(answers[0])}={number}"}).status_code == 401


def cookie_name(answer: Any) -> str:
    return next(iter(SimpleCookie(answer.headers["set-cookie"])))


@pytest.mark.parametrize("is_secure", [False, True])
def test_the_cookie_is_for_the_json_of_this_errata_alone(open_pages: Callable[..., Pages], is_secure: bool) -> None:
    """No script sees it, no other site's request carries it, and any path may stand before errata's."""
    answer = open_pages(is_secure=is_secure).browser().sign_in()
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert (bool(cookie["httponly"]), cookie["samesite"].lower(), bool(cookie["secure"])) == (True, "strict", is_secure)
    assert (cookie["path"], cookie["domain"], cookie["max-age"]) == ("", "", "43200")


def test_a_session_survives_a_restart(pages: Pages, open_pages: Callable[..., Pages]) -> None:
    """Twelve hours hold over restarts; with another cookie nobody is known."""
    browser = pages.browser()
    browser.sign_in("token-of-bob")
    again = open_pages()
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())}
    assert again.browser().get("/board/api/who", headers=cookies).json()["id"] == 2
    for wrong in (cookies["Cookie"] + "x", cookies["Cookie"][:-1], "", "errata=; x=%00"):
        assert again.browser().get("/board/api/who", headers={"Cookie": wrong}).status_code == 401


def test_a_sign_out_counts_in_every_process(pages: Pages, open_pages: Callable[..., Pages]) -> None:
    """Of several that share a database, those that did not see it notice within ten seconds."""
    browser, other = pages.browser(), open_pages()
    browser.sign_in()
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.http.cookies.items())}
    elsewhere = other.browser()
    assert elsewhere.get("/board/api/who", headers=cookies).status_code == 200
    browser.call("DELETE", "/board/api/session")
    other.clock.now += 11
    assert elsewhere.get("/board/api/who", headers=cookies).status_code == 401


def test_a_session_ends_after_twelve_hours(pages: Pages) -> None:
    """Also for a server that has it in memory, and its row goes with the next that begins."""
    browser = pages.browser()
    browser.sign_in()
    with sqlite3.connect(pages.data_dir / "errata.db") as database:
        database.execute("UPDATE board_sessions SET expires_at = '2020-01-01 00:00:00.000000'")
    pages.clock.now += 11  # until it is read again
    assert browser.get("/board/api/who").status_code == 401
    pages.browser().sign_in()
    with sqlite3.connect(pages.data_dir / "errata.db") as database:
        assert database.execute("SELECT count(*) FROM board_sessions").fetchone() == (1,)


def test_a_token_that_was_revoked_ends_the_session(pages: Pages) -> None:
    """Within a minute, with a sentence that says so, and without a cookie that would be tried again."""
    browser = pages.browser()
    browser.sign_in()
    del pages.label_studio.people["token-of-ann"]
    assert browser.call("POST", "/board/api/projects/7/who", json={}).status_code == 401
    browser = pages.browser()
    browser.sign_in("token-of-bob")
    assert browser.call("POST", "/board/api/projects/8/who", json={}).status_code == 200
    pages.label_studio.people["token-of-bob"] = 1  # another person's by now
    assert browser.call("POST", "/board/api/projects/8/who", json={}).status_code == 200  # remembered
    pages.clock.now += 61
    ended = browser.get("/board/api/session")
    assert (ended.status_code, "does not take your token any more" in ended.json()["detail"]) == (401, True)
    assert not browser.http.cookies
    assert browser.get("/board/api/session").json()["detail"].startswith("Sign in")


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("wrong", 401, "legacy token"),
        ("e30.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.x", 401, "personal access token"),
        ("e30.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.x", 401, "few minutes"),
        ("no token", 400, "No token looks like this"),
        ("", 400, "Give a token"),
        (None, 400, "Give a token"),
        ("x" * 2**17, 413, "KiB"),
    ],
)
def test_a_token_that_does_not_count_is_refused_in_words(pages: Pages, token: Any, status: int, said: str) -> None:
    """The sentence says of which sort it is and where to get another one; nobody is signed in."""
    browser = pages.browser()
    answer = browser.sign_in(token)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert "set-cookie" not in answer.headers


def test_label_studio_that_is_down_is_no_wrong_token(pages: Pages) -> None:
    """The answer is 502, and a session goes on when it is back."""
    pages.label_studio.is_down = True
    assert pages.browser().sign_in().status_code == 502
    pages.label_studio.is_down = False
    browser = pages.browser()
    browser.sign_in()
    pages.label_studio.is_down = True
    assert browser.call("POST", "/board/api/projects/7/who", json={}).status_code == 502
    pages.label_studio.is_down = False
    assert browser.call("POST", "/board/api/projects/7/who", json={}).status_code == 200


def test_guessing_tokens_is_stopped(pages: Pages) -> None:
    """After some failures an address has to wait; Label Studio is not asked meanwhile."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: pages.browser().sign_in(f"guess-{n}"), range(20)))
    assert {answer.status_code for answer in answers} == {401}
    n_asked = len(pages.label_studio.asked)
    turned_away = pages.browser().sign_in()
    assert (turned_away.status_code, int(turned_away.headers["retry-after"]) > 0) == (429, True)
    assert len(pages.label_studio.asked) == n_asked
    pages.clock.now += 11
    assert pages.browser().sign_in().status_code == 200


def test_a_person_sees_the_projects_that_label_studio_shows_them(pages: Pages) -> None:
    """Asked of Label Studio with their own token, once a minute however many ask at once; others get 404."""
    ann, bob = pages.browser(), pages.browser()
    ann.sign_in()
    bob.sign_in("token-of-bob")
    pages.label_studio.asked.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(bob.call, "POST", "/board/api/projects/8/who", json={}) for _ in range(8)]
        assert {each.result().status_code for each in asked} == {200}
    assert pages.label_studio.asked == ["api/projects/8/"]
    refused = ann.call("POST", "/board/api/projects/8/who", json={})
    assert (refused.status_code, refused.json()) == (404, {"detail": "Label Studio shows you no project 8."})
    pages.label_studio.shown[2].remove(8)
    pages.clock.now += 61
    assert bob.call("POST", "/board/api/projects/8/who", json={}).status_code == 404
    pages.label_studio.forbidden = {7}
    assert bob.call("POST", "/board/api/projects/7/who", json={}).status_code == 404
    assert bob.get("/board/api/who").status_code == 200  # it is the project that is refused, not the token


def test_a_person_has_twenty_sessions_at_most(pages: Pages) -> None:
    """The oldest ends with the twenty-first; other people's stay."""
    other = pages.browser()
    other.sign_in("token-of-bob")
    browsers = [pages.browser() for _ in range(21)]
    for browser in browsers:
        browser.sign_in()
    pages.clock.now += 11
    assert [browser.get("/board/api/who").status_code for browser in (*browsers[:2], other)] == [401, 200, 200]
