"""One request to Label Studio, sent again where that is safe and may help."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from itertools import count
from typing import Any

import httpx

from errata.errors import LabelStudioUnreachable, MediaError
from errata.labelstudio.failures import to_error
from errata.labelstudio.network import Network, Proxy, explain, is_final

_CONNECT_S = 5.0
_STRANGER_S = 5.0  # patience with an address that never answered: it is more likely wrong than busy
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 8.0
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_TURNED_AWAY = frozenset({429, 503})  # not accepted: sending it again is safe
_MAY_PASS = frozenset({429, 502, 503, 504})


class LabelStudioSilent(LabelStudioUnreachable):
    """Label Studio took the request and did not answer in time."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of Label Studio."""

    method: str
    url: str
    path: str  # as errors name it, without query
    headers: dict[str, str] = field(default_factory=dict)
    params: Any = None
    json: Any = None
    files: Sequence[tuple[str, bytes]] = ()  # (name, content)
    timeout_s: float | None = None
    deadline_s: float | None = None  # no sending later than this after the first
    is_repeatable: bool = True
    max_bytes: int | None = None

    def signed(self, authorization: str) -> Request:
        """Return the request with an `Authorization` header."""
        return replace(self, headers={**self.headers, "Authorization": authorization})

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Wire:
    """Sends requests to Label Studio's host, with growing, jittered pauses between attempts. Thread-safe.

    Args:
        url: of Label Studio.
        network: the way there.
        headers: that every request carries besides errata's own.
        timeout_s: how long Label Studio may be silent in one attempt.
        deadline_s: no attempt begins later than this after the first.
        keeps_connections: for the next request. Not with Label Studio's own server: it sends an answer's head and
            body as two packets, and on a kept connection the second one waits for the acknowledgement of the first,
            40 ms of 50 that a small request takes.
    """

    def __init__(
        self,
        url: str,
        network: Network,
        headers: Mapping[str, str],
        timeout_s: float,
        deadline_s: float,
        keeps_connections: bool,
    ) -> None:
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s
        self._has_answered = False
        self._proxy = network.proxy(url)
        self._http = network.open(
            url,
            headers={"User-Agent": "errata", "Accept": "application/json", **headers},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # keeps none: a session outranks a token
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=None if keeps_connections else 0),
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, request: Request) -> httpx.Response:
        """Return the first answer that is final, its body read; any status.

        Raises:
            LabelStudioUnreachable: there was none in time, or it is not known whether the request was accepted.
            MediaError: the body is larger than `max_bytes`, or was broken off.
        """
        limit_s = self._deadline_s if request.deadline_s is None else request.deadline_s
        started = time.monotonic()
        pause_s = _FIRST_PAUSE_S
        may_have_happened = False
        for attempt in count():
            wait_s = pause_s * random.uniform(0.5, 1)
            try:
                response = self._attempt(request, started + limit_s)
            except httpx.RequestError as error:
                failure = _failure(request, error, self._proxy)
                may_have_happened |= not isinstance(error, _NEVER_SENT)
                if is_final(error) or not (request.is_repeatable or isinstance(error, _NEVER_SENT)):
                    raise failure from error
                patience_s = limit_s if self._has_answered else min(_STRANGER_S, limit_s)
                if time.monotonic() + wait_s > started + patience_s:
                    raise failure from error
            else:
                self._has_answered = True
                if not _is_worth_repeating(request, response, attempt):
                    is_done = request.method == "DELETE" and response.status_code == 404 and may_have_happened
                    return httpx.Response(204) if is_done else response
                may_have_happened |= response.status_code not in _TURNED_AWAY
                wait_s = max(wait_s, _retry_after_s(response))
                if time.monotonic() + wait_s > started + limit_s:
                    raise to_error(response, str(request))
            time.sleep(wait_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        raise AssertionError("unreachable")

    def _attempt(self, request: Request, deadline: float) -> httpx.Response:
        silence_s = request.timeout_s or self._timeout_s
        if request.max_bytes is not None:
            silence_s = min(silence_s, max(0.1, deadline - time.monotonic()))
        with self._http.stream(
            request.method,
            request.url,
            params=request.params,
            json=request.json,
            files=[(each[0], each) for each in request.files] or None,  # Label Studio takes one file a field
            headers=request.headers,
            timeout=httpx.Timeout(silence_s, connect=min(_CONNECT_S, silence_s)),
        ) as response:
            if request.max_bytes is None:
                response.read()
                return response
            content = read_bounded(response.iter_bytes(), request.max_bytes, deadline)
            kept = {k: v for k, v in response.headers.items() if k in ("content-type", "location", "retry-after")}
            return httpx.Response(response.status_code, headers=kept, content=content)


def read_bounded(stream: Iterable[bytes], max_bytes: int, deadline: float) -> bytes:
    """Return what a stream holds.

    Raises:
        MediaError: it is larger than `max_bytes`.
        httpx.ReadTimeout: it is not there by `deadline` (`time.monotonic()`).
    """
    chunks: list[bytes] = []
    left = max_bytes
    for chunk in stream:
        left -= len(chunk)
        if left < 0:
            raise MediaError(f"it is larger than {max_bytes:,} bytes")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("deadline")
        chunks.append(chunk)
    return b"".join(chunks)


def _is_worth_repeating(request: Request, response: httpx.Response, attempt: int) -> bool:
    status = response.status_code
    if not request.is_repeatable:
        return status in _TURNED_AWAY
    if status == 500:  # a list fails once when a task is deleted while it is put together; a missing file always
        is_list = request.method == "GET" and request.max_bytes is None
        return b"database is locked" in response.content or (is_list and attempt == 0)
    return status in _MAY_PASS


def _retry_after_s(response: httpx.Response) -> float:
    said = response.headers.get("retry-after", "").strip()
    if said.isdigit():
        return float(said)
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        return 0.0
    return max(0.0, (when - datetime.now(timezone.utc)).total_seconds())


def _failure(request: Request, error: httpx.RequestError, proxy: Proxy | None) -> LabelStudioUnreachable | MediaError:
    if request.max_bytes is not None and isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return MediaError("Label Studio broke it off")  # as it does with files that its storage is slow to give
    place = httpx.URL(request.url)
    where = f"Label Studio at {place.scheme}://{place.netloc.decode('ascii')}"
    reason = explain(error, proxy)
    if reason:
        return LabelStudioUnreachable(f"{where} cannot be reached ({request}): {reason}")
    if isinstance(error, _NEVER_SENT):
        return LabelStudioUnreachable(
            f"{where} cannot be reached ({request}). Is it running, and is ERRATA_LABEL_STUDIO_URL its address?"
        )
    after = (
        "Try again when it is less busy."
        if request.is_repeatable
        else "It is not known whether it was accepted, so it was not sent again."
    )
    if isinstance(error, httpx.TimeoutException):
        return LabelStudioSilent(f"{where} was silent for too long at {request}. {after}")
    return LabelStudioUnreachable(f"{where} hung up at {request}. {after}")
