from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import DatabaseError

from errata.errors import SettingError
from errata.store.database import open_database, writing
from errata.store.tables import FINDINGS, MEDIA, SCHEMA, SCHEMA_VERSION, VERDICTS

PUT = """
import sys
from errata.store.database import open_database
from errata.store.media_index import MediaIndexStore
index = MediaIndexStore(open_database(sys.argv[1]))
for i in range(40):
    index.remember({f"{sys.argv[2]}/{i}/{j}": "k" for j in range(20)} | {"shared": sys.argv[2]})
    assert index.known(["shared"])
"""


def test_opening_twice_is_once(url: str) -> None:
    """The second opening finds what the first made."""
    for _ in range(2):
        open_database(url).dispose()


def test_sqlite_is_set_up_for_several_processes(engine: Engine) -> None:
    """Write-ahead log, waiting for a lock, foreign keys."""
    with engine.begin() as connection:
        settings = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in (
            "journal_mode", "busy_timeout", "foreign_keys"
        )]  # fmt: skip
    assert settings == ["wal", 30_000, 1]


def test_an_error_shows_no_values(engine: Engine) -> None:
    """What SQLAlchemy says of a statement that failed holds its parameters otherwise: labels, payloads."""
    with engine.begin() as connection, pytest.raises(DatabaseError) as raised:
        connection.execute(text("SELECT :value FROM nowhere"), {"value": "hunter2"})
    assert "hunter2" not in str(raised.value)


def test_files_are_private(engine: Engine, tmp_path: Path) -> None:
    """Nobody else can enter the folder or read the database."""
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data" / "errata.db").stat().st_mode) == 0o600


def test_processes_that_start_and_write_at_once_lose_nothing(url: str) -> None:
    """Several processes make the schema and write at the same moment: no error, and every row is there."""
    commands = [[sys.executable, "-c", PUT, url, str(i)] for i in range(3)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    assert [process.communicate()[1] for process in processes] == [""] * 3
    engine = open_database(url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM media")).scalar() == 3 * 40 * 20 + 1
    engine.dispose()


def test_a_newer_schema_is_refused(url: str, engine: Engine) -> None:
    """The text names the database and what to do, and nothing is changed."""
    with writing(engine) as connection:
        connection.execute(update(SCHEMA).values(version=99))
    with pytest.raises(SettingError, match=r"newer errata \(schema 99.*update errata"):
        open_database(url)


@pytest.mark.parametrize("wrong", ["mysql://x/y", "nonsense", "oracle://x", "sqlite:////proc/nowhere/x.db"])
def test_a_wrong_url_names_the_setting(wrong: str) -> None:
    """Unknown databases, nonsense and folders that cannot be made say what to set."""
    with pytest.raises(SettingError, match="ERRATA_DATABASE_URL"):
        open_database(wrong)


def test_a_password_is_never_shown() -> None:
    """A database that cannot be reached, or whose driver is missing, is named without its password."""
    with pytest.raises(SettingError, match="ERRATA_DATABASE_URL") as raised:
        open_database("postgresql+psycopg://u:hunter2@127.0.0.1:1/x")
    assert "hunter2" not in str(raised.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """It is left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(SettingError, match=r"notes\.txt cannot be opened"):
        open_database(f"sqlite:///{path}")
    assert path.read_text() == "not a database " * 100


def test_findings_of_schema_1_are_kept(url: str) -> None:
    """They named the audit that recorded them last; the rows stay, and findings without an audit can be added."""
    first = open_database(url)
    with writing(first) as connection:
        connection.execute(text("DROP TABLE findings"))
        connection.execute(
            text(
                "CREATE TABLE findings (key VARCHAR(64) NOT NULL PRIMARY KEY, project_id INTEGER NOT NULL "
                "REFERENCES projects (project_id), audit_id INTEGER NOT NULL REFERENCES audits (id), state VARCHAR(16) "
                "NOT NULL, review_task_id INTEGER, latest JSON NOT NULL, shown JSON)"
            )
        )
        connection.execute(text("CREATE INDEX findings_of_project ON findings (project_id, state)"))
        connection.execute(text("INSERT INTO projects VALUES (7, 'Cars', 'http://ls/')"))
        connection.execute(
            text("INSERT INTO audits VALUES (3, 7, '2026-01-01 00:00:00.000000', NULL, NULL, '{}', NULL)")
        )
        connection.execute(text("INSERT INTO findings VALUES ('a', 7, 3, 'published', 100, '{\"x\": 1}', NULL)"))
        connection.execute(update(SCHEMA).values(version=1))
    first.dispose()
    for _ in range(2):
        again = open_database(url)
        with again.begin() as connection:
            rows = connection.execute(select(FINDINGS)).all()
            assert connection.execute(select(SCHEMA.c.version)).scalar() == SCHEMA_VERSION
        assert [tuple(row) for row in rows] == [("a", 7, "published", 100, {"x": 1}, None)]
        again.dispose()


def test_media_of_schema_2_are_kept(url: str) -> None:
    """They have no time; the rows stay, and later ones have it."""
    first = open_database(url)
    with writing(first) as connection:
        connection.execute(text("ALTER TABLE media DROP COLUMN read_at"))
        connection.execute(text("INSERT INTO media VALUES ('a', 'key')"))
        connection.execute(update(SCHEMA).values(version=2))
    first.dispose()
    for _ in range(2):
        again = open_database(url)
        with again.begin() as connection:
            assert [tuple(row) for row in connection.execute(select(MEDIA))] == [("a", "key", None)]
            assert connection.execute(select(SCHEMA.c.version)).scalar() == SCHEMA_VERSION
        again.dispose()


def test_verdicts_of_schema_5_are_kept(url: str) -> None:
    """There one answer was one verdict; since, it may be several, and each says whether it counts and was wrong."""
    first = open_database(url)
    with writing(first) as connection:
        VERDICTS.drop(connection)
        columns = "project_id INTEGER, review_annotation_id INTEGER, finding_key VARCHAR(64), verdict JSON"
        connection.execute(text(f"CREATE TABLE verdicts ({columns}, PRIMARY KEY (project_id, review_annotation_id))"))
        connection.execute(text("INSERT INTO verdicts VALUES (7, 1, 'a', '{\"decision\": \"wrong\"}')"))
        connection.execute(update(SCHEMA).values(version=5))
    first.dispose()
    again = open_database(url)
    with writing(again) as connection:
        connection.execute(VERDICTS.insert().values(project_id=7, review_annotation_id=1, finding_key="b", verdict={}))
    again.dispose()
    last = open_database(url)
    with last.begin() as connection:
        rows = sorted(connection.execute(select(VERDICTS)), key=lambda row: row.finding_key)
        assert [(*row[:4], row.counts_as, row.is_wrong) for row in rows] == [
            (7, 1, "a", {"decision": "wrong"}, "verdict", True),
            (7, 1, "b", {}, "verdict", False),
        ]
        assert connection.execute(select(SCHEMA.c.version)).scalar() == SCHEMA_VERSION
    last.dispose()
