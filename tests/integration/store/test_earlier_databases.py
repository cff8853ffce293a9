"""What an earlier errata wrote down, in the file of a single user and in a server's PostgreSQL.

`schema_5.json` holds what the last errata of schema 5 made and wrote: its statements, by database, and its rows.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import DateTime, Engine, MetaData, create_engine, inspect, null, select, text

from errata.review.records import Annotation, Project
from errata.settings import ProjectSettings
from errata.store.audits import AuditStore
from errata.store.database import open_database, writing
from errata.store.footprint import FootprintStore
from errata.store.journal import JournalStore
from errata.store.media_index import MediaIndexStore
from errata.store.project_settings import ProjectSettingsStore
from errata.store.rows import change_to_json, finding_to_json, verdict_to_json
from errata.store.tables import METADATA, SCHEMA, SCHEMA_VERSION, VERDICTS
from errata.store.verdict_figures import VerdictFigures
from errata.store.verdicts import VerdictStore

EARLIER: dict[str, Any] = json.loads(Path(__file__).with_name("schema_5.json").read_text(encoding="utf-8"))
ROWS: dict[str, list[dict[str, Any]]] = EARLIER["rows"]
STREETS = 7


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Return where a database of schema 5 is."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'errata.db'}"
        fill(url)
        yield url
        return
    postgres = request.getfixturevalue("postgres")
    with tempfile.TemporaryDirectory(prefix="errata-postgresql-") as name:  # tmp_path is closed to its user
        postgres.create(Path(name) / "cluster")
        with postgres.running(Path(name) / "cluster") as port:
            url = f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
            fill(url)
            yield url


def fill(url: str) -> None:
    """Make the tables as they were, and put the rows into them."""
    engine, tables = create_engine(url), MetaData()
    with engine.begin() as connection:
        for statement in EARLIER[engine.dialect.name]:
            connection.execute(text(statement))
        tables.reflect(connection)
        for table in tables.sorted_tables:
            for row in ROWS[table.name]:
                values = {name: null() if said is None else said for name, said in row.items()}
                for column in table.columns:
                    if isinstance(column.type, DateTime) and row[column.name] is not None:
                        values[column.name] = datetime.fromisoformat(row[column.name])
                connection.execute(table.insert().values(**values))
            if engine.dialect.name == "postgresql" and ROWS[table.name] and "id" in table.columns:
                counted = "SELECT setval(pg_get_serial_sequence(:name, 'id'), (SELECT max(id) FROM {}))"
                connection.execute(text(counted.format(table.name)), {"name": table.name})
    engine.dispose()


def says(record: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Say whether a record, as it would be written today, says all that was written, and nothing that was not."""
    written = json.loads(json.dumps(record))
    return all(written[key] == said for key, said in row.items()) and not any(
        said for key, said in written.items() if key not in row
    )


def test_an_earlier_database_is_read_and_written_on(url: str, tmp_path: Path) -> None:
    """Projects, audits, findings, verdicts, the journal and all else are as they were; opened twice, it is so still.

    What is written after stands beside it: the verdict on a second finding of one answer, which the earlier schema
    could not hold, and journal entries, whose numbers go on.
    """
    for _ in range(2):
        engine = open_database(url)
        assert_same_tables(engine)
        assert_all_there(engine, tmp_path)
        engine.dispose()
    engine = open_database(url)
    with writing(engine) as connection:
        row = connection.execute(select(VERDICTS).where(VERDICTS.c.finding_key == "f-choice")).one()
        connection.execute(VERDICTS.insert().values({**row._mapping, "finding_key": "f-other"}))
    verdicts, journal = VerdictStore(engine, tmp_path).of_project(STREETS), JournalStore(engine, tmp_path)
    assert len(verdicts) == len(ROWS["verdicts"]) + 1
    (open_,) = journal.unsettled(STREETS)
    journal.settle(open_.id, "dropped")
    annotation = Annotation(701, 71, (), verdicts[0].decided_at, {"id": 701})
    entry = journal.intend(journal.open_changeset(STREETS, "me"), open_.changes, annotation, [], [None])
    assert (entry.id, entry.changeset_id) == (open_.id + 1, open_.changeset_id + 1)
    assert [each.state for each in journal.entries(STREETS)] == ["written", "undone", "dropped", "intended"]
    engine.dispose()


def assert_same_tables(engine: Engine) -> None:
    """Compare the tables with those of a database that is made today."""
    found = inspect(engine)
    assert sorted(found.get_table_names()) == sorted(METADATA.tables)
    for table in METADATA.sorted_tables:
        assert [each["name"] for each in found.get_columns(table.name)] == [each.name for each in table.columns]
        keys = found.get_pk_constraint(table.name)
        assert keys["constrained_columns"] == [each.name for each in table.primary_key]
        assert {each["name"] for each in found.get_indexes(table.name)} >= {each.name for each in table.indexes}
    with engine.begin() as connection:
        assert connection.execute(select(SCHEMA.c.version)).scalar() == SCHEMA_VERSION > 5


def assert_all_there(engine: Engine, data_dir: Path) -> None:
    audits = AuditStore(engine, data_dir)
    streets, sizes = [Project(row["project_id"], row["title"], row["url"]) for row in ROWS["projects"]]
    assert (audits.projects(), audits.watched()) == ([streets, sizes], [streets])
    last = audits.last_good(STREETS)
    assert last is not None
    assert (last.version, last.summary) == (ROWS["audits"][1]["version"], ROWS["audits"][1]["summary"])
    rows = {row["key"]: row for row in ROWS["findings"]}
    found = audits.get(sorted(rows))
    assert sorted(found) == sorted(rows)
    assert all(says(finding_to_json(found[key]), row["shown"] or row["latest"]) for key, row in rows.items())
    assert (set(audits.in_review(STREETS)), sorted(audits.selected(STREETS))) == ({"f-choice", "f-box"}, ["f-tag"])
    assert [finding.key for finding in audits.missing_regions(STREETS)] == ["f-missing"]
    verdicts = VerdictStore(engine, data_dir).of_project(STREETS)
    said = [row["verdict"] for row in ROWS["verdicts"]]
    assert len(verdicts) == len(said) == 4
    assert all(says(verdict_to_json(verdict), row) for verdict, row in zip(verdicts, said, strict=True))
    assert set(rows) <= audits.decided(STREETS)
    _, figures = VerdictFigures(engine).changed_since(STREETS, -1)
    counted = {(each.finding_key, each.decision, each.is_wrong, each.counts_as) for each in figures}
    assert counted == {(each.finding_key, each.decision, each.is_wrong, "verdict") for each in verdicts}
    assert VerdictFigures(engine).decided([STREETS]) == {STREETS: len({each.finding_key for each in verdicts})}
    entries = JournalStore(engine, data_dir).entries(STREETS)
    assert len(entries) == len(ROWS["journal"]) == 3
    for entry, row in zip(entries, ROWS["journal"], strict=True):
        assert (entry.id, entry.state, entry.problem, entry.before) == tuple(
            row[name] for name in ("id", "state", "problem", "before")
        )
        assert (list(entry.after_result), list(entry.after_hashes)) == (row["after_result"], row["after_hashes"])
        assert all(says(change_to_json(c), said) for c, said in zip(entry.changes, row["changes"], strict=True))
    assert [trace.kind for trace in FootprintStore(engine).of_project(STREETS)] == ["review_project", "webhook"]
    assert ProjectSettingsStore(engine).every() == {STREETS: ProjectSettings(belief="annotators")}
    assert MediaIndexStore(engine).known(["/data/upload/7/a.png"]) == {"/data/upload/7/a.png": "sha256-a"}
