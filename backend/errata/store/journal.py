"""The journal: every write to a source project, committed before it is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, exists, func, select, update

from errata.review.records import Annotation, Change, EntryState, JournalEntry
from errata.store.database import aware, insert_row, now, writing
from errata.store.files import locked
from errata.store.rows import change_from_json, change_to_json
from errata.store.tables import CHANGESETS, JOURNAL
from errata_model.records import GivenLabel, finding_key


class JournalStore:
    """Keeps the journal: `review.ports.Journal`."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine = engine
        self._data_dir = data_dir

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        """Hold the project for one writer (waits for another one to finish)."""
        return locked(self._data_dir, f"journal-{project_id}")

    def open_changeset(self, project_id: int, by: str) -> int:
        """Begin a changeset; return its id."""
        with writing(self._engine) as connection:
            return insert_row(connection, CHANGESETS, project_id=project_id, opened_at=now(), opened_by=by)

    def intend(
        self,
        changeset_id: int,
        changes: Sequence[Change],
        before: Annotation,
        after: Sequence[Mapping[str, Any]],
        after_hashes: Sequence[str | None],
    ) -> JournalEntry:
        """Commit what is about to be written to one annotation. State: intended."""
        values = {
            "changeset_id": changeset_id,
            "project_id": changes[0].project_id,
            "task_id": before.task_id,
            "annotation_id": before.id,
            "changes": [change_to_json(change) for change in changes],
            "before": {**before.raw, "result": list(before.result)},
            "after_result": list(after),
            "after_hashes": list(after_hashes),
            "state": "intended",
            "intended_at": now(),
        }
        with writing(self._engine) as connection:
            entry_id = insert_row(connection, JOURNAL, **values)
            return _entry(connection.execute(select(JOURNAL).where(JOURNAL.c.id == entry_id)).one())

    def settle(self, entry_id: int, state: EntryState, problem: str | None = None) -> None:
        """Commit how it went."""
        settled = update(JOURNAL).where(JOURNAL.c.id == entry_id)
        with writing(self._engine) as connection:
            connection.execute(settled.values(state=state, problem=problem, settled_at=now()))

    def unsettled(self, project_id: int) -> list[JournalEntry]:
        """Return the entries in state intended or undoing, and dropped ones after which nothing was written there."""
        later = JOURNAL.alias()
        same = (later.c.project_id == project_id) & (later.c.annotation_id == JOURNAL.c.annotation_id)
        is_later = (later.c.id > JOURNAL.c.id) | (later.c.settled_at > JOURNAL.c.settled_at)
        is_last = ~exists().where(same & is_later)
        is_open = JOURNAL.c.state.in_(("intended", "undoing")) | ((JOURNAL.c.state == "dropped") & is_last)
        return self._entries(JOURNAL.c.project_id == project_id, is_open)

    def entries(self, project_id: int) -> list[JournalEntry]:
        """Return the project's entries, oldest first."""
        return self._entries(JOURNAL.c.project_id == project_id)

    def changesets(self, project_id: int) -> list[tuple[int, datetime, int]]:
        """Return (id, when, how many entries are written and not undone), oldest first."""
        standing = JOURNAL.c.state.in_(("written", "undoing")) & (JOURNAL.c.changeset_id == CHANGESETS.c.id)
        counted = select(CHANGESETS.c.id, CHANGESETS.c.opened_at, func.count(JOURNAL.c.id))
        counted = counted.outerjoin(JOURNAL, standing).where(CHANGESETS.c.project_id == project_id)
        grouped = counted.group_by(CHANGESETS.c.id, CHANGESETS.c.opened_at).order_by(CHANGESETS.c.id)
        with self._engine.begin() as connection:
            return [(id_, aware(when), n) for id_, when, n in connection.execute(grouped)]

    def _entries(self, *conditions: Any) -> list[JournalEntry]:
        with self._engine.begin() as connection:
            rows = connection.execute(select(JOURNAL).where(*conditions).order_by(JOURNAL.c.id))
            return [_entry(row) for row in rows]


def written_keys(connection: Connection, project_id: int, url: str) -> set[str]:
    """Return the keys that findings have about the labels that errata wrote last, each at its place."""
    stands = (JOURNAL.c.project_id == project_id) & JOURNAL.c.state.in_(("written", "undoing"))
    rows = connection.execute(select(JOURNAL.c.changes, JOURNAL.c.after_hashes).where(stands).order_by(JOURNAL.c.id))
    keys = {}
    for changes, hashes in rows:
        for change, value_hash in zip(map(change_from_json, changes), hashes, strict=True):
            place = (change.task_id, change.annotation_id, "", change.control, change.region_id)
            written = GivenLabel(*place, "", change.new_label, value_hash or "")
            slot = (*place, change.tag)
            keys[slot] = finding_key(url, project_id, written)
    return set(keys.values())


def _entry(row: Row[Any]) -> JournalEntry:
    return JournalEntry(
        id=row.id,
        changeset_id=row.changeset_id,
        project_id=row.project_id,
        task_id=row.task_id,
        annotation_id=row.annotation_id,
        changes=tuple(change_from_json(change) for change in row.changes),
        before=row.before,
        after_result=tuple(row.after_result),
        after_hashes=tuple(row.after_hashes),
        state=row.state,
        intended_at=aware(row.intended_at),
        problem=row.problem,
    )
