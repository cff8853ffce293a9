"""Who may call: HTTP Basic as Label Studio's backend form offers it, and a secret header on webhooks."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from errata.errors import SettingError
from errata.labelstudio.connection import SECRET_HEADER
from errata.settings import Settings


@dataclass(frozen=True, slots=True)
class Credentials:
    """What callers must show. Without a password everybody may call: for loopback only.

    Attributes:
        public_host: the host of errata's public URL, None where that is not set.
    """

    user: str
    password: str | None = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    public_host: str | None = None

    def trusts_host(self, headers: Headers) -> bool:
        """Say whether a request is meant for errata by its Host.

        Without a password this is all that keeps out a page of another site whose name was made to point to this
        machine after it was loaded (DNS rebinding): to the browser it is errata's own page then.
        """
        host = _host(headers.get("host", ""))
        return self.password is not None or _is_loopback(host) or (host != "" and host == self.public_host)

    def allow(self, headers: Headers) -> bool:
        """Say whether a request may pass by HTTP Basic."""
        if self.password is None:
            return True
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded.strip().encode("latin-1"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            return False
        return _is_same(given, f"{self.user}:{self.password}")

    def allow_webhook(self, headers: Headers) -> bool:
        """Say whether a webhook may pass: by its secret where it carries one, by HTTP Basic otherwise."""
        given = headers.get(SECRET_HEADER)
        if given is None:
            return self.allow(headers)
        return self.webhook_secret is not None and _is_same(given.encode("latin-1"), self.webhook_secret)


def _is_same(given: bytes, expected: str) -> bool:
    """Compare in constant time. Clients write characters beyond ASCII as UTF-8 or, like `requests`, as Latin-1."""
    is_utf8 = hmac.compare_digest(given, expected.encode())
    is_latin1 = hmac.compare_digest(given, expected.encode("latin-1", "xmlcharrefreplace"))
    return is_utf8 or is_latin1


def is_from_another_site(headers: Headers) -> bool:
    """Say whether a browser sends this on behalf of a page that is not errata's own."""
    return headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def check_exposure(settings: Settings) -> None:
    """Refuse to listen to a network without a password.

    Raises:
        SettingError: there is no password and the host is not loopback.
    """
    has_password = settings.backend_password is not None and settings.backend_password.get_secret_value()
    if not has_password and not _is_loopback(settings.host):
        raise SettingError(
            f"ERRATA_BACKEND_PASSWORD is not set, but ERRATA_HOST is {settings.host}, which others can reach; "
            "set a password (and give it to Label Studio's backend form), or listen on 127.0.0.1."
        )


def _host(authority: str) -> str:
    """Return the name or address in "name:port", "" where there is none."""
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
