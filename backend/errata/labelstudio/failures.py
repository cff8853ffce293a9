"""Label Studio's answers, translated into errata's errors."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx

from errata.errors import (
    ErrataError,
    LabelStudioGone,
    LabelStudioRefused,
    LabelStudioUnreachable,
)

_DETAIL_CHARACTERS = 400


def to_error(response: httpx.Response, what: str) -> ErrataError:
    """Return the error that an answer other than 2xx means.

    Args:
        response: the answer, its body read.
        what: method and path, as in "GET /api/projects/1/".
    """
    status = response.status_code
    detail = read_detail(response)
    said = f"{status}: {detail}" if detail else str(status)
    if 300 <= status < 400:
        return _redirected(response, what)
    if status == 407 or (status in (401, 403) and not is_json(response)):
        return _stopped_on_the_way(response, what)
    if status in (401, 403):
        return _unauthorized(said, what) if status == 401 else _forbidden(said, what)
    if status in (404, 410):
        return _gone(said, what) if is_json(response) else not_json(response, what)
    if status == 429 or status >= 500:
        return LabelStudioUnreachable(f"Label Studio failed at {what} ({said}). Look into its log, and try again.")
    return ErrataError(f"Label Studio did not accept {what} ({said}).")


def not_json(response: httpx.Response, what: str) -> LabelStudioUnreachable:
    """Return the error for an answer that is not Label Studio's."""
    sort = response.headers.get("content-type", "").split(";")[0] or "nothing that has a type"
    return LabelStudioUnreachable(
        f"{what} was answered {response.status_code} with {sort} instead of JSON. Is ERRATA_LABEL_STUDIO_URL "
        "Label Studio's address, with its sub-path, and is no proxy's login page in between?"
    )


def is_json(response: httpx.Response) -> bool:
    """Say whether the answer declares itself JSON."""
    return "json" in response.headers.get("content-type", "")


def read_detail(response: httpx.Response) -> str:
    """Return what Label Studio itself says is wrong, in one short line; "" where it says nothing."""
    if not is_json(response):
        return ""
    try:
        body = response.json()
    except ValueError:
        return ""
    if isinstance(body, dict):
        said = [_words(body[key]) for key in ("detail", "validation_errors") if body.get(key)]
        text = "; ".join(said) if said else _words({k: v for k, v in body.items() if k != "exc_info"})
    else:
        text = _words(body)
    text = re.sub(r"\s+", " ", text).strip().rstrip(".")
    return text if len(text) <= _DETAIL_CHARACTERS else text[:_DETAIL_CHARACTERS] + "..."


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_words(part)}" for key, part in value.items())
    if isinstance(value, list):
        return " ".join(_words(part) for part in value)
    return json.dumps(value)


def _redirected(response: httpx.Response, what: str) -> ErrataError:
    target = urlsplit(response.headers.get("location", ""))
    host = target.netloc.rpartition("@")[2]
    place = f"{target.scheme}://{host}{target.path}" if host else target.path
    if "login" in target.path:
        return LabelStudioRefused(
            f"{what} was redirected to a login page ({place}): the token did not count. "
            "Is a proxy in between that wants a login of its own? What it takes from programs (a service token, say) "
            "can be sent by ERRATA_LABEL_STUDIO_HEADERS."
        )
    return LabelStudioUnreachable(
        f"{what} was redirected ({response.status_code}) to {place}. "
        "Set ERRATA_LABEL_STUDIO_URL to the address that it leads to, https:// and sub-path included."
    )


def _stopped_on_the_way(response: httpx.Response, what: str) -> LabelStudioRefused:
    if response.status_code == 407:
        return LabelStudioRefused(
            f"The proxy on the way to Label Studio wants a login ({what}: 407). Put user and password into HTTP_PROXY "
            "(http://USER:PASSWORD@HOST:PORT), or the host into NO_PROXY where it needs no proxy."
        )
    return LabelStudioRefused(
        f"{what} was answered {response.status_code}, but not by Label Studio: something on the way refuses. Where a "
        "gateway wants a login of its own, let ERRATA_LABEL_STUDIO_HEADERS carry it; where it is a proxy "
        "(HTTP_PROXY, HTTPS_PROXY), let it allow the host, or put the host into NO_PROXY."
    )


def _gone(said: str, what: str) -> LabelStudioGone:
    return LabelStudioGone(
        f"Label Studio does not have what {what} asks for ({said}). It was deleted, or the token's user cannot see it."
    )


def _unauthorized(said: str, what: str) -> LabelStudioRefused:
    if "legacy token" in said:
        remedy = (
            "Copy a personal access token (Account & Settings > Personal Access Token), or let an owner allow legacy "
            "tokens (Organization > Access Token Settings)."
        )
    elif "credentials were not provided" in said:  # the token counts for nothing, though it is a right one
        remedy = (
            "Let an owner allow personal access tokens (Organization > Access Token Settings), or copy a legacy token "
            "(Account & Settings > Access Token). Is a proxy in between that takes the header Authorization away?"
        )
    else:
        remedy = (
            "It was revoked, or is another Label Studio's. Copy it again: Account & Settings > Personal Access Token, "
            "or > Access Token (legacy). ERRATA_LABEL_STUDIO_TOKEN holds it, or `errata connect` asks for it."
        )
    return LabelStudioRefused(f"Label Studio does not take the token for {what} ({said}). {remedy}")


def _forbidden(said: str, what: str) -> LabelStudioRefused:
    if "reserved network address" in said:
        return LabelStudioRefused(
            f"Label Studio refuses private addresses: {what} ({said}). Start it with ML_BLOCK_LOCAL_IP=false "
            "and SSRF_PROTECTION_ENABLED=false, or give errata an address that is not private."
        )
    return LabelStudioRefused(
        f"Label Studio does not allow {what} to the token's user ({said}). "
        "Make that user a member who may change the project, or use the token of one who may."
    )
