"""What is counted of the verdict records, without reading them whole."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, distinct, func, select

from errata.boards.ports import Figure
from errata.store.tables import VERDICTS

_NONE_YET = -1  # a revision before every other


class VerdictFigures:
    """Says which verdicts changed: `boards.ports.Figures`. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._decided: dict[int, tuple[int, int]] = {}  # project -> latest revision, findings that had a verdict then

    def changed_since(self, project_id: int, revision: int) -> tuple[int, list[Figure]]:
        """Return the project's latest revision, -1 before the first, and the records that changed after another one."""
        mine = VERDICTS.c.project_id == project_id
        columns = (
            VERDICTS.c.finding_key,
            VERDICTS.c.review_annotation_id,
            VERDICTS.c.counts_as,
            VERDICTS.c.is_wrong,
            VERDICTS.c.verdict["decision"].as_string(),
        )
        with self._engine.begin() as connection:
            newest = connection.execute(select(func.max(VERDICTS.c.revision)).where(mine)).scalar()
            if newest is None or newest <= revision:
                return (_NONE_YET if newest is None else newest), []
            rows = connection.execute(select(*columns).where(mine & (VERDICTS.c.revision > revision)))
            # In PostgreSQL each statement sees what was committed until then: what is later than `newest` is read again
            # next time, which changes nothing.
            return newest, [Figure(*row) for row in rows]

    def decided(self, project_ids: Sequence[int]) -> dict[int, int]:
        """Return project -> how many findings have a verdict; projects without any are left out."""
        counted = select(func.count(distinct(VERDICTS.c.finding_key))).where(VERDICTS.c.counts_as == "verdict")
        with self._engine.begin() as connection:
            for project_id in project_ids:
                mine = VERDICTS.c.project_id == project_id
                newest = connection.execute(select(func.max(VERDICTS.c.revision)).where(mine)).scalar()
                if newest is None:
                    self._decided.pop(project_id, None)
                elif self._decided.get(project_id, (_NONE_YET, 0))[0] != newest:
                    self._decided[project_id] = newest, connection.execute(counted.where(mine)).scalar_one()
        decided = dict(self._decided)
        return {project_id: decided[project_id][1] for project_id in project_ids if decided.get(project_id, (0, 0))[1]}
