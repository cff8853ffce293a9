"""What Label Studio says when it tries to reach errata, and that trying leaves nothing behind."""

from __future__ import annotations

import re

import pytest

from errata.errors import LabelStudioGone, LabelStudioRefused, SettingError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.reachability import can_reach


@pytest.fixture(scope="module")
def source(lasting_project):
    """Make one project for all: whatever was tried, it is as it was."""
    return lasting_project(["truck", "car"])


@pytest.fixture
def try_it(label_studio, source, service):
    def reach(public_url: str | None = None, password: str | None = service.password) -> str | None:
        return can_reach(
            label_studio.client,
            source.id,
            public_url=public_url or service.url,
            user="errata",
            password=password,
        )

    return reach


def test_label_studio_reaches_errata_and_nothing_is_added(try_it, service, state, source):
    """Label Studio asked for its health and was refused: the project is as it was, to the last field."""
    before = state(source.id)
    assert try_it() is None
    assert try_it(service.url + "/") is None
    assert [path for path, *_ in service.calls][:2] == ["/trial/health", "/trial/setup"]
    assert state(source.id) == before


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", r"cannot connect to .*errata serve.*ERRATA_HOST.*ERRATA_PUBLIC_URL"),
        ("http://errata:9090", r'host without a dot \("errata"\).*errata\.internal'),
        ("http://nobody.invalid:9090", r'does not know the name "nobody\.invalid"|cannot connect to'),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_told(try_it, state, source, url, words):
    """Each with its remedy, and nothing is added."""
    before = state(source.id)
    told = try_it(url)
    assert told is not None
    assert re.search(words, told), told
    assert state(source.id) == before


def test_another_password_is_told(try_it, service):
    """The password itself is not."""
    told = try_it(password="another")
    assert told is not None
    assert "ERRATA_BACKEND_PASSWORD" in told
    assert "another" not in told
    assert service.password not in told


def test_label_studio_itself_is_not_errata(try_it, label_studio):
    """Something answers there, and it is not errata: Label Studio finds itself healthy at any path."""
    told = try_it(label_studio.url)
    assert told is not None
    assert "is not errata" in told


def test_what_takes_everything_is_not_errata(try_it, service, state, source):
    """Label Studio adds what is accepted; that goes again at once, with its webhook and the model version."""
    before = state(source.id)
    service.is_errata = False
    told = try_it()
    assert told is not None
    assert "is not errata" in told
    assert state(source.id) == before


def test_a_service_that_is_not_well_is_told(try_it, service):
    """An error instead of health is not taken for errata."""
    service.health = 500
    assert "is not errata" in (try_it() or "")


def test_what_is_no_address_is_wrong_use(try_it):
    """The setting is named."""
    with pytest.raises(SettingError, match="ERRATA_PUBLIC_URL is wrong because"):
        try_it("errata.internal:9090")


def test_a_project_that_is_gone_is_an_error(label_studio, service):
    """It is not mistaken for an address that cannot be reached."""
    with pytest.raises(LabelStudioGone):
        can_reach(label_studio.client, 10**6, public_url=service.url, user="errata", password=service.password)


def test_a_token_that_does_not_count_is_an_error(label_studio, service, source):
    """The right of the token is not mistaken for the address block."""
    stranger = LabelStudio(label_studio.url, "0" * 40)
    with pytest.raises(LabelStudioRefused, match="does not take the token"):
        can_reach(stranger, source.id, public_url=service.url, user="errata", password=service.password)
    stranger.close()
