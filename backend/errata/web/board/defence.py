"""What keeps other sites' pages, and whatever a label or a file may hold, away from the pages and their data."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers

_SAFE = frozenset({"GET", "HEAD"})


def strict_headers(framed_by: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers that every answer below `board/` has.

    Args:
        framed_by: origins besides errata's own whose pages may show these in a frame.
    """
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        " ".join(("frame-ancestors 'self'", *framed_by)),
        "base-uri 'none'",
        "form-action 'self'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def is_foreign(headers: Headers, public_host: str | None) -> bool:
    """Say whether another site's page sent a request.

    Browsers say it themselves, but for `Sec-Fetch-Site` not over plain HTTP to another machine. A reverse proxy may
    ask under a name of its own and tell the browser's in `X-Forwarded-Host`, which no page can send to another site.

    Args:
        headers: of the request.
        public_host: the host of errata's public URL, None where that is not set.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("none", "same-origin")
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        asking = urlsplit(origin)
        _ = asking.port
    except ValueError:
        return True
    own = {headers.get("host", "").lower(), *_forwarded(headers)}
    return not (asking.netloc.lower() in own or (public_host is not None and asking.hostname == public_host))


def is_by_own_script(method: str, headers: Headers) -> bool:
    """Say whether a request that changes something shows that a page of errata's own made it.

    Another site's page can send neither the header nor JSON, unless errata allowed it, which it never does.
    """
    if method in _SAFE:
        return True
    sort = headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = method != "DELETE"
    return headers.get("x-errata") == "board" and (sort == "application/json" or not has_body)


def _forwarded(headers: Headers) -> list[str]:
    return [each.strip().lower() for each in headers.get("x-forwarded-host", "").split(",") if each.strip()]
