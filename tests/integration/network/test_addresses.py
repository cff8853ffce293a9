"""Where Label Studio is: sub-paths that were forgotten, and what only Label Studio is to be told."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from errata.errors import ErrataError, LabelStudioUnreachable, SettingError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import ProjectMedia
from errata.settings import read_settings

KEY = ("X-Gateway-Key", "hidden-key")


@pytest.fixture
def ask(opened: Any, label_studio: Any) -> Any:
    """Ask for projects at an address; return the error's text."""

    def at(url: str, **options: Any) -> str:
        client = opened(LabelStudio(url, label_studio.token, deadline_s=5, **options))
        with pytest.raises(ErrataError) as raised:
            client.get("api/projects/")
        assert label_studio.token not in str(raised.value)
        return str(raised.value)

    return at


@pytest.mark.parametrize("given", ["", "label-studio/projects/12/data/", "other/", "label-studio/user/login"])
def test_a_wrong_path_is_answered_with_the_right_one(gateway: Any, ask: Any, given: str) -> None:
    """A forgotten sub-path, and the address of a page, are answered with what the setting should be."""
    front = gateway("/label-studio")
    assert ask(front.url + given).endswith(f"set ERRATA_LABEL_STUDIO_URL={front.base}")


@pytest.mark.parametrize("given", ["label-studio/", "projects/12/data/", "label-studio/projects/"])
def test_a_path_that_is_none_is_answered_with_the_root(label_studio: Any, ask: Any, given: str) -> None:
    """Label Studio's page in place of its API, because it is at the root."""
    assert ask(label_studio.url + given).endswith(f"set ERRATA_LABEL_STUDIO_URL={label_studio.url}")


def test_a_redirect_is_followed_to_the_address_it_is_about(gateway: Any, site: Any, ask: Any) -> None:
    """A server that redirects below Label Studio's sub-path, or to another scheme, leads to the right setting."""
    front = gateway("/tools/labels")
    door = site()
    door.says(b"", 302, Location=f"{front.base}api/projects/")
    assert ask(door.url).endswith(f"set ERRATA_LABEL_STUDIO_URL={front.base}")
    door.says(b"", 301, Location=front.base)
    assert ask(door.url).endswith(f"set ERRATA_LABEL_STUDIO_URL={front.base}")


def test_somebody_elses_server_is_not_taken_for_label_studio(site: Any, ask: Any) -> None:
    """A page, or another program's JSON, is not Label Studio: the error asks for its address and gives none."""
    other = site()
    other.says(b"<html>", 404, Content_Type="text/html")
    said = ask(other.url)
    assert "is ERRATA_LABEL_STUDIO_URL" in said.replace("Is", "is")
    assert "set ERRATA_LABEL_STUDIO_URL=" not in said
    assert all("authorization" not in each.headers for each in other.seen[1:]), "the token is for Label Studio alone"


def test_a_gateway_gets_its_header(gateway: Any, label_studio: Any, ask: Any, opened: Any) -> None:
    """Without it the error names the setting; with it every request passes, the token's exchange included."""
    front = gateway(wants=KEY)
    assert "ERRATA_LABEL_STUDIO_HEADERS" in ask(front.url)
    client = opened(LabelStudio(front.url, label_studio.pat, headers=dict([KEY])))
    assert "results" in client.get("api/projects/")


def test_headers_stay_with_label_studio(site: Any, gateway: Any, opened: Any, caplog: pytest.LogCaptureFixture) -> None:
    """They do not follow a redirect to another host, and stand in no log and no error."""
    caplog.set_level(logging.DEBUG)
    storage, label_studio = site(), site()
    storage.says(b"image")
    label_studio.says(b"", 303, Location=f"{storage.url}a.png")
    client = opened(LabelStudio(label_studio.url, "0123456789abcdef", headers=dict([KEY]), deadline_s=5))
    media = opened(ProjectMedia(client, (f"localhost:{storage.server_port}",)))
    assert media.read("s3://bucket/a.png", 1) == b"image"
    assert KEY[0].lower() in label_studio.seen[0].headers
    assert KEY[0].lower() not in storage.seen[0].headers
    label_studio.says(b"", 302, Location=f"{storage.url}api/projects/")
    with pytest.raises(LabelStudioUnreachable) as raised:
        client.get("api/projects/")
    assert all(KEY[0].lower() not in each.headers for each in storage.seen)
    assert KEY[1] not in caplog.text + str(raised.value)


def test_a_login_page_on_the_way_is_told_from_a_bad_token(site: Any, ask: Any) -> None:
    """Single sign-on that redirects programs to its login page: the error says how to get past it."""
    door = site()
    door.says(b"", 302, Location="https://sso.corp.test/login?next=secret")
    said = ask(door.url)
    assert "ERRATA_LABEL_STUDIO_HEADERS" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("X-Key: 1", "not JSON"),
        ('["X-Key"]', "dictionary"),
        ('{"X-Key": 1}', "string"),
        ('{"X Key": "hidden-key"}', "characters"),
        ('{"X-Key": "hidden-key\\nX-Other: 1"}', "characters"),
        ('{"authorization": "hidden-key"}', "errata's own"),
    ],
)
def test_headers_that_cannot_be_sent_are_wrong_settings(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    """The error names the variable and not the value."""
    monkeypatch.setenv("ERRATA_LABEL_STUDIO_HEADERS", value)
    with pytest.raises(SettingError, match=rf"ERRATA_LABEL_STUDIO_HEADERS is wrong.*{said}") as raised:
        read_settings()
    assert "hidden-key" not in str(raised.value)


def test_settings_do_not_show_the_headers_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are secrets: neither printing nor dumping the settings shows them."""
    monkeypatch.setenv("ERRATA_LABEL_STUDIO_HEADERS", json.dumps(dict([KEY])))
    settings = read_settings()
    assert KEY[1] not in repr(settings) + settings.model_dump_json()
    assert settings.gateway_headers == dict([KEY])
