"""Which way leads to a host, by the environment's variables."""

from __future__ import annotations

import pytest

from errata.errors import SettingError
from errata.labelstudio.network import Network

PROXY = "http://proxy.corp.test:3128"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    """Set these proxy variables and no others."""

    def set_only(**variables: str) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_only


@pytest.mark.parametrize(
    ("variables", "url", "variable"),
    [
        ({}, "https://ls.example.com/", None),
        ({"HTTPS_PROXY": PROXY}, "https://ls.example.com/", "HTTPS_PROXY"),
        ({"https_proxy": PROXY}, "https://ls.example.com/", "HTTPS_PROXY"),
        ({"HTTP_PROXY": PROXY}, "https://ls.example.com/", None),
        ({"HTTP_PROXY": PROXY}, "http://ls.example.com/", "HTTP_PROXY"),
        ({"ALL_PROXY": PROXY}, "http://ls.example.com/", "ALL_PROXY"),
        ({"ALL_PROXY": "http://other:1", "HTTP_PROXY": PROXY}, "http://ls.example.com/", "HTTP_PROXY"),
    ],
)
def test_the_scheme_chooses_the_variable(environment, variables, url, variable):
    """HTTPS_PROXY for https, HTTP_PROXY for http, ALL_PROXY for what neither names."""
    environment(**variables)
    found = Network().proxy(url)
    assert (found and found.variable) == variable
    assert found is None or found.url == PROXY


@pytest.mark.parametrize("url", ["http://localhost:8080/", "http://127.0.0.1/", "http://127.8.9.1/", "http://[::1]/"])
def test_loopback_goes_without_a_proxy(environment, url):
    """This machine is reached directly, whatever the environment says."""
    environment(ALL_PROXY=PROXY, HTTP_PROXY=PROXY)
    assert Network().proxy(url) is None


@pytest.mark.parametrize(
    ("no_proxy", "url", "is_direct"),
    [
        ("example.com", "http://ls.example.com/", True),
        (".example.com", "http://ls.example.com/", True),
        ("other.com, ls.example.com", "http://ls.example.com:8080/", True),
        ("ls.example.com:8080", "http://ls.example.com:8080/", True),
        ("ls.example.com:8080", "http://ls.example.com/", False),
        ("*", "http://ls.example.com/", True),
        ("example.com", "http://example.com.evil.test/", False),
        ("10.0.0.0/8", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://11.1.2.3/", False),
        ("10.1.2.3", "http://10.1.2.3:9000/", True),
        ("fd00::/8", "http://[fd00::1]/", True),
        ("nonsense/8,10.0.0.0/8", "http://10.1.2.3/", True),
    ],
)
def test_no_proxy_names_hosts_domains_and_networks(environment, no_proxy, url, is_direct):
    """NO_PROXY as the other programs of a company read it."""
    environment(HTTP_PROXY=PROXY, NO_PROXY=no_proxy)
    assert (Network().proxy(url) is None) is is_direct


def test_a_proxy_without_a_scheme_is_an_http_proxy(environment):
    """As most programs take it."""
    environment(HTTP_PROXY="proxy.corp.test:3128")
    found = Network().proxy("http://ls.example.com/")
    assert found
    assert found.url == PROXY


@pytest.mark.parametrize("value", ["socks5://proxy:1080", "http://", "http://proxy:99999", "http://[::1"])
def test_a_proxy_that_errata_cannot_speak_to_is_a_wrong_setting(environment, value):
    """The error names the variable."""
    environment(HTTPS_PROXY=value)
    with pytest.raises(SettingError, match="HTTPS_PROXY is wrong"):
        Network().proxy("https://ls.example.com/")


def test_a_proxys_password_is_not_shown(environment):
    """Neither in what errors name nor when it is printed."""
    environment(HTTPS_PROXY="http://ann:hidden@proxy.corp.test:3128")
    found = Network().proxy("https://ls.example.com/")
    assert found
    assert found.place == PROXY
    assert "hidden" not in repr(found)
