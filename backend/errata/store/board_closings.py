"""What was written into review projects for decisions on the scan board, and what is still to be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, and_, delete, select, union, update

from errata.boards.closing import Closed, Wanted
from errata.review.closings import Closing
from errata.review.records import Settle, board_verdict_id
from errata.store.database import chunks, hold_verdicts, upsert, writing
from errata.store.rows import verdict_from_json
from errata.store.tables import BOARD_CLOSINGS, BOARD_MARKS, FINDINGS, VERDICTS
from errata.store.verdict_rows import forget, resettle

_C, _V, _F = BOARD_CLOSINGS.c, VERDICTS.c, FINDINGS.c
_SAME = and_(
    _C.project_id == _V.project_id, _C.finding_key == _V.finding_key, _C.reviewer_id == -_V.review_annotation_id
)
_IS_DECIDED = and_(_V.review_annotation_id < 0, _V.counts_as == "verdict")
_IS_PLACED = and_(_F.key == _V.finding_key, _F.state == "published", _F.review_task_id.is_not(None))


class ClosingStore:
    """Keeps closings: `boards.closing.ClosingLog` and `review.closings.Closings`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def projects(self) -> list[int]:
        """Return the projects in which somebody decided on the scan board, or did so once."""
        decided = select(_V.project_id).where(_V.review_annotation_id < 0).distinct()
        with self._engine.begin() as connection:
            return sorted(connection.execute(union(decided, select(_C.project_id).distinct())).scalars())

    def due(self, project_id: int) -> list[int]:
        """Return the review tasks that may not say what is decided."""
        is_as_said = and_(
            _C.annotation_id.is_not(None), _C.revision == _V.revision, _C.review_task_id == _F.review_task_id
        )
        unsaid = (
            select(_F.review_task_id)
            .select_from(VERDICTS)
            .join(FINDINGS, _IS_PLACED)
            .outerjoin(BOARD_CLOSINGS, and_(_SAME, is_as_said))
            .where(_V.project_id == project_id, _IS_DECIDED, _C.finding_key.is_(None))
        )
        undecided = (
            select(_C.review_task_id)
            .outerjoin(VERDICTS, and_(_SAME, _V.counts_as == "verdict"))
            .where(_C.project_id == project_id, _V.finding_key.is_(None))
        )
        with self._engine.begin() as connection:
            return sorted(connection.execute(union(unsaid, undecided)).scalars())

    def wanted(self, project_id: int, review_task_ids: Sequence[int]) -> dict[int, dict[int, list[Wanted]]]:
        """Return review task -> reviewer -> what they decided about its findings on the scan board."""
        columns = _F.review_task_id, _V.review_annotation_id, _V.verdict, _V.said, _V.revision
        found: defaultdict[int, dict[int, list[Wanted]]] = defaultdict(dict)
        with self._engine.begin() as connection:
            for chunk in chunks(review_task_ids):
                chosen = select(*columns).select_from(VERDICTS).join(FINDINGS, _IS_PLACED)
                mine = chosen.where(_V.project_id == project_id, _IS_DECIDED, _F.review_task_id.in_(chunk))
                for row in connection.execute(mine.order_by(_V.finding_key)):
                    said = verdict_from_json(row.verdict if row.said is None else row.said)
                    of_task = found[row.review_task_id]
                    of_task.setdefault(-row.review_annotation_id, []).append(Wanted(said, row.revision))
        return dict(found)

    def closed(self, project_id: int, review_task_ids: Sequence[int]) -> dict[int, dict[int, Closed]]:
        """Return review task -> reviewer -> what was written there for them."""
        found: defaultdict[int, dict[int, Closed]] = defaultdict(dict)
        with self._engine.begin() as connection:
            for chunk in chunks(review_task_ids):
                mine = (_C.project_id == project_id) & _C.review_task_id.in_(chunk)
                for row in connection.execute(select(BOARD_CLOSINGS).where(mine)):
                    of_task = found[row.review_task_id]
                    said = of_task.get(row.reviewer_id, Closed(row.annotation_id, {})).decided_at
                    when = datetime.fromisoformat(row.decided_at)
                    of_task[row.reviewer_id] = Closed(row.annotation_id, {**said, row.finding_key: when})
        return dict(found)

    def decided(self, project_id: int, keys: Iterable[str]) -> set[str]:
        """Return those of these findings that have a verdict, wherever it was said."""
        found: set[str] = set()
        with self._engine.begin() as connection:
            for chunk in chunks(list(keys)):
                these = (_V.project_id == project_id) & _V.finding_key.in_(chunk) & (_V.counts_as == "verdict")
                found |= set(connection.execute(select(_V.finding_key).where(these)).scalars())
        return found

    def write(
        self,
        project_id: int,
        review_project_id: int,
        review_task_id: int,
        reviewer_id: int,
        wanted: Sequence[Wanted],
        annotation_id: int | None,
    ) -> None:
        """Write down all that is said in a task for a reviewer, and by which annotation, None before it is there."""
        rows = [
            {
                "project_id": project_id,
                "finding_key": each.said.finding_key,
                "reviewer_id": reviewer_id,
                "review_project_id": review_project_id,
                "review_task_id": review_task_id,
                "annotation_id": annotation_id,
                "decided_at": each.said.decided_at.isoformat(),
                "revision": each.revision,
            }
            for each in wanted
        ]
        mine = (_C.project_id == project_id) & (_C.reviewer_id == reviewer_id)
        with writing(self._engine) as connection:
            connection.execute(delete(BOARD_CLOSINGS).where(mine & (_C.review_task_id == review_task_id)))
            upsert(connection, BOARD_CLOSINGS, rows)

    def recorded(self, project_id: int) -> list[Closing]:
        """Return what was written, of every decision."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(BOARD_CLOSINGS).where(_C.project_id == project_id)).all()
        return [
            Closing(
                row.finding_key,
                row.reviewer_id,
                row.review_project_id,
                row.review_task_id,
                row.annotation_id,
                datetime.fromisoformat(row.decided_at),
            )
            for row in rows
        ]

    def overrule(self, project_id: int, closings: Sequence[Closing], settle: Settle) -> int:
        """Forget these, and their verdicts unless these were decided anew; return how many verdicts went."""
        gone = []
        with writing(self._engine) as connection:
            hold_verdicts(connection, project_id)
            for closing in closings:
                annotation_id = board_verdict_id(closing.reviewer_id)
                mine = (_V.project_id == project_id) & (_V.finding_key == closing.finding_key)
                row = connection.execute(
                    select(_V.verdict).where(mine & (_V.review_annotation_id == annotation_id))
                ).scalar()
                if row is not None and datetime.fromisoformat(row["decided_at"]) == closing.decided_at:
                    gone.append((project_id, annotation_id, closing.finding_key))
                    _take_back(connection, project_id, closing)
                this = (_C.project_id == project_id) & (_C.finding_key == closing.finding_key)
                said = this & (_C.reviewer_id == closing.reviewer_id) & (_C.annotation_id == closing.annotation_id)
                connection.execute(delete(BOARD_CLOSINGS).where(said))
            keys = forget(connection, gone)
            resettle(connection, project_id, keys, settle)
        return len(keys)

    def review_tasks(self, keys: Sequence[str]) -> dict[str, int]:
        """Return finding -> review task, for those that stand in the review project."""
        found: dict[str, int] = {}
        with self._engine.begin() as connection:
            for chunk in chunks(list(keys)):
                placed = (_F.key.in_(chunk)) & (_F.state == "published") & _F.review_task_id.is_not(None)
                rows = connection.execute(select(_F.key, _F.review_task_id).where(placed))
                found |= {row.key: row.review_task_id for row in rows}
        return found


def _take_back(connection: Connection, project_id: int, closing: Closing) -> None:
    """Let nothing stand of what the reviewer marked about a finding: no scan or undo is to bring it back."""
    marks = BOARD_MARKS.c
    theirs = (marks.project_id == project_id) & (marks.reviewer_id == closing.reviewer_id) & marks.stands
    connection.execute(
        update(BOARD_MARKS).where(theirs & (marks.finding_key == closing.finding_key)).values(stands=False)
    )
