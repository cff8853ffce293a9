from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from errata.doctor.media import check_media, check_reviewers_media
from errata.errors import ConfigNotServed, MediaError
from errata.settings import Settings

CONFIG = (
    '<View><Image name="image" value="$image"/><Choices name="label" toName="image">'
    '<Choice value="car"/><Choice value="truck"/></Choices></View>'
)
PROJECT = {"id": 12, "label_config": CONFIG}
LIST = "api/tasks/?project=12"
Make = Callable[..., Any]


class FakeMedia:
    """Holds one file, or an error."""

    def __init__(self, content: bytes | MediaError) -> None:
        self.content = content
        self.asked: list[tuple[str, int]] = []

    def read(self, uri: str, task_id: int) -> bytes:
        self.asked.append((uri, task_id))
        if isinstance(self.content, MediaError):
            raise self.content
        return self.content


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (30, 20)).save(file, "PNG")
    return file.getvalue()


def tasks(*uris: str) -> dict[str, Any]:
    return {LIST: {"tasks": [{"id": n, "data": {"image": uri}} for n, uri in enumerate(uris, 1)]}}


def test_one_image_is_fetched_and_decoded(api: Make) -> None:
    """The first of the project."""
    media = FakeMedia(png())
    (check,) = check_media(api(tasks("/data/1.png", "/data/2.png")), media, PROJECT, Settings())
    assert (check.state, check.seen.startswith("the image of task 1: 30 x 20, ")) == ("ok", True)
    assert media.asked == [("/data/1.png", 1)]


@pytest.mark.parametrize(
    ("content", "seen"), [(MediaError("Label Studio answered 404"), "404"), (b"<html>", "cannot be used")]
)
def test_an_image_that_cannot_be_had_or_decoded_is_wrong(api: Make, content: bytes | MediaError, seen: str) -> None:
    """With where to look."""
    (check,) = check_media(api(tasks("/data/1.png")), FakeMedia(content), PROJECT, Settings())
    assert (check.state, seen in check.seen) == ("wrong", True)
    assert check.remedy


def test_hosts_that_media_may_not_come_from_are_named(api: Make) -> None:
    """With the setting that allows them, in which those that are allowed stay; no query is shown."""
    addresses = ["https://a.example.com/1.png?sig=hunter2", "https://b.example.com:81/2", "https://c.example.com/3"]
    own = "https://ls.example.com/label-studio/data/1.png"
    there = api(tasks(own, *addresses, addresses[0]))
    hosts, image = check_media(there, FakeMedia(png()), PROJECT, Settings(media_hosts=("c.example.com",)))
    assert (hosts.name, hosts.state, image.state) == ("media hosts", "look", "ok")
    assert hosts.seen == "media on a.example.com (2 of 5), b.example.com:81 (1 of 5) are not fetched"
    assert '\'["c.example.com", "a.example.com", "b.example.com:81"]\'' in (hosts.remedy or "")


def test_a_project_without_tasks_is_not_asked_for_media(api: Make) -> None:
    """One whose config errata cannot audit says so by its own error."""
    (check,) = check_media(api(tasks()), FakeMedia(png()), PROJECT, Settings())
    assert check.state == "not asked"
    with pytest.raises(ConfigNotServed):
        list(check_media(api(tasks()), FakeMedia(png()), PROJECT | {"label_config": "<View/>"}, Settings()))


def test_who_serves_media_to_reviewers() -> None:
    """As `errata connect` found it."""
    assert check_reviewers_media(None).state == "not asked"
    assert "Label Studio" in check_reviewers_media("label_studio").seen
    assert "signed" in check_reviewers_media("errata").seen


TEXT = CONFIG.replace("<Image", "<HyperText")


def text_tasks(*pages: object) -> dict[str, Any]:
    return {LIST: {"tasks": [{"id": n, "data": {"image": page}} for n, page in enumerate(pages, 1)]}}


def test_one_text_is_read(api: Make) -> None:
    """As annotators read it, without fetching anything; one without a word is wrong."""
    media = FakeMedia(MediaError("nothing is fetched"))
    project = PROJECT | {"label_config": TEXT}
    (check,) = check_media(api(text_tasks("<p>Good day</p>", "")), media, project, Settings())
    assert (check.name, check.state, check.seen) == ("texts", "ok", "the text of task 1: 8 characters")
    (check,) = check_media(api(text_tasks("<p> </p>")), media, project, Settings())
    assert (check.state, check.seen) == ("wrong", "the text of task 1 cannot be used: the text is empty")
    (check,) = check_media(api(text_tasks("")), media, project, Settings())
    assert check.state == "not asked"
    assert media.asked == []


def test_a_text_behind_an_address_is_fetched(api: Make) -> None:
    """Hosts that it may not come from are named as those of images are."""
    project = PROJECT | {"label_config": TEXT.replace("value=", 'valueType="url" value=', 1)}
    there = api(text_tasks("https://a.example.com/1.html"))
    hosts, text = check_media(there, FakeMedia(b"<p>Good day</p>"), project, Settings())
    assert (hosts.name, hosts.state) == ("media hosts", "look")
    assert (text.name, text.state) == ("texts", "ok")
