"""What of an address is checked and shown."""

import pytest

from errata.errors import SettingError
from errata.labelstudio.annotations import _place
from errata.labelstudio.connection import _checked, _is_private


@pytest.mark.parametrize("url", ["http://10.0.0.1:9090/", "https://errata.example.com/errata/", "http://localhost:1"])
def test_addresses_that_label_studio_takes(url):
    """A slash at the end is dropped, a sub-path stays."""
    assert _checked(url) == url.rstrip("/")


@pytest.mark.parametrize("url", ["", "errata:9090", "http://errata:9090", "ftp://a.b"])
def test_addresses_that_it_does_not_take(url):
    """The setting is named, and what to do."""
    with pytest.raises(SettingError, match=r"ERRATA_PUBLIC_URL is wrong because .* (set|give)"):
        _checked(url)


def test_a_webhooks_secrets_are_not_shown():
    """User, path and query of somebody's webhook may be secret."""
    assert _place("https://user:pw@hooks.example.com:8443/T0/secret?key=1") == "https://hooks.example.com:8443"


@pytest.mark.parametrize(
    ("url", "is_private"), [("http://127.0.0.1:1", True), ("http://localhost", True), ("https://example.com", False)]
)
def test_private_addresses_are_recognised(url, is_private):
    """Label Studio 1.23.1 and later calls them only if it was told to."""
    assert _is_private(url) is is_private
