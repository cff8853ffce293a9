"""What a company has of its own between errata and Label Studio, and its certificates."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme


class Authority:
    """A company's certificate authority."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA(organization_name="Example Corp")
        self.bundle = folder / "example-corp.pem"
        self._authority.cert_pem.write_to_path(str(self.bundle))

    def server(self, *names: str, **options: Any) -> ssl.SSLContext:
        """Return what a server with a certificate for these names needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names, **options).configure_cert(context)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the proxies of the machine that the tests run on."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
