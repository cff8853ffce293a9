"""A company's own certificate authority, before everything that errata asks."""

from __future__ import annotations

import datetime
import hashlib
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from errata.audit.progress import LineProgress
from errata.audit.snapshot import Snapshot
from errata.errors import LabelStudioUnreachable, MediaError, NothingToLearn, ServiceError, SettingError
from errata.labelstudio.client import LabelStudio
from errata.labelstudio.media import FolderMedia
from errata.labelstudio.ml_backend import BackendBeliever
from errata.labelstudio.network import Network
from errata_model.encoders.weights import WeightsUnavailable, download


@pytest.fixture
def behind_tls(gateway: Any, authority: Any) -> Any:
    return gateway(trust=authority.server("localhost"))


def test_a_companys_certificates_are_trusted_by_name(
    behind_tls: Any, authority: Any, label_studio: Any, opened: Any
) -> None:
    """Without ERRATA_CA_BUNDLE the error names it, at once; with it Label Studio answers over TLS."""
    with pytest.raises(LabelStudioUnreachable, match=r"not trusted.*ERRATA_CA_BUNDLE"):
        opened(LabelStudio(behind_tls.url, label_studio.token)).get("api/projects/")
    assert behind_tls.n_connections == 1, "it was tried again, as if waiting could help"
    trusting = opened(LabelStudio(behind_tls.url, label_studio.token, network=Network(authority.bundle)))
    assert "results" in trusting.get("api/projects/")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS trusts its keychain, which a test leaves alone")
def test_the_systems_trust_store_counts(
    behind_tls: Any, authority: Any, label_studio: Any, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system trusts (here through OpenSSL's own variable) needs no setting."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    assert "results" in opened(LabelStudio(behind_tls.url, label_studio.token)).get("api/projects/")


class NoTls(socketserver.BaseRequestHandler):
    """Answers a TLS client as nginx does that listens for plain HTTP."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        self.request.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while self.request.recv(65536):
                pass


@pytest.fixture
def plain_port() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NoTls) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_other_troubles_with_certificates_are_named(
    gateway: Any, plain_port: int, authority: Any, label_studio: Any, opened: Any
) -> None:
    """Another host's, one that is no longer valid, and no TLS at all each have a remedy of their own."""
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    long_ago = yesterday - datetime.timedelta(days=9)
    of_another = gateway(trust=authority.server("other.corp.test"))
    expired = gateway(trust=authority.server("localhost", not_before=long_ago, not_after=yesterday))
    network = Network(authority.bundle)
    for url, said in (
        (of_another.url, r"another host's.*use the name that is in it"),
        (expired.url, r"not valid now.*clock"),
        (f"https://localhost:{plain_port}/", r"http:// instead of https://"),
    ):
        with pytest.raises(LabelStudioUnreachable, match=said):
            opened(LabelStudio(url, label_studio.token, network=network)).get("api/projects/")


def test_a_bundle_that_is_none_is_named(tmp_path: Path) -> None:
    """A missing file and one without a certificate are wrong settings."""
    (tmp_path / "empty.pem").write_text("nothing")
    for path in (tmp_path / "empty.pem", tmp_path / "missing.pem", tmp_path):
        with pytest.raises(SettingError, match="ERRATA_CA_BUNDLE"):
            Network(path)


def test_media_of_other_hosts_are_fetched_by_the_same_trust(site: Any, authority: Any, opened: Any) -> None:
    """An image on a host with the company's certificate costs its task only, and says why; trusted, it is read."""
    images = site(trust=authority.server("localhost"))
    images.says(b"image")
    named = (f"localhost:{images.server_port}",)
    with pytest.raises(MediaError, match="ERRATA_CA_BUNDLE"):
        opened(FolderMedia(None, named)).read(images.url + "a.png", 1)
    assert opened(FolderMedia(None, named, network=Network(authority.bundle))).read(images.url + "a.png", 1) == b"image"


def test_another_ml_backend_is_asked_by_the_same_trust(site: Any, authority: Any) -> None:
    """A source of belief behind the company's certificate answers where that is trusted, and is named where not."""
    backend = site(trust=authority.server("localhost"))
    backend.says({"model_version": "theirs", "results": []})
    nothing = Snapshot("http://ls/", 1, "Vehicles", "<View/>", (), (), ())
    with pytest.raises(ServiceError, match=r"ML backend at localhost.*ERRATA_CA_BUNDLE"):
        BackendBeliever(backend.url, Network()).believe(nothing, LineProgress(lambda _: None))
    assert backend.seen == []
    with pytest.raises(NothingToLearn):  # it was asked, about no task
        BackendBeliever(backend.url, Network(authority.bundle)).believe(nothing, LineProgress(lambda _: None))
    assert [each.target for each in backend.seen] == ["/setup"]


def test_weights_are_downloaded_by_the_same_trust(site: Any, authority: Any, tmp_path: Path) -> None:
    """A mirror with the company's certificate gives the weights where that is trusted."""
    mirror = site(trust=authority.server("localhost"))
    mirror.says(b"weights")
    name = f"net-{hashlib.sha256(b'weights').hexdigest()[:8]}.pth"
    with pytest.raises(WeightsUnavailable, match="certificate"):
        download(mirror.url + name, tmp_path / name)
    download(mirror.url + name, tmp_path / name, trust=Network(authority.bundle).trust)
    assert (tmp_path / name).read_bytes() == b"weights"
