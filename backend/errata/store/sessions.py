"""Who is signed in to the pages, with their Label Studio tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_urlsafe

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Engine, delete, insert, select

from errata.store.database import aware, now, writing
from errata.store.tables import BOARD_SESSIONS

LIFETIME = timedelta(hours=12)
_MOST_OF_ONE = 20  # sessions of one person: at one more, their oldest ends
_ID_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    user_id: int  # Label Studio's
    email: str
    name: str
    token: str = field(repr=False)
    expires_at: datetime  # with its zone, UTC


class SessionStore:
    """Keeps sessions for `LIFETIME`, over restarts.

    A session's number is random and known to one browser alone: the database has its hash. The token is encrypted with
    a key that is made of this number and of errata's secret, so that whoever has the database and the secret file, but
    not the cookie, cannot read it.

    Args:
        engine: the database.
        secret: of this data folder.
        url: of the Label Studio that the tokens are for; sessions of another one do not count.
    """

    def __init__(self, engine: Engine, secret: str, url: str) -> None:
        self._engine = engine
        self._secret = secret.encode()
        self._url = url.encode()

    def open(self, user_id: int, email: str, name: str, token: str) -> tuple[str, Session]:
        """Keep a session that begins now; return its number and the session."""
        number = token_urlsafe(_ID_BYTES)
        began = now()
        row = {
            "id_sha256": _hashed(number),
            "user_id": user_id,
            "email": email,
            "name": name,
            "token": self._fernet(number).encrypt(token.encode()).decode(),
            "expires_at": began + LIFETIME,
        }
        table = BOARD_SESSIONS
        of_one = select(table.c.id_sha256).where(table.c.user_id == user_id).order_by(table.c.expires_at.desc())
        with writing(self._engine) as connection:
            connection.execute(delete(table).where(table.c.expires_at <= began))
            oldest = connection.execute(of_one.offset(_MOST_OF_ONE - 1)).scalars().all()
            connection.execute(delete(table).where(table.c.id_sha256.in_(oldest)))
            connection.execute(insert(table).values(**row))
        return number, Session(user_id, email, name, token, aware(began + LIFETIME))

    def find(self, number: str) -> Session | None:
        """Return a session; None where there is none of this number, or where it has ended."""
        table = BOARD_SESSIONS
        chosen = select(table).where(table.c.id_sha256 == _hashed(number), table.c.expires_at > now())
        with self._engine.begin() as connection:
            row = connection.execute(chosen).one_or_none()
        if row is None:
            return None
        try:
            token = self._fernet(number).decrypt(row.token.encode()).decode()
        except InvalidToken:  # the secret file, or Label Studio, is another one by now
            return None
        return Session(row.user_id, row.email, row.name, token, aware(row.expires_at))

    def close(self, number: str) -> None:
        """End a session; nothing happens where there is none."""
        with writing(self._engine) as connection:
            connection.execute(delete(BOARD_SESSIONS).where(BOARD_SESSIONS.c.id_sha256 == _hashed(number)))

    def remove_expired(self) -> None:
        """Delete the sessions that have ended."""
        with writing(self._engine) as connection:
            connection.execute(delete(BOARD_SESSIONS).where(BOARD_SESSIONS.c.expires_at <= now()))

    def _fernet(self, number: str) -> Fernet:
        parts = b"\x1f".join((b"errata: tokens of sessions", self._url, number.encode("utf-8", "surrogatepass")))
        return Fernet(base64.urlsafe_b64encode(hmac.new(self._secret, parts, hashlib.sha256).digest()))


def _hashed(number: str) -> str:
    return hashlib.sha256(number.encode("utf-8", "surrogatepass")).hexdigest()
