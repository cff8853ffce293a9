"""Calls a server as Label Studio does, a new connection a call, and measures how long each answer takes."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Latency:
    """Milliseconds over all calls."""

    n: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    per_second: float

    @classmethod
    def of(cls, seconds: Sequence[float], elapsed_s: float) -> Latency:
        """Summarise calls that took `elapsed_s` together."""
        p50, p99 = np.percentile(seconds, [50, 99]) * 1000
        longest = max(seconds) * 1000
        return cls(len(seconds), *(round(float(x), 2) for x in (p50, p99, longest)), round(len(seconds) / elapsed_s, 1))


def post(path: str, body: object, headers: str = "") -> bytes:
    """Return the bytes of a POST request."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: heartex/1.23.2\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n{headers}\r\n"
    )
    return head.encode() + content


async def call(port: int, request: bytes) -> bytes:
    """Make one call over a connection of its own; return the answer's body.

    Raises:
        RuntimeError: the answer is not 200.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if head.split(b" ", 2)[1:2] != [b"200"]:
        raise RuntimeError(f"the server answered {head[:200]!r} {body[:500]!r}")
    return body


async def at_once(port: int, requests: Sequence[bytes], n_clients: int, *, is_kept: bool) -> Latency:
    """Let clients call one after another, each as soon as its last call is answered.

    Args:
        is_kept: each client keeps its connection, instead of opening one for each call.
    """
    waiting = iter(requests)
    seconds: list[float] = []

    async def fresh() -> None:
        for request in waiting:
            began = time.perf_counter()
            await call(port, request)
            seconds.append(time.perf_counter() - began)

    async def kept() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            began = time.perf_counter()
            writer.write(request.replace(b"Connection: close", b"Connection: keep-alive", 1))
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.partition(b":")[2]))
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the server answered {head[:200]!r}")
            seconds.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(kept() if is_kept else fresh() for _ in range(n_clients)))
    return Latency.of(seconds, time.perf_counter() - began)


async def at_rate(port: int, request: bytes, per_second: float, n_clients: int, duration_s: float) -> Latency:
    """Send at fixed moments, whether or not earlier calls are answered; a call counts from its moment on."""
    numbers = itertools.count()
    seconds: list[float] = []
    began = time.perf_counter()

    async def client() -> None:
        for number in numbers:
            moment = began + number / per_second
            if moment - began > duration_s:
                return
            await asyncio.sleep(max(0.0, moment - time.perf_counter()))
            await call(port, request)
            seconds.append(time.perf_counter() - moment)

    await asyncio.gather(*(client() for _ in range(n_clients)))
    return Latency.of(seconds, time.perf_counter() - began)
