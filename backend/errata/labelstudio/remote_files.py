"""Files on hosts that are not Label Studio's: only where allowed, and never with its token."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from errata.errors import MediaError
from errata.labelstudio.wire import read_bounded

_MAX_REDIRECTS = 5
_CONNECT_S = 10.0
_NAME_IT = "name it in ERRATA_MEDIA_HOSTS if errata may"


class RemoteFiles:
    """Fetches http(s) files. Thread-safe. Proxies of the environment are not used: they would do the name look-ups.

    A host is allowed if it is named. A host that Label Studio redirects to for a file of its storage is allowed as long
    as its address is public. Names are resolved once, and the connection goes to the very address that was checked.

    Args:
        hosts: the hosts that are named, each as HOST or HOST:PORT; they may have private addresses.
        max_bytes: largest file.
        timeout_s: longest time for a file, redirects included.
    """

    def __init__(self, hosts: Sequence[str], max_bytes: int, timeout_s: float) -> None:
        self._hosts = frozenset(host.lower().strip() for host in hosts)
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._clock = _Clock()
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=32,
            keepalive_expiry=5.0,
            network_backend=_CheckedNetwork(self._is_named, self._clock),
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def read(self, url: str, *, is_storage: bool = False) -> bytes:
        """Return a file.

        Args:
            url: where it is.
            is_storage: Label Studio itself redirected there.

        Raises:
            MediaError: it is missing, too large, not allowed or took too long.
        """
        self._clock.deadline = time.monotonic() + self._timeout_s
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                found = self._hop(url, is_storage)
                if isinstance(found, bytes):
                    return found
                url = _joined(url, found)
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            raise MediaError(f"{_host(url)} took longer than {self._timeout_s:g} s") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
            raise MediaError(f"{_host(url)} cannot be reached") from error
        raise MediaError(f"more than {_MAX_REDIRECTS} redirects")

    def _hop(self, url: str, is_storage: bool) -> bytes | str:
        """Return the file, or the address that it redirects to."""
        target = self._checked(url, is_storage)
        headers: list[tuple[bytes | str, bytes | str]] = [
            ("Host", target.netloc),
            ("User-Agent", "errata"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
        ]
        left_s = max(0.0, self._clock.deadline - time.monotonic())
        timeouts = {"connect": min(_CONNECT_S, left_s), "read": left_s, "write": left_s, "pool": left_s}
        with self._pool.stream(
            b"GET",
            httpcore.URL(scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path),
            headers=headers,
            extensions={"timeout": timeouts},
        ) as response:
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
        if not (is_storage or self._is_named(target.host, target.port or {"http": 80, "https": 443}[target.scheme])):
            raise MediaError(f"{target.host} is not a host that media may come from: {_NAME_IT}")
        return target

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


class _Clock(threading.local):
    """When the file that this thread reads must be there (`time.monotonic()`)."""

    deadline = 0.0


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to public addresses, or to any address of a named host."""

    def __init__(self, is_named: Any, clock: _Clock) -> None:
        self._is_named = is_named
        self._clock = clock
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failure: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectError("no address")
        for address in self._addresses(host, port):
            try:
                stream = self._system.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _TimedStream(stream, self._clock)
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise MediaError(f"{host} is not a known host") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        allowed = addresses if self._is_named(host, port) else [each for each in addresses if is_public(each)]
        if not allowed:
            raise MediaError(f"{host} has a private address, where errata does not go: {_NAME_IT}")
        return allowed


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no single read outlasts the file's deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left_s = self._clock.deadline - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("deadline")
        return self._stream.read(max_bytes, min(left_s, timeout or left_s))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


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


def _host(url: str) -> str:
    return urlsplit(url).hostname or "its host"
