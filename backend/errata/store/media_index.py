"""What was found behind media addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from errata.store.database import chunks, now, upsert, writing
from errata.store.tables import MEDIA

TRUSTED = timedelta(days=14)


class MediaIndexStore:
    """Remembers uri -> content key: `audit.ports.MediaIndex`. Only hashes of addresses are kept.

    Args:
        engine: the database.
        trusted: how long an address is believed to hold what was read there: one half to all of it, each address
            otherwise, so that not all of a project are read again by one audit. None believes for ever. What Label
            Studio never writes again, an upload, and what stands in the address itself are believed in any case.
        clock: the time in UTC, without a zone.
    """

    def __init__(self, engine: Engine, trusted: timedelta | None = None, clock: Callable[[], datetime] = now) -> None:
        self._engine = engine
        self._trusted = trusted
        self._clock = clock

    def known(self, uris: Sequence[str]) -> dict[str, str]:
        """Return uri -> content key for the addresses that were read before, and not too long ago."""
        by_hash = {_hash(uri): uri for uri in uris}
        found: dict[str, str] = {}
        with self._engine.begin() as connection:
            for chunk in chunks(list(by_hash)):
                rows = connection.execute(select(MEDIA).where(MEDIA.c.uri_sha256.in_(chunk)))
                found.update(
                    (by_hash[row.uri_sha256], row.content_key)
                    for row in rows
                    if _stays(by_hash[row.uri_sha256]) or self._is_trusted(row.uri_sha256, row.read_at)
                )
        return found

    def remember(self, found: Mapping[str, str]) -> None:
        """Keep uri -> content key."""
        moment = self._clock()
        rows = [{"uri_sha256": _hash(uri), "content_key": key, "read_at": moment} for uri, key in found.items()]
        with writing(self._engine) as connection:
            upsert(connection, MEDIA, rows)

    def _is_trusted(self, uri_sha256: str, read_at: datetime | None) -> bool:
        if self._trusted is None:
            return True
        share = 0.5 + 0.5 * int(uri_sha256[:4], 16) / 0xFFFF
        return read_at is not None and self._clock() - read_at < self._trusted * share


def _stays(uri: str) -> bool:
    """Say whether an address never holds another file: Label Studio gives each upload a name of its own."""
    return uri.startswith("data:") or (uri.startswith("/") and "/data/upload/" in uri)


def _hash(uri: str) -> str:
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()
