"""What errata knows of one project, cleared; the journal is written to a file first."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select

from errata.store.database import aware, now, upsert, writing
from errata.store.files import locked, private_folder, write_whole
from errata.store.tables import (
    AUDITS,
    BOARD_ACTIONS,
    BOARD_CLOSINGS,
    BOARD_MARKS,
    CHANGESETS,
    DISCONNECTED,
    FINDINGS,
    FOOTPRINT,
    JOURNAL,
    PROJECT_SETTINGS,
    PROJECTS,
    SELECTED,
    VERDICTS,
)

_CHILDREN_FIRST = (
    JOURNAL,
    CHANGESETS,
    BOARD_ACTIONS,
    BOARD_CLOSINGS,
    BOARD_MARKS,
    VERDICTS,
    SELECTED,
    FINDINGS,
    AUDITS,
    PROJECT_SETTINGS,
    FOOTPRINT,
    PROJECTS,
)


def left_projects(engine: Engine) -> frozenset[int]:
    """Return the ids of projects that errata is to leave alone, those that were purged too."""
    with engine.begin() as connection:
        return frozenset(connection.execute(select(DISCONNECTED.c.project_id)).scalars())


def purge_project(engine: Engine, data_dir: Path, project_id: int) -> Path | None:
    """Forget a project's findings, verdicts, audits, models, tables and pictures of the pages, settings and journal.

    Embeddings and the index of media stay: other projects may show the same. So does the project's number among
    those that errata is to leave alone, for an `errata serve` that runs meanwhile.

    Returns:
        The file that the journal was written to, None where errata never changed a label of the project.
    """
    with ExitStack() as held:
        for name in ("journal", "artefacts", "boards"):
            held.enter_context(locked(data_dir, f"{name}-{project_id}"))
        exported = _export_journal(engine, data_dir, project_id)
        with writing(engine) as connection:
            for table in _CHILDREN_FIRST:
                connection.execute(delete(table).where(table.c.project_id == project_id))
            upsert(connection, DISCONNECTED, [{"project_id": project_id}])
        for room in ("models", "boards", "pictures"):
            shutil.rmtree(data_dir / room / str(project_id), ignore_errors=True)
    return exported


def _export_journal(engine: Engine, data_dir: Path, project_id: int) -> Path | None:
    chosen = select(JOURNAL, CHANGESETS.c.opened_at, CHANGESETS.c.opened_by).join(
        CHANGESETS, CHANGESETS.c.id == JOURNAL.c.changeset_id
    )
    with engine.begin() as connection:
        rows = connection.execute(chosen.where(JOURNAL.c.project_id == project_id).order_by(JOURNAL.c.id)).all()
    if not rows:
        return None
    file = private_folder(data_dir / "purged") / f"journal-of-project-{project_id}-{now():%Y%m%dT%H%M%S}.jsonl"
    write_whole(file, (json.dumps(dict(row._mapping), default=_time).encode() + b"\n" for row in rows))
    return file


def _time(value: Any) -> str:
    """Write a time down with its zone, UTC."""
    return aware(value).isoformat()
