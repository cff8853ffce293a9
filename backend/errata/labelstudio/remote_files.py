"""Files on hosts that are not Label Studio's: only where allowed, and never with its token."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpcore
import httpx

from errata.errors import MediaError
from errata.labelstudio.network import Network, Proxy, explain
from errata.labelstudio.timed_network import Clock, TimedNetwork
from errata.labelstudio.wire import read_bounded

_MAX_REDIRECTS = 5
_CONNECT_S = 10.0
_MOST_CONNECTIONS, _KEPT_S = 32, 5.0
_NAME_IT = "name it in ERRATA_MEDIA_HOSTS if errata may"


class RemoteFiles:
    """Fetches http(s) files. Thread-safe.

    A host is allowed if it is named. A host that Label Studio redirects to for a file of its storage is allowed as long
    as its address is public. Names are resolved once, and the connection goes to the very address that was checked.

    Where the environment wants a proxy for a host, the proxy looks its name up and connects, and may come to another
    address than errata does: errata still refuses a host that is not named unless all the addresses that itself finds
    are public, and leaves it to the proxy's own rules what it is that answers there. Where only the proxy can look up
    names, such hosts have to be named.

    Args:
        hosts: the hosts that are named, each as HOST or HOST:PORT; they may have private addresses.
        max_bytes: largest file.
        timeout_s: longest time for a file, redirects included.
        network: the way to other hosts.
    """

    def __init__(self, hosts: Sequence[str], max_bytes: int, timeout_s: float, network: Network) -> None:
        self._hosts = frozenset(host.lower().strip() for host in hosts)
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._network = network
        self._clock = Clock()
        self._pools: dict[Proxy | None, httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            pool.close()

    def read(self, url: str, *, is_storage: bool = False, origin: str | None = None) -> bytes:
        """Return a file.

        Args:
            url: where it is.
            is_storage: Label Studio itself redirected there.
            origin: of a page, which each host on the way then has to let read it (CORS); None asks as no page.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
        """
        self._clock.deadline = time.monotonic() + self._timeout_s
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                found = self._hop(url, is_storage, origin)
                if isinstance(found, bytes):
                    return found
                before, url = url, _joined(url, found)
                if origin is not None and urlsplit(before)[:2] != urlsplit(url)[:2]:
                    origin = "null"  # as browsers do: the second host is asked on behalf of the first
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            raise MediaError(f"{_host(url)} took longer than {self._timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as error:
            reason = explain(error, self._network.proxy(url))
            raise MediaError(f"{_host(url)} cannot be reached" + (f": {reason}" if reason else "")) from error
        raise MediaError(f"more than {_MAX_REDIRECTS} redirects")

    def _hop(self, url: str, is_storage: bool, origin: str | None) -> bytes | str:
        """Return the file, or the address that it redirects to."""
        target = self._checked(url, is_storage)
        proxy = self._network.proxy(url)
        if proxy is not None:
            self._check_proxied(target.host, _port(target))
        headers: list[tuple[bytes | str, bytes | str]] = [
            ("Host", target.netloc),
            ("User-Agent", "errata"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            *([("Origin", origin)] if origin is not None else []),
        ]
        left_s = max(0.0, self._clock.deadline - time.monotonic())
        timeouts = {"connect": min(_CONNECT_S, left_s), "read": left_s, "write": left_s, "pool": left_s}
        with self._pool(proxy).stream(
            b"GET",
            httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path),
            headers=headers,
            extensions={"timeout": timeouts},
        ) as response:
            if origin is not None:
                _check_shared(response, origin, target.host)
            if response.status in (301, 302, 303, 307, 308):
                return _location(response)
            if response.status != 200:
                raise MediaError(f"{target.host} answered {response.status}")
            return read_bounded(response.iter_stream(), self._max_bytes, self._clock.deadline)

    def _checked(self, url: str, is_storage: bool) -> httpx.URL:
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise MediaError("its address is not a URL") from error
        if target.scheme not in ("http", "https") or not target.host:
            raise MediaError(f"addresses with {target.scheme or 'no'}: are not read")
        if target.userinfo:
            raise MediaError("its address holds a user or password")
        if not (is_storage or self._is_named(target.host, _port(target))):
            raise MediaError(f"{target.host} is not a host that media may come from: {_NAME_IT}")
        return target

    def _pool(self, proxy: Proxy | None) -> httpcore.ConnectionPool:
        with self._lock:
            if proxy not in self._pools:
                self._pools[proxy] = self._opened(proxy)
            return self._pools[proxy]

    def _opened(self, proxy: Proxy | None) -> httpcore.ConnectionPool:
        trust = self._network.trust
        if proxy is None:
            return httpcore.ConnectionPool(
                ssl_context=trust,
                max_connections=_MOST_CONNECTIONS,
                keepalive_expiry=_KEPT_S,
                network_backend=TimedNetwork(self._allowed, self._clock),
            )
        parts = urlsplit(proxy.url)
        return httpcore.HTTPProxy(
            proxy.place,
            proxy_auth=None if parts.username is None else (unquote(parts.username), unquote(parts.password or "")),
            proxy_ssl_context=self._network.trust_in(proxy),
            ssl_context=trust,
            max_connections=_MOST_CONNECTIONS,
            keepalive_expiry=_KEPT_S,
            network_backend=TimedNetwork(lambda host, _: [host], self._clock),  # the proxy's, mostly a private one
        )

    def _allowed(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that errata may connect to.

        Raises:
            MediaError: there is none.
        """
        addresses = _resolved(host, port)
        if not addresses:
            raise MediaError(f"{host} is not a known host")
        allowed = addresses if self._is_named(host, port) else [each for each in addresses if is_public(each)]
        if not allowed:
            raise MediaError(f"{host} has a private address, where errata does not go: {_NAME_IT}")
        return allowed

    def _check_proxied(self, host: str, port: int) -> None:
        """Refuse a host that a proxy is not to be asked for.

        Raises:
            MediaError: it is not named, and is not known to be public.
        """
        if self._is_named(host, port):
            return
        addresses = _resolved(host, port)
        if not addresses:
            raise MediaError(f"{host} cannot be looked up here, so that it may be a private one: {_NAME_IT}")
        if not all(is_public(each) for each in addresses):
            raise MediaError(f"{host} has a private address, where errata does not go: {_NAME_IT}")

    def _is_named(self, host: str, port: int) -> bool:
        return not self._hosts.isdisjoint((host.lower(), f"{host.lower()}:{port}"))


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public Internet's, also in its IPv4-in-IPv6 disguises."""
    parsed: Any = ipaddress.ip_address(address)
    if parsed.version == 6:
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if parsed in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)))
        if parsed.sixtofour is not None or parsed.teredo is not None:
            return False
    return bool(parsed.is_global and not parsed.is_multicast and not parsed.is_reserved)


def _check_shared(response: httpcore.Response, origin: str, host: str) -> None:
    """Refuse what a browser would not give to a page of this origin."""
    allowed = {value for name, value in response.headers if name.lower() == b"access-control-allow-origin"}
    if response.status < 400 and allowed.isdisjoint((b"*", origin.encode())):
        raise MediaError(f"{host} does not let pages of {origin} read it (CORS); allow that in its settings")


def _location(response: httpcore.Response) -> str:
    for name, value in response.headers:
        if name.lower() == b"location":
            return str(value.decode("latin-1"))
    raise MediaError("a redirect that leads nowhere")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise MediaError("a redirect that leads nowhere") from error


def _resolved(host: str, port: int) -> list[str]:
    """Return a host's addresses, none where it is not known."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _port(target: httpx.URL) -> int:
    return target.port or {"http": 80, "https": 443}[target.scheme]


def _host(url: str) -> str:
    return urlsplit(url).hostname or "its host"
