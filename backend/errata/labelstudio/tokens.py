"""Label Studio's two sorts of tokens."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from errata.errors import SettingError

_LIFETIME_S = 300.0  # of an access token that does not say so itself
_SPENT = 0.8  # the share of its lifetime after which an access token is exchanged


def read_claims(token: str) -> dict[str, Any] | None:
    """Return what a JSON web token says (unverified), None where it is not one."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None


def token_kind(token: str) -> str:
    """Return what sort of token the user copied."""
    claims = read_claims(token.strip())
    if claims is None:
        return "legacy token"
    return "personal access token" if claims.get("token_type") == "refresh" else "access token"


class Tokens:
    """Turns the user's token into `Authorization` headers. Thread-safe.

    A legacy token is sent as it is. A personal access token is a refresh token: it is exchanged for an access token,
    which is kept for most of its lifetime. Its age is counted from when it was asked for, by a clock that nobody sets,
    so that Label Studio's clock and ours need not agree.

    Args:
        token: what the user copied.
        exchange: asks Label Studio for an access token.

    Raises:
        SettingError: no token looks like that.
    """

    def __init__(self, token: str, exchange: Callable[[str], str]) -> None:
        token = token.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SettingError(
                "ERRATA_LABEL_STUDIO_TOKEN is wrong because it is empty or has characters that no token has; "
                "copy it again from Label Studio's Account & Settings page."
            )
        self._token = token
        claims = read_claims(token)
        self._is_personal = claims is not None and claims.get("token_type") == "refresh"
        self._fixed = None if self._is_personal else f"{'Bearer' if claims else 'Token'} {token}"
        self._exchange = exchange
        self._lock = threading.Lock()
        self._access: str | None = None
        self._fresh_until = 0.0

    def header(self) -> str:
        """Return the value of `Authorization`; may ask Label Studio for an access token."""
        if self._fixed is not None:
            return self._fixed
        with self._lock:
            if self._access is None or time.monotonic() >= self._fresh_until:
                asked_at = time.monotonic()
                self._access = self._exchange(self._token)
                self._fresh_until = asked_at + _SPENT * _lifetime_s(self._access)
            return f"Bearer {self._access}"

    def forget(self, header: str) -> bool:
        """Drop the access token in `header`, which was refused; say whether another one can be had."""
        if self._fixed is not None:
            return False
        with self._lock:
            if header == f"Bearer {self._access}":
                self._access = None
        return True


def _lifetime_s(access: str) -> float:
    claims = read_claims(access) or {}
    try:
        return max(0.0, float(claims["exp"]) - float(claims["iat"]))
    except (KeyError, TypeError, ValueError):
        return _LIFETIME_S
