"""Checks of the token: its kind, whose it is, when it ends, and what it may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from errata.doctor.checks import Check, look, not_asked, ok, wrong
from errata.doctor.label_studio import Api
from errata.errors import ErrataError, LabelStudioRefused
from errata.labelstudio.account import missing_rights
from errata.labelstudio.tokens import read_claims

SOON = timedelta(days=14)
_PAGE = "user/account"


def check_kind(token: str, api: Api, now: datetime) -> Check:
    """Say what sort of token it is and when it ends, by what it says itself.

    Args:
        token: never shown.
        api: Label Studio.
        now: our clock, with its zone.
    """
    claims = read_claims(token)
    page = f"Copy a personal access token from {api.url}{_PAGE} into ERRATA_LABEL_STUDIO_TOKEN."
    if claims is None:
        return ok("token", "a legacy token; it does not end")
    if claims.get("token_type") != "refresh":
        return wrong("token", "it is an access token, which ends five minutes after it was made", page)
    ends = _time(claims.get("exp"))
    if ends is None:
        return ok("token", "a personal access token; it does not end")
    if ends <= now:
        return wrong("token", f"the personal access token ended on {ends:%Y-%m-%d}", page)
    seen = f"a personal access token; it ends on {ends:%Y-%m-%d}"
    return look("token", seen, page) if ends - now < SOON else ok("token", seen)


def check_rights(token: str, api: Api) -> Iterator[Check]:
    """Say whose the token is and what it may do. Asks without writing anything.

    Raises:
        LabelStudioRefused: Label Studio does not take it.
    """
    who = api.get("api/current-user/whoami")
    n_projects = api.get("api/projects/", {"page_size": 1, "include": "id"}).get("count", "?")
    yield ok("user", f"{who.get('email') or who.get('username')}, who sees {n_projects} projects")
    yield _rights(who, api.url)
    yield _organization(token, api)


def _rights(who: Mapping[str, Any], url: str) -> Check:
    lacking = missing_rights(who)
    if lacking is None:
        return not_asked("rights", "this Label Studio does not tell what its users may do")
    if not lacking:
        return ok("rights", "may all that errata does: review projects, predictions, fixes, webhooks")
    return wrong(
        "rights",
        f"the token's user may not {', nor '.join(lacking)}",
        f"Let an owner give that user a role that may on {url}organization, or copy the token of one who may.",
    )


def _organization(token: str, api: Api) -> Check:
    """Say whether the organization takes this sort of token."""
    try:
        switches = api.get("api/jwt/settings")
    except LabelStudioRefused:
        raise
    except ErrataError:
        return not_asked("token kinds", "this Label Studio does not show which kinds of tokens it takes")
    is_legacy = read_claims(token) is None
    name, key = ("legacy", "legacy_api_tokens_enabled") if is_legacy else ("personal access", "api_tokens_enabled")
    takes = [
        kind
        for kind, on in (("personal access", "api_tokens_enabled"), ("legacy", "legacy_api_tokens_enabled"))
        if switches.get(on)
    ]
    if switches.get(key):
        return ok("token kinds", f"the organization takes {' and '.join(takes)} tokens")
    return look(
        "token kinds",
        f"the organization has switched {name} tokens off; this one works still",
        f"Switch them on at {api.url}organization (API Tokens Settings), or copy another kind from {api.url}{_PAGE}.",
    )


def _time(seconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(seconds), timezone.utc)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
