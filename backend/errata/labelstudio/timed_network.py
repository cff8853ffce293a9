"""Connections on which no step outlasts a file's deadline, to addresses that somebody chose."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore


class Clock(threading.local):
    """When the file that this thread reads must be there (`time.monotonic()`)."""

    deadline = 0.0


class TimedNetwork(httpcore.NetworkBackend):
    """Connects to the addresses that `addresses(host, port)` gives, in that order, and to no other."""

    def __init__(self, addresses: Callable[[str, int], list[str]], clock: Clock) -> None:
        self._addresses = addresses
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
        """See `httpcore.NetworkBackend.connect_tcp`."""
        failure: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectError("no address")
        for address in self._addresses(host, port):
            try:
                stream = self._system.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
            else:
                return _TimedStream(stream, self._clock)
        raise failure


class _TimedStream(httpcore.NetworkStream):
    """A connection on which no single read outlasts the file's deadline, however slowly bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
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
