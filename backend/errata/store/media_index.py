"""What was found behind media addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, select

from errata.store.database import chunks, upsert, writing
from errata.store.tables import MEDIA


class MediaIndexStore:
    """Remembers uri -> content key: `audit.ports.MediaIndex`. Only hashes of addresses are kept."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def known(self, uris: Sequence[str]) -> dict[str, str]:
        """Return uri -> content key for the addresses that were read before."""
        by_hash = {_hash(uri): uri for uri in uris}
        found: dict[str, str] = {}
        with self._engine.begin() as connection:
            for chunk in chunks(list(by_hash)):
                rows = connection.execute(select(MEDIA).where(MEDIA.c.uri_sha256.in_(chunk))).all()
                found.update((by_hash[uri_sha256], content_key) for uri_sha256, content_key in rows)
        return found

    def remember(self, found: Mapping[str, str]) -> None:
        """Keep uri -> content key."""
        rows = [{"uri_sha256": _hash(uri), "content_key": key} for uri, key in found.items()]
        with writing(self._engine) as connection:
            upsert(connection, MEDIA, rows)


def _hash(uri: str) -> str:
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()
