"""What errata has written where in Label Studio."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Engine, and_, delete, insert, select, update

from errata.audit.ports import Trace
from errata.store.database import writing
from errata.store.tables import FOOTPRINT


class FootprintStore:
    """Keeps the traces: `audit.ports.Footprint`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, project_id: int, trace: Trace) -> None:
        """Write it down; the same kind and ref again replaces the details."""
        details = dict(trace.details)
        same = _is(project_id, trace.kind, trace.ref)
        with writing(self._engine) as connection:
            if connection.execute(update(FOOTPRINT).where(same).values(details=details)).rowcount == 0:
                values = {"project_id": project_id, "kind": trace.kind, "ref": trace.ref, "details": details}
                connection.execute(insert(FOOTPRINT).values(**values))

    def remove(self, project_id: int, kind: str, ref: str) -> None:
        """It is gone from Label Studio."""
        with writing(self._engine) as connection:
            connection.execute(delete(FOOTPRINT).where(_is(project_id, kind, ref)))

    def of_project(self, project_id: int) -> list[Trace]:
        """Return what is there, oldest first."""
        with self._engine.begin() as connection:
            chosen = select(FOOTPRINT).where(FOOTPRINT.c.project_id == project_id).order_by(FOOTPRINT.c.id)
            return [Trace(row.kind, row.ref, row.details) for row in connection.execute(chosen)]

    def every(self) -> dict[int, list[Trace]]:
        """Return project id -> what is there, oldest first."""
        found: dict[int, list[Trace]] = {}
        with self._engine.begin() as connection:
            for row in connection.execute(select(FOOTPRINT).order_by(FOOTPRINT.c.id)):
                found.setdefault(row.project_id, []).append(Trace(row.kind, row.ref, row.details))
        return found


def _is(project_id: int, kind: str, ref: str) -> ColumnElement[bool]:
    return and_(FOOTPRINT.c.project_id == project_id, FOOTPRINT.c.kind == kind, FOOTPRINT.c.ref == ref)
