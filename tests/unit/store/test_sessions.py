from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from errata.store.database import open_database
from errata.store.secrets import session_secret
from errata.store.sessions import LIFETIME, SessionStore
from errata.store.tables import BOARD_SESSIONS

TOKEN = "a-token-of-label-studio"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'errata.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine, tmp_path: Path) -> SessionStore:
    return SessionStore(engine, session_secret(tmp_path), "http://ls/")


def rows(engine: Engine) -> list[dict[str, object]]:
    with engine.begin() as connection:
        return [dict(row._mapping) for row in connection.execute(select(BOARD_SESSIONS))]


def test_a_session_is_found_by_its_number(sessions: SessionStore) -> None:
    """For twelve hours, with the token as it was given; its text does not show it."""
    number, session = sessions.open(3, "ann@example.com", "Ann", TOKEN)
    assert sessions.find(number) == session
    assert (session.user_id, session.email, session.name, session.token) == (3, "ann@example.com", "Ann", TOKEN)
    left = session.expires_at - datetime.now(timezone.utc)
    assert LIFETIME - timedelta(minutes=1) < left <= LIFETIME == timedelta(hours=12)
    assert TOKEN not in repr(session)
    for wrong in ("", number[:-1], number + "x", "\ud800", "0" * 10_000):
        assert sessions.find(wrong) is None
    sessions.close(number)
    sessions.close(number)
    assert sessions.find(number) is None


def test_neither_the_database_nor_the_secret_opens_a_token(engine: Engine, sessions: SessionStore) -> None:
    """The row has neither number nor token, two sessions with one token look different, and both halves are needed."""
    number, _ = sessions.open(3, "ann@example.com", "Ann", TOKEN)
    other, _ = sessions.open(3, "ann@example.com", "Ann", TOKEN)
    kept = rows(engine)
    assert number not in str(kept)
    assert TOKEN not in str(kept)
    assert kept[0]["token"] != kept[1]["token"]
    with engine.begin() as connection:  # somebody puts the one's token into the other's row
        connection.execute(update(BOARD_SESSIONS).values(token=kept[0]["token"]))
    assert [sessions.find(each) is None for each in (number, other)].count(True) == 1


def test_sessions_are_of_this_data_folder_and_label_studio(engine: Engine, tmp_path: Path) -> None:
    """A secret that was lost, or another Label Studio, asks everybody to sign in again; a restart asks nobody."""
    secret = session_secret(tmp_path)
    number, session = SessionStore(engine, secret, "http://ls/").open(3, "a", "b", TOKEN)
    assert SessionStore(engine, session_secret(tmp_path), "http://ls/").find(number) == session
    assert SessionStore(engine, secret + "x", "http://ls/").find(number) is None
    assert SessionStore(engine, secret, "http://other/").find(number) is None
    assert (tmp_path / "session-secret").stat().st_mode & 0o077 == 0


def test_what_has_ended_is_deleted(engine: Engine, sessions: SessionStore) -> None:
    """When somebody signs in, and once an hour; what has not ended stays."""
    for clean in (sessions.remove_expired, lambda: sessions.open(4, "bob", "Bob", TOKEN)):
        number, _ = sessions.open(3, "ann", "Ann", TOKEN)
        with engine.begin() as connection:
            connection.execute(
                update(BOARD_SESSIONS).where(BOARD_SESSIONS.c.user_id == 3).values(expires_at=datetime(2020, 1, 1))
            )
        assert sessions.find(number) is None
        clean()
        assert all(row["user_id"] != 3 for row in rows(engine))
    assert [row["user_id"] for row in rows(engine)] == [4]
