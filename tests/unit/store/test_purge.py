from __future__ import annotations

import json
import stat
from pathlib import Path

from sqlalchemy import Engine, func, insert, select

from errata.audit.ports import Trace
from errata.review.records import Project
from errata.settings import ProjectSettings
from errata.store.audits import AuditStore
from errata.store.database import now, writing
from errata.store.durations import audit_durations
from errata.store.footprint import FootprintStore
from errata.store.project_settings import ProjectSettingsStore
from errata.store.purge import left_projects, purge_project
from errata.store.tables import AUDITS, CHANGESETS, DISCONNECTED, JOURNAL, METADATA


def fill(engine: Engine, audits: AuditStore, project_id: int) -> None:
    audits.connected(Project(project_id, "Cars", "http://ls/"))
    ProjectSettingsStore(engine).put(project_id, ProjectSettings(apply="auto"))
    FootprintStore(engine).add(project_id, Trace("review_project", "70"))
    with writing(engine) as connection:
        connection.execute(insert(AUDITS).values(project_id=project_id, started_at=now(), summary={}))
        changeset = {"id": project_id, "project_id": project_id, "opened_at": now(), "opened_by": "ann"}
        connection.execute(insert(CHANGESETS).values(**changeset))
        entry = {"task_id": 1, "annotation_id": 2, "changes": [], "before": {"result": ["old"]}, "after_result": []}
        entry |= {"project_id": project_id, "after_hashes": [], "state": "written", "intended_at": now()}
        connection.execute(insert(JOURNAL).values(changeset_id=project_id, **entry))


def rows(engine: Engine, project_id: int) -> dict[str, int]:
    with engine.begin() as connection:
        return {
            table.name: connection.execute(
                select(func.count()).select_from(table).where(table.c.project_id == project_id)
            ).scalar_one()
            for table in METADATA.sorted_tables
            if "project_id" in table.c
        }


def test_one_project_is_forgotten_and_its_journal_kept(engine: Engine, audits: AuditStore, tmp_path: Path) -> None:
    """All that is left of it is its number, for a service that runs meanwhile; the other project is whole."""
    for project_id in (7, 8):
        fill(engine, audits, project_id)
    other = rows(engine, 8)
    for room in ("models", "boards", "pictures"):
        (tmp_path / "data" / room / "7").mkdir(parents=True)
    file = purge_project(engine, tmp_path / "data", 7)
    assert file is not None
    (line,) = [json.loads(text) for text in file.read_text().splitlines()]
    assert (line["project_id"], line["before"], line["opened_by"]) == (7, {"result": ["old"]}, "ann")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {name: n for name, n in rows(engine, 7).items() if n} == {DISCONNECTED.name: 1}
    assert left_projects(engine) == {7}
    assert rows(engine, 8) == other
    assert not any((tmp_path / "data" / room / "7").exists() for room in ("models", "boards", "pictures"))
    assert purge_project(engine, tmp_path / "data", 7) is None  # nothing is left to export


def test_durations_are_of_audits_that_ended_well(engine: Engine, audits: AuditStore, snapshot) -> None:
    """Those of no tasks say nothing about how long a task takes."""
    audits.finish(audits.begin(snapshot), "v1", {"tasks": 4})
    audits.finish(audits.begin(snapshot), "v1", {"tasks": 0})
    audits.fail(audits.begin(snapshot), "It ended.")
    (only,) = audit_durations(engine)
    assert (only.project_id, only.n_tasks) == (7, 4)
    assert 0 <= only.seconds < 60
