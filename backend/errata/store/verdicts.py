"""The verdict records."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Engine, distinct, func, select

from errata.review.records import Settle, Verdict
from errata.store.database import hold_verdicts, writing
from errata.store.files import locked
from errata.store.rows import verdict_from_json
from errata.store.tables import VERDICTS
from errata.store.verdict_rows import forget, identity, keep, resettle


class VerdictStore:
    """Keeps verdicts: `review.ports.Verdicts`."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine = engine
        self._data_dir = data_dir

    def exclusive(self, project_id: int) -> AbstractContextManager[None]:
        """Hold the project for one who takes its verdicts (waits for another one to finish)."""
        return locked(self._data_dir, f"verdicts-{project_id}")

    def put(self, said: Sequence[Verdict], settle: Settle) -> int:
        """Keep verdicts; one of the same answer about the same finding replaces the earlier.

        Args:
            said: each by itself.
            settle: says how all those about a finding stand to one another.

        Returns:
            How many verdicts are new or stand otherwise now.
        """
        n_changed = 0
        for project_id in sorted({verdict.project_id for verdict in said}):
            with writing(self._engine) as connection:
                hold_verdicts(connection, project_id)
                keys = keep(connection, [verdict for verdict in said if verdict.project_id == project_id])
                n_changed += resettle(connection, project_id, keys, settle)
        return n_changed

    def remove(self, verdicts: Sequence[Verdict], settle: Settle) -> None:
        """Forget verdicts whose answers were withdrawn in Label Studio."""
        for project_id in sorted({verdict.project_id for verdict in verdicts}):
            with writing(self._engine) as connection:
                hold_verdicts(connection, project_id)
                gone = [identity(verdict) for verdict in verdicts if verdict.project_id == project_id]
                resettle(connection, project_id, forget(connection, gone), settle)

    def of_project(self, project_id: int, *, with_scans: bool = False) -> list[Verdict]:
        """Return the project's verdicts that count, oldest first; what was scanned alone is none but `with_scans`."""
        counts_as = ("verdict", "scan") if with_scans else ("verdict",)
        counting = (VERDICTS.c.project_id == project_id) & VERDICTS.c.counts_as.in_(counts_as)
        with self._engine.begin() as connection:
            rows = connection.execute(select(VERDICTS.c.verdict).where(counting))
            verdicts = [verdict_from_json(row) for row in rows.scalars()]
        return sorted(verdicts, key=lambda verdict: (verdict.decided_at, *identity(verdict)))

    def scanned(self, project_id: int) -> int:
        """Return how many findings were looked at in a page and not marked, and have no verdict."""
        mine = VERDICTS.c.project_id == project_id
        decided = select(VERDICTS.c.finding_key).where(mine & (VERDICTS.c.counts_as == "verdict"))
        seen = mine & (VERDICTS.c.counts_as == "scan") & VERDICTS.c.finding_key.not_in(decided)
        with self._engine.begin() as connection:
            return connection.execute(select(func.count(distinct(VERDICTS.c.finding_key))).where(seen)).scalar() or 0
