"""How long audits took."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select

from errata.store.tables import AUDITS


@dataclass(frozen=True, slots=True)
class AuditDuration:
    """One audit that ended well."""

    project_id: int
    n_tasks: int
    seconds: float


def audit_durations(engine: Engine) -> list[AuditDuration]:
    """Return the audits of some tasks that ended well, oldest first."""
    chosen = select(AUDITS.c.project_id, AUDITS.c.started_at, AUDITS.c.finished_at, AUDITS.c.summary)
    with engine.begin() as connection:
        rows = connection.execute(chosen.where(AUDITS.c.version.is_not(None)).order_by(AUDITS.c.id)).all()
    return [
        AuditDuration(row.project_id, int(row.summary["tasks"]), (row.finished_at - row.started_at).total_seconds())
        for row in rows
        if row.finished_at is not None and row.summary.get("tasks")
    ]
