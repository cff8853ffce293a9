"""The verdict records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Engine, delete, select

from errata.review.records import Verdict
from errata.store.database import chunks, upsert, writing
from errata.store.files import locked
from errata.store.rows import verdict_from_json, verdict_to_json
from errata.store.tables import VERDICTS


class VerdictStore:
    """Keeps verdicts: `review.ports.Verdicts`."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine = engine
        self._data_dir = data_dir

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        """Hold the project for one who takes its verdicts (waits for another one to finish)."""
        return locked(self._data_dir, f"verdicts-{project_id}")

    def put(self, verdicts: Sequence[Verdict]) -> int:
        """Keep verdicts; one of the same answer about the same finding replaces the earlier.

        Returns:
            How many were new or changed.
        """
        rows = {_identity(verdict): verdict for verdict in verdicts}
        with writing(self._engine) as connection:
            changed = []
            for chunk in chunks(list(rows.values())):
                ids = sorted({verdict.review_annotation_id for verdict in chunk})
                kept = connection.execute(select(VERDICTS).where(VERDICTS.c.review_annotation_id.in_(ids)))
                known = {(row.project_id, row.review_annotation_id, row.finding_key): row.verdict for row in kept}
                for verdict in chunk:
                    identity = _identity(verdict)
                    if identity not in known or verdict_from_json(known[identity]) != verdict:
                        changed.append(verdict)
            upsert(connection, VERDICTS, [_row(verdict) for verdict in changed])
        return len(changed)

    def remove(self, verdicts: Sequence[Verdict]) -> None:
        """Forget verdicts whose answers were withdrawn in Label Studio."""
        with writing(self._engine) as connection:
            for verdict in verdicts:
                gone = zip(VERDICTS.primary_key.columns, _identity(verdict), strict=True)
                connection.execute(delete(VERDICTS).where(*(column == said for column, said in gone)))

    def of_project(self, project_id: int) -> list[Verdict]:
        """Return the project's verdicts, oldest first."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(VERDICTS.c.verdict).where(VERDICTS.c.project_id == project_id))
            verdicts = [verdict_from_json(row) for row in rows.scalars()]
        return sorted(verdicts, key=lambda verdict: (verdict.decided_at, *_identity(verdict)))


def _identity(verdict: Verdict) -> tuple[int, int, str]:
    return verdict.project_id, verdict.review_annotation_id, verdict.finding_key


def _row(verdict: Verdict) -> dict[str, object]:
    return {
        "project_id": verdict.project_id,
        "review_annotation_id": verdict.review_annotation_id,
        "finding_key": verdict.finding_key,
        "verdict": verdict_to_json(verdict),
    }
