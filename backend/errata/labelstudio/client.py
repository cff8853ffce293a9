"""The thin client: every request to Label Studio passes here, and every failure is translated here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import httpx

from errata.errors import ErrataError, LabelStudioGone, LabelStudioUnreachable, MediaError, SettingError
from errata.labelstudio.failures import is_json, not_json, to_error
from errata.labelstudio.network import Network
from errata.labelstudio.tokens import Tokens
from errata.labelstudio.whereabouts import find_address
from errata.labelstudio.wire import Request, Wire

Params = Mapping[str, Any]
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where Label Studio redirects to for a file."""

    url: str


class LabelStudio:
    """Label Studio's REST API. Thread-safe.

    Retries what may pass: failures to connect, 429, 502 to 504 and a locked SQLite database. A POST that Label Studio
    may have accepted already is sent once, unless the caller says that it is repeatable; a PATCH of what people edit
    too is not.

    Args:
        url: where Label Studio is, with any sub-path.
        token: a personal access token or a legacy token.
        network: the way to it and to other hosts; the environment's proxies and the system's trust by default.
        headers: that every request to Label Studio's own address carries, and no other.
        timeout_s: how long Label Studio may be silent in one request.
        deadline_s: no request is sent again later than this after its first sending.

    Attributes:
        url: ends in a slash.
        network: as given.

    Raises:
        SettingError: the address or the token cannot be one.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        network: Network | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 60,
        deadline_s: float = 120,
    ) -> None:
        self.url = _checked(url)
        self.network = network or Network()
        self._headers = dict(headers or {})
        self._tokens = Tokens(token, self._exchange)
        # Its own server knows no TLS; behind https there is another one, and a handshake worth saving.
        keeps = self.url.startswith("https:")
        self._wire = Wire(self.url, self.network, self._headers, timeout_s, deadline_s, keeps_connections=keeps)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def get(self, path: str, params: Params | None = None, timeout_s: float | None = None) -> Any:
        """Return the parsed answer."""
        return self._call(self._request("GET", path, params=params, timeout_s=timeout_s))

    def look(self, path: str, timeout_s: float) -> httpx.Response:
        """Return what is answered to a GET without the token, whatever it is: for who asks what answers there.

        Raises:
            LabelStudioUnreachable: nothing does; its cause says why.
        """
        return self._wire.send(self._request("GET", path, timeout_s=timeout_s, deadline_s=timeout_s))

    def post(
        self,
        path: str,
        json: Any = None,
        params: Params | None = None,
        timeout_s: float | None = None,
        is_repeatable: bool = False,
    ) -> Any:
        """Return the parsed answer, None where it is empty."""
        return self._call(
            self._request("POST", path, json=json, params=params, timeout_s=timeout_s, is_repeatable=is_repeatable)
        )

    def upload(self, path: str, files: Sequence[tuple[str, bytes]], params: Params | None = None) -> Any:
        """Send files, (name, content) each, as a form; return the parsed answer."""
        return self._call(self._request("POST", path, params=params, files=files, is_repeatable=False))

    def patch(self, path: str, json: Any, is_repeatable: bool = True, deadline_s: float | None = None) -> Any:
        """Return the parsed answer; `deadline_s` bounds how long after the first sending it is sent again."""
        return self._call(self._request("PATCH", path, json=json, is_repeatable=is_repeatable, deadline_s=deadline_s))

    def delete(self, path: str, json: Any = None) -> Any:
        """Return the parsed answer, None where it is empty."""
        return self._call(self._request("DELETE", path, json=json))

    def paged(self, path: str, params: Params | None = None, page_size: int = 200) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page by page, whichever of Label Studio's shapes the list has."""
        n_seen = 0
        for page in count(1):
            try:
                body = self.get(path, {**(params or {}), "page": page, "page_size": page_size})
            except LabelStudioGone:
                if page == 1:
                    raise
                return  # a page past the end is a 404
            if isinstance(body, list):
                yield from body
                return
            items = body.get("tasks", body.get("results")) or []
            yield from items
            n_seen += len(items)
            if not items or body.get("next", "?") is None or n_seen >= body.get("total", n_seen + 1):
                return

    def owns(self, url: str) -> bool:
        """Say whether an absolute URL is below Label Studio's own, so that the token may be sent to it."""
        own = urlsplit(self.url)
        try:
            other = urlsplit(url)
            is_same = _origin(own) == _origin(other)
        except ValueError:  # no address at all
            return False
        return (
            is_same
            and other.username is None
            and other.path.startswith(own.path)
            and ".." not in unquote(other.path).split("/")
        )

    def fetch(self, path_or_url: str, max_bytes: int, timeout_s: float) -> bytes | Elsewhere:
        """Return a file below Label Studio's own URL, or where it redirects to for it.

        Raises:
            MediaError: it does not exist, is not below Label Studio's own URL, is too large or took too long.
        """
        url = path_or_url if "://" in path_or_url else self.url + path_or_url.lstrip("/")
        if not self.owns(url):
            raise MediaError("it is not below Label Studio's own address")
        request = Request(
            "GET", url, urlsplit(url).path, timeout_s=timeout_s, deadline_s=timeout_s, max_bytes=max_bytes
        )
        response = self._signed(request)
        if response.is_redirect and "/user/login" not in response.headers["location"]:
            return Elsewhere(urljoin(url, response.headers["location"]))
        if response.is_redirect or response.status_code == 401:
            raise to_error(response, str(request))
        if not response.is_success:
            raise MediaError(f"Label Studio answered {response.status_code}")
        return response.content

    def _request(self, method: str, path: str, **options: Any) -> Request:
        path = path.lstrip("/")
        return Request(method, self.url + path, "/" + path, **options)

    def _call(self, request: Request) -> Any:
        response = self._signed(request)
        if not response.is_success:
            raise self._error(response, request)
        if not response.content:
            return None
        return self._parsed(response, request)

    def _signed(self, request: Request) -> httpx.Response:
        header = self._tokens.header()
        response = self._wire.send(request.signed(header))
        if response.status_code == 401 and self._tokens.forget(header):
            response = self._wire.send(request.signed(self._tokens.header()))
        return response

    def _exchange(self, personal: str) -> str:
        request = self._request("POST", "api/token/refresh/", json={"refresh": personal})
        response = self._wire.send(request)
        if not response.is_success:
            raise self._error(response, request)
        body = self._parsed(response, request)
        access = body.get("access") if isinstance(body, dict) else None
        if not isinstance(access, str):
            raise LabelStudioUnreachable(f"{request} was answered without an access token. Is this Label Studio?")
        return access

    def _parsed(self, response: httpx.Response, request: Request) -> Any:
        if not is_json(response):
            raise self._error(response, request)
        try:
            return response.json()
        except ValueError as error:
            raise not_json(response, str(request)) from error

    def _error(self, response: httpx.Response, request: Request) -> ErrataError:
        """Return what an answer means that is not what was asked for; looks for Label Studio where it is not its."""
        is_foreign = not is_json(response) and (response.is_success or response.status_code == 404)
        if is_foreign or response.is_redirect:
            found = find_address(self.url, response, self.network, self._headers)
            if found is not None and found != self.url:
                return LabelStudioUnreachable(
                    f"{self.url} is not Label Studio's address ({request} was answered {response.status_code}), but "
                    f"{found} is: set ERRATA_LABEL_STUDIO_URL={found}"
                )
        if response.is_success:
            return not_json(response, str(request))
        return to_error(response, str(request))


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in _PORTS and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address:
        raise SettingError("ERRATA_LABEL_STUDIO_URL is wrong because it is no http:// or https:// address; mend it.")
    if parts.username is not None or parts.query or parts.fragment:
        raise SettingError(
            "ERRATA_LABEL_STUDIO_URL is wrong because it has a user, a query or a fragment; "
            "give scheme, host and path alone."
        )
    return url.rstrip("/") + "/"


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
