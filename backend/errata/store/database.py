"""The database: SQLite in one file by default, PostgreSQL where several machines write."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock
from sqlalchemy import Connection, DateTime, Engine, Table, create_engine, event, inspect, select, text, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from errata.errors import SettingError
from errata.review.records import WRONG
from errata.store.files import private_folder
from errata.store.tables import FINDINGS, METADATA, PROJECTS, SCHEMA, SCHEMA_VERSION, VERDICTS

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

BUSY_TIMEOUT_S = 30
_VERDICTS_THAT_COUNT = 7  # the schema since which verdicts say whether they count
_SCHEMA_LOCK = 0x65727261  # any number of our own: PostgreSQL's advisory lock
_VERDICTS_LOCK = _SCHEMA_LOCK + 1
_CHUNK = 900  # rows or ids a statement: SQLite before 3.32 takes 999 parameters

T = TypeVar("T")


def open_database(url: str) -> Engine:
    """Open the database and make what is missing in it. Safe when several processes do so at once.

    Args:
        url: an SQLAlchemy URL; SQLite and PostgreSQL are known.

    Raises:
        SettingError: the URL is wrong, the database cannot be opened, or a newer errata made it.
    """
    engine = _engine(url)
    try:
        _prepare(engine)
    except DatabaseError as error:
        engine.dispose()
        raise SettingError(
            f"The database {_shown(engine)} cannot be opened; check ERRATA_DATABASE_URL, and that the database "
            "runs and its folder can be written."
        ) from error
    except SettingError:
        engine.dispose()
        raise
    return engine


def check_label_studio(engine: Engine, url: str) -> None:
    """Make sure that what is written down is about this Label Studio: projects are known by their numbers alone.

    Args:
        engine: the database.
        url: of Label Studio, as projects are written down with it.

    Raises:
        SettingError: it is about another one.
    """
    with engine.begin() as connection:
        other = connection.execute(select(PROJECTS.c.url).where(PROJECTS.c.url != url).limit(1)).scalar()
    if other is not None:
        raise SettingError(
            f"Label Studio's address (ERRATA_LABEL_STUDIO_URL, or as `errata connect` was told) is {url}, but what "
            f"errata has written down here is about {other}; set it back, or set ERRATA_DATA_DIR (and "
            "ERRATA_DATABASE_URL, where you use it) to a place of its own for this one."
        )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that writes; it commits at the end.

    SQLite must be told at once: one that reads first and writes later fails with "database is locked"
    where another process wrote in between, however long it would wait.
    """
    with engine.connect() as connection:
        writer = connection.execution_options(errata_writes=True)
        with writer.begin():
            yield writer


def hold_verdicts(connection: Connection, project_id: int) -> None:
    """Let nobody else change a project's verdicts until the transaction ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        held = {"what": _VERDICTS_LOCK, "project": project_id}
        connection.execute(text("SELECT pg_advisory_xact_lock(:what, :project)"), held)


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; where the primary key is there, replace the other columns that a row names."""
    if not rows:
        return
    insert = _postgresql_insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    changed = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    if changed:
        connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))
    else:
        connection.execute(insert.on_conflict_do_nothing(index_elements=keys), list(rows))


def _postgresql_insert(table: Table) -> postgresql.Insert:
    from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415 (slow to import, and SQLite needs none of it)

    return insert(table)


def insert_row(connection: Connection, table: Table, **values: Any) -> int:
    """Insert one row; return the id that the database gave it."""
    key: Any = connection.execute(table.insert().values(**values)).inserted_primary_key
    return int(key[0])


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut into pieces that one statement can take."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def now() -> datetime:
    """Return the time in UTC, without a zone, as the tables keep it."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def aware(moment: datetime) -> datetime:
    """Return a time from the tables with its zone, UTC."""
    return moment.replace(tzinfo=timezone.utc)


def _engine(url: str) -> Engine:
    in_memory = url in ("sqlite://", "sqlite:///:memory:")
    pool = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}} if in_memory else {}
    try:
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True, **pool)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise SettingError(
            "ERRATA_DATABASE_URL is wrong because SQLAlchemy cannot use it; write sqlite:///FILE or "
            "postgresql+psycopg://USER:PASSWORD@HOST/NAME and install that database's driver."
        ) from error
    if engine.dialect.name not in ("sqlite", "postgresql"):
        raise SettingError(
            f"ERRATA_DATABASE_URL is wrong because errata does not know {engine.dialect.name}; "
            "use SQLite or PostgreSQL."
        )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # _begin_sqlite says BEGIN, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")  # a journal row must be on disk before Label Studio is written
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("errata_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare(engine: Engine) -> None:
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        _prepare_file(engine, Path(str(engine.url.database)))
    else:
        _prepare_schema(engine)


def _prepare_file(engine: Engine, path: Path) -> None:
    """Make SQLite's file private, and switch to WAL once: the switch does not wait for others, hence the lock."""
    try:
        private_folder(path.parent)
        with FileLock(f"{path}.lock"):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            with engine.connect() as connection:
                raw = connection.connection.cursor()
                raw.execute("PRAGMA journal_mode=WAL")
                raw.close()
            _prepare_schema(engine)
    except OSError as error:
        raise SettingError(
            f"The database file {path} cannot be written ({error.strerror}); set ERRATA_DATA_DIR or "
            "ERRATA_DATABASE_URL to a place that errata may write to."
        ) from error


def _prepare_schema(engine: Engine) -> None:
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK})
        SCHEMA.create(connection, checkfirst=True)
        version = connection.execute(select(SCHEMA.c.version)).scalar()
        if version is not None and version > SCHEMA_VERSION:
            raise SettingError(
                f"The database {_shown(engine)} was made by a newer errata (schema {version}, this one knows "
                f"{SCHEMA_VERSION}); update errata, or set ERRATA_DATABASE_URL to another database."
            )
        if version == 1:
            _free_findings_of_audits(connection)
        if version is not None and version < _VERDICTS_THAT_COUNT:
            _renew_verdicts(connection, version)
        METADATA.create_all(connection)
        if version in (1, 2) and all(each["name"] != "read_at" for each in inspect(connection).get_columns("media")):
            kind = DateTime().compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE media ADD COLUMN read_at {kind}"))
        upsert(connection, SCHEMA, [{"id": 1, "version": SCHEMA_VERSION}])


def _free_findings_of_audits(connection: Connection) -> None:
    """Take the audit out of the findings of schema 1: a person may send labels of a project that was never audited."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE findings DROP COLUMN audit_id"))
        return
    columns = ", ".join(column.name for column in FINDINGS.columns)  # SQLite drops no column that refers to a table
    connection.execute(text("DROP INDEX findings_of_project"))
    connection.execute(text("ALTER TABLE findings RENAME TO findings_of_schema_1"))
    FINDINGS.create(connection)
    connection.execute(text(f"INSERT INTO findings ({columns}) SELECT {columns} FROM findings_of_schema_1"))
    connection.execute(text("DROP TABLE findings_of_schema_1"))


def _renew_verdicts(connection: Connection, version: int) -> None:
    """Let verdicts say whether they count; until schema 5 the finding was no part of their key."""
    inspected = inspect(connection)
    if not inspected.has_table(VERDICTS.name) or any(
        column["name"] == VERDICTS.c.counts_as.name for column in inspected.get_columns(VERDICTS.name)
    ):
        return
    earlier = f"verdicts_of_schema_{version}"
    connection.execute(text(f"ALTER TABLE verdicts RENAME TO {earlier}"))
    if connection.dialect.name == "postgresql":  # which keeps the name of the key
        connection.execute(text(f"ALTER TABLE {earlier} DROP CONSTRAINT verdicts_pkey"))
    VERDICTS.create(connection)
    kept = "project_id, review_annotation_id, finding_key, verdict"
    connection.execute(text(f"INSERT INTO verdicts ({kept}) SELECT {kept} FROM {earlier}"))
    connection.execute(text(f"DROP TABLE {earlier}"))
    for row in connection.execute(select(VERDICTS)).all():
        said, this = row.verdict, (row.project_id, row.review_annotation_id, row.finding_key)
        is_left = said.get("new_label") == said.get("old_label") and said.get("new_value") is None
        if said.get("decision") in WRONG and not (said["decision"] == "fix" and is_left):
            same = (column == value for column, value in zip(VERDICTS.primary_key.columns, this, strict=True))
            connection.execute(update(VERDICTS).where(*same).values(is_wrong=True))


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)
