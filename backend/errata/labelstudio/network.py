"""How other hosts are reached: whose certificates count, through which proxy, and what to say where that fails."""

from __future__ import annotations

import ipaddress
import ssl
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpcore
import httpx
import truststore

from errata.errors import SettingError

_PORTS = {"http": 80, "https": 443}
_HOSTNAME_MISMATCH, _EXPIRED, _NOT_YET_VALID = 62, 10, 9  # OpenSSL's X509_V_ERR_
_CONNECT_ERRORS = (httpx.ConnectError, httpx.ConnectTimeout, httpcore.ConnectError, httpcore.ConnectTimeout)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy of the environment."""

    url: str = field(repr=False)  # with user and password where it wants them
    variable: str  # that names it

    @property
    def place(self) -> str:
        """Its scheme, host and port: what may be shown."""
        return shown_origin(self.url)


class Network:
    """The way to other hosts. Thread-safe.

    Certificates are judged by the system's trust store (on Linux OpenSSL's, so that SSL_CERT_FILE and SSL_CERT_DIR
    count; on macOS the keychain), and by a company's own authority. Proxies are those of the environment (HTTP_PROXY,
    HTTPS_PROXY, ALL_PROXY, NO_PROXY in capitals or not, networks such as 10.0.0.0/8 included) as the standard library
    reads them, which on macOS adds the system's; loopback is always reached directly.

    Args:
        ca_bundle: a PEM file of authorities to trust besides the system's.

    Attributes:
        trust: for TLS connections.

    Raises:
        SettingError: the file cannot be read or holds no certificate.
    """

    def __init__(self, ca_bundle: Path | None = None) -> None:
        self.trust: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca_bundle is None:
            return
        try:
            self.trust.load_verify_locations(cafile=ca_bundle)
        except OSError as error:  # ssl.SSLError is one
            raise SettingError(
                f"ERRATA_CA_BUNDLE is wrong because {ca_bundle} cannot be read or holds no certificate; "
                "name a PEM file (-----BEGIN CERTIFICATE-----)."
            ) from error

    def proxy(self, url: str) -> Proxy | None:
        """Return the proxy that the environment wants for an address, None where it is reached directly.

        Raises:
            SettingError: errata does not speak to such a proxy.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if is_loopback(host) or _is_excepted(host, parts.port or _PORTS.get(parts.scheme, 0)):
            return None
        proxies = urllib.request.getproxies()
        for key in (parts.scheme, "all"):
            if proxies.get(key):
                return _checked(proxies[key], f"{key.upper()}_PROXY")
        return None

    def trust_in(self, proxy: Proxy) -> ssl.SSLContext | None:
        """Return what judges a proxy's own certificate, None where it has none."""
        return self.trust if proxy.url.startswith("https:") else None

    def open(
        self, url: str, *, headers: dict[str, str] | None = None, timeout_s: float = 5, **options: object
    ) -> httpx.Client:
        """Return a client for requests to the host of `url`; no other host is to be asked with it."""
        proxy = self.proxy(url)
        return httpx.Client(
            verify=self.trust,
            proxy=httpx.Proxy(proxy.url, ssl_context=self.trust_in(proxy)) if proxy else None,
            trust_env=False,  # its way with NO_PROXY is another one, and loopback would go through the proxy
            headers=headers,
            timeout=timeout_s,
            **options,  # type: ignore[arg-type]
        )


def shown_origin(url: str) -> str:
    """Return scheme, host and port alone: a user, a path or a query may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine by its name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def explain(error: BaseException, proxy: Proxy | None) -> str | None:
    """Return what stands in the way to a host and the remedy; None where it is no certificate and no proxy.

    Args:
        error: of httpx or httpcore.
        proxy: that was used.
    """
    refused = _cause(error, ssl.SSLCertVerificationError)
    if isinstance(refused, ssl.SSLCertVerificationError):
        return _untrusted(refused)
    if proxy is not None and isinstance(error, httpx.ProxyError | httpcore.ProxyError):
        return _turned_away(str(error), proxy)
    if _is_no_tls(error):
        return "it does not speak TLS there; is it http:// instead of https://?"
    if proxy is not None and isinstance(error, _CONNECT_ERRORS):
        return (
            f"the proxy {proxy.place} cannot be reached; correct {proxy.variable}, or put the host into NO_PROXY "
            "where it needs no proxy."
        )
    return None


def is_final(error: BaseException) -> bool:
    """Say whether the same request would fail again: a certificate or a login does not come by waiting."""
    if _cause(error, ssl.SSLCertVerificationError) is not None or _is_no_tls(error):
        return True
    return isinstance(error, httpx.ProxyError) and str(error).startswith("4")


def _is_no_tls(error: BaseException) -> bool:
    cause = _cause(error, ssl.SSLError)
    return cause is not None and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    code = getattr(error, "verify_code", 0)
    said = (getattr(error, "verify_message", "") or "certificate verify failed").rstrip(".")
    if code == _HOSTNAME_MISMATCH:
        return f"its certificate is another host's ({said}); use the name that is in it."
    if code in (_EXPIRED, _NOT_YET_VALID):
        return f"its certificate is not valid now ({said}); let it be renewed, or set this machine's clock."
    return (
        f"its certificate is not trusted ({said}); let ERRATA_CA_BUNDLE name a PEM file with the certificate of the "
        "authority that signed it, or add that to the system's trust store."
    )


def _turned_away(said: str, proxy: Proxy) -> str:
    who = f"the proxy {proxy.place}, which {proxy.variable} names,"
    if said.startswith("407"):
        return f"{who} refuses ({said}); put user and password into {proxy.variable} (http://USER:PASSWORD@HOST:PORT)."
    if said.startswith("5"):
        return f"{who} does not get there ({said}); does it run there, and should NO_PROXY name the host?"
    return f"{who} refuses ({said}); let it be allowed there, or put the host into NO_PROXY where it needs no proxy."


def _cause(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _is_excepted(host: str, port: int) -> bool:
    """Say whether NO_PROXY names the host."""
    if urllib.request.proxy_bypass(f"{host}:{port}"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in urllib.request.getproxies().get("no", "").split(","):
        try:
            if address in ipaddress.ip_network(entry.strip(), strict=False):
                return True
        except ValueError:  # a name
            continue
    return False


def _checked(url: str, variable: str) -> Proxy:
    """Return the proxy; one without a scheme is meant to be spoken to in plain HTTP.

    Raises:
        SettingError: it is no address, or of another sort than an HTTP proxy.
    """
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise SettingError(
            f"{variable} is wrong because errata speaks to HTTP proxies alone; give http://HOST:PORT, or put the "
            "host into NO_PROXY."
        )
    return Proxy(url, variable)
