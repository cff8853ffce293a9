"""What of an address is checked and shown."""

import pytest

from errata.errors import SettingError
from errata.labelstudio.network import shown_origin
from errata.labelstudio.reachability import checked_url, is_loopback


@pytest.mark.parametrize("url", ["http://10.0.0.1:9090/", "https://errata.example.com/errata/", "http://localhost:1"])
def test_addresses_that_label_studio_takes(url):
    """A slash at the end is dropped, a sub-path stays."""
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize("url", ["", "errata:9090", "ftp://a.b", "https://user:pw@a.b", "https://a.b/?key=1"])
def test_addresses_that_it_does_not_take(url):
    """The setting is named, and what to do."""
    with pytest.raises(SettingError, match=r"ERRATA_PUBLIC_URL is wrong because .* (set|give)"):
        checked_url(url)


def test_a_webhooks_secrets_are_not_shown():
    """User, path and query of somebody's webhook may be secret."""
    assert shown_origin("https://user:pw@hooks.example.com:8443/T0/secret?key=1") == "https://hooks.example.com:8443"


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost", True),
        ("http://[::1]:8080/", True),
        ("http://10.0.0.1", False),
    ],
)
def test_this_machine_is_recognised(url, is_here):
    """Only a Label Studio on this machine sees errata under an address of this machine."""
    assert is_loopback(url) is is_here
