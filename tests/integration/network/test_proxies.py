"""A company's proxy: the only way out, and the only one that can look names up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.audit.snapshot import Snapshot
from errata.errors import (
    LabelStudioRefused,
    LabelStudioUnreachable,
    MediaError,
    NothingToLearn,
    ServiceError,
    UsageError,
)
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import FolderMedia, ProjectMedia
from errata.labelstudio.ml_backend import BackendBeliever
from errata.labelstudio.network import Network

HOST = "label-studio.corp.test"  # a name that only the proxy knows


@pytest.fixture
def behind_proxy(
    proxy: Any, gateway: Any, authority: Any, label_studio: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., LabelStudio]:
    """Open Label Studio by a name that only the proxy knows."""

    def open_client(scheme: str, variable: str | None = None, user: str = "") -> LabelStudio:
        front = gateway(trust=authority.server(HOST) if scheme == "https" else None)
        proxy.places[HOST] = front.server_port
        address = proxy.url.replace("http://", f"http://{user}")
        monkeypatch.setenv(variable or f"{scheme.upper()}_PROXY", address)
        network = Network(authority.bundle)
        client: LabelStudio = opened(LabelStudio(f"{scheme}://{HOST}/", label_studio.token, network=network))
        return client

    return open_client


def test_https_goes_through_a_tunnel(behind_proxy: Any, proxy: Any, label_studio: Any) -> None:
    """Label Studio is reached by CONNECT, and the proxy sees neither token nor path."""
    assert "results" in behind_proxy("https").get("api/projects/")
    assert [(each.method, each.target) for each in proxy.seen] == [("CONNECT", f"{HOST}:443")]
    assert label_studio.token not in str(proxy.seen)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_plain_http_is_forwarded(behind_proxy: Any, proxy: Any, variable: str) -> None:
    """Whichever of the usual variables names the proxy."""
    assert "results" in behind_proxy("http", variable).get("api/projects/")
    assert [each.target for each in proxy.seen] == [f"http://{HOST}/api/projects/"]


def test_the_proxys_login_is_sent_to_it_alone(behind_proxy: Any, proxy: Any) -> None:
    """User and password of the variable go to the proxy, decoded, and into no error."""
    client = behind_proxy("https", user="ann:p%40ss@")
    client.get("api/projects/")
    assert proxy.seen[0].headers["proxy-authorization"] == "Basic YW5uOnBAc3M="
    proxy.refuses = 407
    client.close()
    with pytest.raises(LabelStudioUnreachable) as raised:
        behind_proxy("https", user="ann:p%40ss@").get("api/projects/")
    assert "p%40ss" not in str(raised.value)
    assert "p@ss" not in str(raised.value)


@pytest.mark.parametrize(
    ("scheme", "status", "said"),
    [
        ("https", 407, r"HTTPS_PROXY names, refuses \(407.*user and password into HTTPS_PROXY"),
        ("https", 403, r"HTTPS_PROXY names, refuses \(403.*NO_PROXY"),
        ("http", 407, r"user and password into HTTP_PROXY"),
        ("http", 403, r"not by Label Studio.*HTTP_PROXY"),
    ],
)
def test_a_proxy_that_refuses_is_named(behind_proxy: Any, proxy: Any, scheme: str, status: int, said: str) -> None:
    """The error names the variable and what to put there; it is not tried again."""
    proxy.refuses = status
    with pytest.raises((LabelStudioUnreachable, LabelStudioRefused), match=said):
        behind_proxy(scheme).get("api/projects/")
    assert len(proxy.seen) == 1


def test_a_host_that_the_proxy_does_not_reach_is_named(behind_proxy: Any, proxy: Any) -> None:
    """A proxy that cannot connect either may succeed later: it is tried again, and then the error says which way."""
    client = behind_proxy("https")
    proxy.places.clear()
    with pytest.raises(LabelStudioUnreachable, match=r"HTTPS_PROXY names, does not get there \(502.*NO_PROXY"):
        client.get("api/projects/")
    assert len(proxy.seen) > 1


def test_a_proxy_that_is_not_there_is_named(behind_proxy: Any, proxy: Any) -> None:
    """A dead proxy is not mistaken for a dead Label Studio."""
    client = behind_proxy("https")
    proxy.stop_listening()
    with pytest.raises(LabelStudioUnreachable, match=r"the proxy http://localhost:\d+ cannot be reached.*HTTPS_PROXY"):
        client.get("api/projects/")


def test_loopback_and_what_no_proxy_names_go_without(
    proxy: Any, label_studio: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine is never asked for through a proxy, whatever the environment says."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("ALL_PROXY", proxy.url)
    assert "results" in opened(LabelStudio(label_studio.url, label_studio.token)).get("api/projects/")
    assert proxy.seen == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_media_of_named_hosts_come_through_the_proxy(
    proxy: Any, site: Any, authority: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """A host that ERRATA_MEDIA_HOSTS names is asked for by name, though only the proxy can look it up."""
    images = site(trust=authority.server("images.corp.test") if scheme == "https" else None)
    images.says(b"image")
    proxy.places["images.corp.test"] = images.server_port
    monkeypatch.setenv(f"{scheme}_proxy", proxy.url)
    url = f"{scheme}://images.corp.test/a.png?key=hidden"
    media = opened(FolderMedia(None, ("images.corp.test",), network=Network(authority.bundle)))
    assert media.read(url, 1) == b"image"
    assert len(proxy.seen) == 1
    proxy.refuses = 403
    refusing = opened(FolderMedia(None, ("images.corp.test",), network=Network(authority.bundle)))
    with pytest.raises(MediaError) as raised:
        refusing.read(url, 1)
    assert "403" in str(raised.value)
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "said"),
    [("storage.corp.test", "looked up here"), ("10.1.2.3", "private address"), ("[::ffff:10.1.2.3]", "private")],
)  # fmt: skip
def test_the_proxy_is_not_asked_for_private_hosts(
    proxy: Any, site: Any, opened: Any, monkeypatch: pytest.MonkeyPatch, host: str, said: str
) -> None:
    """Where Label Studio redirects to a host that nobody named, errata has to know that it is public."""
    label_studio = site()
    label_studio.says(b"", 303, Location=f"http://{host}/a.png?sig=hidden")
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    client = opened(LabelStudio(label_studio.url, "0123456789abcdef", deadline_s=5))
    with pytest.raises(MediaError, match=rf"{said}.*ERRATA_MEDIA_HOSTS") as raised:
        opened(ProjectMedia(client)).read("s3://bucket/a.png", 1)
    assert "hidden" not in str(raised.value)
    assert proxy.seen == []


def test_a_public_storage_is_reached_through_the_proxy(
    proxy: Any, site: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A presigned address of a public storage is fetched by the proxy, without the token."""
    storage, label_studio = site(), site()
    storage.says(b"image")
    label_studio.says(b"", 303, Location="http://93.184.215.14/a.png?sig=s")
    proxy.places["93.184.215.14"] = storage.server_port
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    client = opened(LabelStudio(label_studio.url, "0123456789abcdef", deadline_s=5))
    assert opened(ProjectMedia(client)).read("s3://bucket/a.png", 1) == b"image"
    assert "authorization" not in storage.seen[0].headers
    assert proxy.seen[0].target == "http://93.184.215.14/a.png?sig=s"


def test_another_ml_backend_is_asked_through_the_proxy(proxy: Any, site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of belief that only the proxy knows; a proxy that refuses is named."""
    backend = site()
    backend.says({"model_version": "theirs", "results": []})
    proxy.places["model.corp.test"] = backend.server_port
    nothing = Snapshot("http://ls/", 1, "Vehicles", "<View/>", (), (), ())
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    believer = BackendBeliever("http://model.corp.test:9000", Network())
    with pytest.raises(NothingToLearn):
        believer.believe(nothing, LineProgress(lambda _: None))
    assert [each.target for each in proxy.seen] == ["http://model.corp.test:9000/setup"]
    proxy.close()
    with pytest.raises(ServiceError, match=r"ML backend at model\.corp\.test cannot be used: the proxy.*HTTP_PROXY"):
        believer.believe(nothing, LineProgress(lambda _: None))


@pytest.mark.parametrize("url", ["http://x:99999", "http://[::1", "http://x:abc"])
def test_an_ml_backend_without_an_address_is_wrong_use(url: str) -> None:
    """What cannot be asked is said before anything is."""
    with pytest.raises(UsageError, match="no address"):
        BackendBeliever(url)
