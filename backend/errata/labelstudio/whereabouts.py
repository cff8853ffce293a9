"""Where Label Studio is, when an answer shows that it is not where the settings say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import httpx

from errata.labelstudio.network import Network

_USUAL = "label-studio/"  # the sub-path of Label Studio's own documentation
_KNOWN_BY = "api/projects/"  # without a token: 401, and a JSON object of Label Studio's own making
_MOST = 8  # addresses that are tried
_PAGE_LINK = re.compile(rb'(?:href|src|action)="([^"\s]*?/)(?:static|react-app|user/login)/')
_TIMEOUT_S = 3.0


def find_address(url: str, answer: httpx.Response, network: Network, headers: Mapping[str, str]) -> str | None:
    """Return the address under which Label Studio's API answers, ending in a slash; None where none is found.

    Args:
        url: where it was asked, ending in a slash.
        answer: what came from there.
        network: the way there.
        headers: that requests to `url`'s own scheme, host and port carry. A token is sent nowhere.
    """
    tried: list[str] = []
    for candidate in _candidates(url, answer, network, headers):
        if candidate in tried or len(tried) == _MOST:
            continue
        tried.append(candidate)
        if _is_label_studio(_ask(candidate + _KNOWN_BY, url, network, headers)):
            return candidate
    return None


def _candidates(url: str, answer: httpx.Response, network: Network, headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what the address may be, the likeliest first."""
    asked = str(answer.request.url)
    yield from _redirected(url, asked, answer)
    parts = urlsplit(url).path.strip("/").split("/")
    origin = urljoin(url, "/")
    for n in range(len(parts) - 1, -1, -1):  # a page's address was given: /label-studio/projects/12/data
        yield origin + "".join(part + "/" for part in parts[:n] if part)
    root = _ask(origin, url, network, headers)
    if root is not None:
        yield from _redirected(origin, origin, root)
        yield from _linked(origin, root)
    yield from _linked(asked, answer)  # as Label Studio calls itself (LABEL_STUDIO_HOST), which may be wrong
    yield origin + _USUAL


def _redirected(url: str, asked: str, answer: httpx.Response) -> Iterator[str]:
    location = answer.headers.get("location")
    if location:
        target = urljoin(asked, location).partition("?")[0]
        rest = asked.partition("?")[0][len(url) :]
        if rest and target.endswith("/" + rest):
            yield target[: -len(rest)]
        yield target.partition("user/login")[0].rstrip("/") + "/"


def _linked(asked: str, page: httpx.Response) -> Iterator[str]:
    for link in _PAGE_LINK.findall(page.content[:100_000]):
        yield urljoin(asked, link.decode("ascii", "ignore"))


def _ask(asked: str, url: str, network: Network, headers: Mapping[str, str]) -> httpx.Response | None:
    try:
        is_own = urlsplit(asked)[:2] == urlsplit(url)[:2]
        with network.open(asked, headers=dict(headers) if is_own else None, timeout_s=_TIMEOUT_S) as http:
            return http.get(asked)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None


def _is_label_studio(answer: httpx.Response | None) -> bool:
    if answer is None or answer.status_code != 401:
        return False
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and {"status_code", "version", "detail"} <= body.keys()
