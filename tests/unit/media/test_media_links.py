"""Signed addresses of pictures."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errata.labelstudio.media_links import LIFETIME_S, MediaLinks, is_media_link

URL = "https://errata.example.com/qa/"
DAY_S = 86_400


def parts(address: str) -> dict[str, str]:
    """Take an address apart as the web app gets it."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    path = urlsplit(address).path.removeprefix("/qa/media/").split("/")
    return {"project": path[0], "task": path[1], "key": unquote(path[2]), **query}


def allows(links: MediaLinks, said: dict[str, str]) -> bool:
    return links.allows(int(said["project"]), int(said["task"]), said["key"], said["expires"], said["signature"])


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_what_was_made_is_allowed(project_id: int, task_id: int, key: str) -> None:
    """Whatever a data key is called, it comes back through an address, and the address through the web."""
    links = MediaLinks(URL, "secret")
    address = links.make(project_id, task_id, key)
    said = parts(address)
    assert (said["project"], said["task"], said["key"]) == (str(project_id), str(task_id), key)
    assert allows(links, said)
    assert links.lasts(address, project_id, task_id, key)
    assert is_media_link(address, project_id)


@pytest.mark.parametrize(
    "changed",
    [
        {"project": "2"},
        {"task": "13"},
        {"key": "other"},
        {"key": "imag"},
        {"expires": "1999999999"},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "ä" * 64},
        {"signature": "\ud800"},
        {"expires": ""},
        {"expires": "-1"},
        {"expires": "1e12"},
        {"expires": "١٨٠٠٠٠٠٠٠٠"},
        {"expires": "9" * 5000},
    ],
)
def test_whatever_is_changed_is_refused(clock: Any, changed: dict[str, str]) -> None:
    """The signature is over project, task, key and time alike, and odd ones do no harm."""
    links = MediaLinks(URL, "secret", clock)
    said = parts(links.make(1, 12, "image"))
    assert allows(links, said)
    assert not allows(links, said | changed)


def test_parts_do_not_run_into_each_other(clock: Any) -> None:
    """Project 1, task 23 is not project 12, task 3."""
    links = MediaLinks(URL, "secret", clock)
    one, other = parts(links.make(1, 23, "image")), parts(links.make(12, 3, "image"))
    assert one["signature"] != other["signature"]


def test_another_secret_makes_other_addresses(clock: Any) -> None:
    """Only this data folder's errata makes addresses that it takes."""
    said = parts(MediaLinks(URL, "another", clock).make(1, 12, "image"))
    assert not allows(MediaLinks(URL, "secret", clock), said)


def test_addresses_expire_and_are_renewed_before(clock: Any) -> None:
    """They hold for a month; in the last ten days they are allowed still, and due for another one."""
    links = MediaLinks(URL, "secret", clock)
    address = links.make(1, 12, "image")
    clock.now += LIFETIME_S - 11 * DAY_S
    assert links.lasts(address, 1, 12, "image")
    clock.now += 2 * DAY_S
    assert allows(links, parts(address))
    assert not links.lasts(address, 1, 12, "image")
    clock.now += 9 * DAY_S
    assert not allows(links, parts(address))


@pytest.mark.parametrize(
    "address",
    ["/data/upload/1/a.png", "", None, 3, ["x"], "https://errata.example.com/media/1/12/image?expires=&signature="],
)
def test_other_addresses_do_not_last(clock: Any, address: object) -> None:
    """Whatever else stands in a task is no address of errata's that lasts."""
    assert not MediaLinks(URL, "secret", clock).lasts(address, 1, 12, "image")


def test_another_public_url_makes_addresses_outdated(clock: Any) -> None:
    """When errata moves, the review tasks' addresses are due for another one; the old ones stay valid."""
    address = MediaLinks("http://old.example.com", "secret", clock).make(1, 12, "image")
    moved = MediaLinks(URL, "secret", clock)
    assert not moved.lasts(address, 1, 12, "image")
