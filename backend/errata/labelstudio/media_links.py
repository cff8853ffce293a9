"""Signed addresses under which errata itself serves what source tasks show."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from urllib.parse import quote

LIFETIME_S = 30 * 86_400  # long enough for a review
_RENEWED_BELOW_S = 10 * 86_400  # an audit gives a new address where less than this is left
_DIGITS = 12  # of a time in seconds since 1970


class MediaLinks:
    """Makes and checks addresses that let whoever has one see one file, until it expires.

    Args:
        public_url: how browsers reach errata, with any sub-path.
        secret: known to errata alone: whoever knows it can make addresses.
        clock: seconds since 1970.
    """

    def __init__(self, public_url: str, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._root = public_url.rstrip("/")
        self._key = hmac.new(secret.encode(), b"errata: addresses of media", hashlib.sha256).digest()
        self._clock = clock

    def make(self, project_id: int, task_id: int, data_key: str) -> str:
        """Return the address of what a source task holds under a key of its data."""
        expires = str(int(self._clock()) + LIFETIME_S)
        signature = self._sign(project_id, task_id, data_key, expires)
        return f"{self._place(project_id, task_id, data_key)}?expires={expires}&signature={signature}"

    def allows(self, project_id: int, task_id: int, data_key: str, expires: str, signature: str) -> bool:
        """Say whether these parts of an address were made here and have not expired."""
        wanted = self._sign(project_id, task_id, data_key, expires)
        is_ours = hmac.compare_digest(signature.encode("utf-8", "replace"), wanted.encode())
        return is_ours and self._left_s(expires) > 0

    def lasts(self, address: object, project_id: int, task_id: int, data_key: str) -> bool:
        """Say whether an address is the one that `make` would give, with enough time left for a review."""
        place, _, query = str(address).partition("?expires=")
        expires, _, signature = query.partition("&signature=")
        return (
            place == self._place(project_id, task_id, data_key)
            and self.allows(project_id, task_id, data_key, expires, signature)
            and self._left_s(expires) >= _RENEWED_BELOW_S
        )

    def _place(self, project_id: int, task_id: int, data_key: str) -> str:
        return f"{self._root}/media/{project_id}/{task_id}/{quote(data_key, safe='')}"

    def _sign(self, project_id: int, task_id: int, data_key: str, expires: str) -> str:
        signed = f"{project_id}/{task_id}/{expires}/{data_key}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()

    def _left_s(self, expires: str) -> float:
        is_time = expires.isascii() and expires.isdecimal() and len(expires) <= _DIGITS
        return int(expires) - self._clock() if is_time else 0.0


def is_media_link(address: object, project_id: int) -> bool:
    """Say whether an address looks like one that errata, here or elsewhere, made for a project's media."""
    text = str(address)
    return f"/media/{project_id}/" in text and "?expires=" in text and "&signature=" in text
