"""What reviewers did on the pages: an append-only log, and what stands of it.

What stands is what replaying a reviewer's actions would say, but nothing is replayed. Each action writes down the two
stacks that it leaves: the decisions that can be undone, and the undoings that can be redone. A stack is the action on
top and, in that action, what lies below it; actions are never changed, so a stack is shared by all that build on it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import Connection, Engine, case, func, insert, select, update

from errata.boards.actions import Depth, Step, Tally
from errata.review.records import Settle, Settled, Verdict, board_verdict_id
from errata.store.database import chunks, hold_verdicts, writing
from errata.store.rows import verdict_from_json, verdict_to_json
from errata.store.tables import BOARD_ACTIONS, BOARD_MARKS, VERDICTS
from errata.store.verdict_rows import beside, forget, keep, resettle


@dataclass(frozen=True, slots=True)
class _Stacks:
    """What a reviewer can undo and redo: each the number of the action on top, 0 where there is none."""

    sequence: int = 0  # of the last action
    undo_top: int = 0
    redo_top: int = 0
    n_undo: int = 0
    n_redo: int = 0


class BoardLog:
    """Keeps actions: `boards.ports.ActionLog`. Several processes may write at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, project_id: int, reviewer_id: int, steps: Sequence[Step], settle: Settle) -> set[str]:
        """Take a reviewer's actions in this order, all or none; one that was taken before changes nothing.

        Returns:
            The findings that they are about, those that were taken back or brought back too.
        """
        with writing(self._engine) as connection:
            hold_verdicts(connection, project_id)
            writer = _Writer(connection, project_id, reviewer_id)
            touched, named = writer.write(steps)
            keys = writer.renew_verdicts(touched)
            resettle(connection, project_id, keys, settle)
        return touched | named

    def depth(self, project_id: int, reviewer_id: int) -> Depth:
        """Return how many steps the reviewer can undo and redo."""
        with self._engine.begin() as connection:
            stacks = _Writer(connection, project_id, reviewer_id).stacks
        return Depth(stacks.n_undo, stacks.n_redo)

    def tally(self, project_id: int, reviewer_id: int) -> Tally:
        """Return how many labels the reviewer decided about on the pages, and how many they looked at alone."""
        mine = (VERDICTS.c.project_id == project_id) & (
            VERDICTS.c.review_annotation_id == board_verdict_id(reviewer_id)
        )
        counted = select(VERDICTS.c.counts_as, func.count()).where(mine).group_by(VERDICTS.c.counts_as)
        with self._engine.begin() as connection:
            n = {row[0]: int(row[1]) for row in connection.execute(counted)}
        return Tally(n.get("verdict", 0), n.get("scan", 0))

    def beside(self, project_id: int, keys: Collection[str]) -> dict[str, list[Settled]]:
        """Return finding -> all that is said about it, wherever it was said, oldest first."""
        with self._engine.begin() as connection:
            return beside(connection, project_id, keys)

    def marked(self, project_id: int, reviewer_id: int) -> list[Verdict]:
        """Return what the reviewer marked on the pages and still stands, each by itself, oldest first."""
        mine = (VERDICTS.c.project_id == project_id) & (
            VERDICTS.c.review_annotation_id == board_verdict_id(reviewer_id)
        )
        chosen = select(VERDICTS.c.verdict, VERDICTS.c.said).where(mine & (VERDICTS.c.counts_as == "verdict"))
        with self._engine.begin() as connection:
            said = [
                verdict_from_json(row.verdict if row.said is None else row.said) for row in connection.execute(chosen)
            ]
        return sorted(said, key=lambda verdict: (verdict.decided_at, verdict.finding_key))


class _Writer:
    """Writes one reviewer's actions inside a transaction that holds the project's verdicts."""

    def __init__(self, connection: Connection, project_id: int, reviewer_id: int) -> None:
        self._connection = connection
        self._who = {"project_id": project_id, "reviewer_id": reviewer_id}
        self._actions = (BOARD_ACTIONS.c.project_id == project_id) & (BOARD_ACTIONS.c.reviewer_id == reviewer_id)
        self._marks = (BOARD_MARKS.c.project_id == project_id) & (BOARD_MARKS.c.reviewer_id == reviewer_id)
        self._now = datetime.now(timezone.utc)
        self._decided: set[str] = set()  # findings about which more than a scan came, or went
        self.stacks = self._last()

    def write(self, steps: Sequence[Step]) -> tuple[set[str], set[str]]:
        """Append what is new; return the findings whose standing may be another one, and the others that are named."""
        known = self._known([step.action.id for step in steps])
        touched: set[str] = set()
        named: set[str] = set()
        for step in steps:
            if step.action.id in known:
                named |= step.verdicts.keys() | self._keys_of(known[step.action.id])
            else:
                known[step.action.id], keys = self._append(step)
                touched |= keys
        return touched, named - touched

    def renew_verdicts(self, touched: Collection[str]) -> set[str]:
        """Let the reviewer's verdicts be what stands of their marks; return the findings for which that changed.

        Where only scans came or went, a decision stays as it is: it is as old as it was, so that it does not get the
        better of what the same person answered in the review project since.
        """
        now = self._standing(touched)
        touched = [key for key in touched if key in self._decided or not _is_decision(now.get(key))]
        now = {key: now.get(key) for key in touched}
        said = [verdict for verdict in now.values() if verdict is not None]
        identity = self._who["project_id"], board_verdict_id(self._who["reviewer_id"])
        gone = [(*identity, key) for key, verdict in now.items() if verdict is None]
        return keep(self._connection, said) | forget(self._connection, gone)

    def _append(self, step: Step) -> tuple[int, set[str]]:
        sequence = self.stacks.sequence + 1
        before, self.stacks = self.stacks, replace(self.stacks, sequence=sequence)
        target: int | None = None
        below = 0
        if step.action.kind == "decide":
            below = before.undo_top
            self.stacks = _Stacks(sequence, sequence, 0, before.n_undo + 1, 0)
            self._add_marks(sequence, step)
        elif step.action.kind == "undo" and before.undo_top:
            target, below = before.undo_top, before.redo_top
            under = self._row(target).below
            self.stacks = _Stacks(sequence, under, sequence, before.n_undo - 1, before.n_redo + 1)
        elif step.action.kind == "redo" and before.redo_top:
            undoing = self._row(before.redo_top)
            target = undoing.target
            self.stacks = _Stacks(sequence, undoing.target, undoing.below, before.n_undo + 1, before.n_redo - 1)
        if target is not None:
            stands = step.action.kind == "redo"
            self._connection.execute(
                update(BOARD_MARKS).where(self._marks & (BOARD_MARKS.c.sequence == target)).values(stands=stands)
            )
        self._connection.execute(insert(BOARD_ACTIONS).values(self._action_row(step, target, below)))
        self._decided |= self._decided_by(sequence if target is None else target)
        return sequence, set(step.verdicts) if target is None else self._keys_of(target)

    def _action_row(self, step: Step, target: int | None, below: int) -> dict[str, Any]:
        made_at = step.action.made_at
        return {
            **self._who,
            **asdict(self.stacks),
            "action_id": step.action.id,
            "kind": step.action.kind,
            "marks": [asdict(mark) for mark in step.action.marks if mark.key in step.verdicts],
            "seconds": step.action.seconds,
            "made_at": made_at and made_at.astimezone(timezone.utc).replace(tzinfo=None),
            "taken_at": self._now.replace(tzinfo=None),
            "target": target,
            "below": below,
        }

    def _add_marks(self, sequence: int, step: Step) -> None:
        rows = [
            {
                **self._who,
                "finding_key": key,
                "sequence": sequence,
                "stands": True,
                "verdict": verdict and verdict_to_json(replace(verdict, decided_at=self._now)),
            }
            for key, verdict in step.verdicts.items()
        ]
        if rows:
            self._connection.execute(insert(BOARD_MARKS), rows)

    def _standing(self, keys: Collection[str]) -> dict[str, Verdict | None]:
        """Return finding -> what the last mark about it that stands says, as decided now; a scan where that is all."""
        found: dict[str, Verdict | None] = {}
        is_scan = BOARD_MARKS.c.verdict["strength"].as_string() == "scan"
        for chunk in chunks(sorted(keys)):
            standing = self._marks & BOARD_MARKS.c.finding_key.in_(chunk) & BOARD_MARKS.c.stands
            last = (
                select(
                    BOARD_MARKS.c.finding_key,
                    func.max(BOARD_MARKS.c.sequence).label("last"),
                    func.max(case((is_scan, None), else_=BOARD_MARKS.c.sequence)).label("decided"),
                )
                .where(standing)
                .group_by(BOARD_MARKS.c.finding_key)
                .subquery()
            )
            is_either = (BOARD_MARKS.c.finding_key == last.c.finding_key) & BOARD_MARKS.c.sequence.in_(
                (last.c.last, last.c.decided)
            )
            rows = select(BOARD_MARKS.c.finding_key, BOARD_MARKS.c.verdict).join(last, is_either).where(self._marks)
            for key, said in self._connection.execute(rows.order_by(BOARD_MARKS.c.sequence)):
                if not found.get(key):  # decided, else scanned later
                    found[key] = said and replace(verdict_from_json(said), decided_at=self._now)
        return found

    def _last(self) -> _Stacks:
        columns = [BOARD_ACTIONS.c[name] for name in _Stacks.__slots__]
        newest = select(*columns).where(self._actions).order_by(BOARD_ACTIONS.c.sequence.desc()).limit(1)
        row = self._connection.execute(newest).one_or_none()
        return _Stacks() if row is None else _Stacks(*row)

    def _row(self, sequence: int) -> Any:
        columns = BOARD_ACTIONS.c.target, BOARD_ACTIONS.c.below
        return self._connection.execute(
            select(*columns).where(self._actions & (BOARD_ACTIONS.c.sequence == sequence))
        ).one()

    def _known(self, action_ids: Sequence[str]) -> dict[str, int]:
        """Return action -> its number, or that of the decision that it took back or brought back."""
        found: dict[str, int] = {}
        columns = BOARD_ACTIONS.c.action_id, BOARD_ACTIONS.c.sequence, BOARD_ACTIONS.c.target
        for chunk in chunks(list(dict.fromkeys(action_ids))):
            rows = select(*columns).where(self._actions & BOARD_ACTIONS.c.action_id.in_(chunk))
            found |= {row.action_id: row.target or row.sequence for row in self._connection.execute(rows)}
        return found

    def _keys_of(self, sequence: int) -> set[str]:
        keys = select(BOARD_MARKS.c.finding_key).where(self._marks & (BOARD_MARKS.c.sequence == sequence))
        return set(self._connection.execute(keys).scalars())

    def _decided_by(self, sequence: int) -> set[str]:
        """Return the findings that an action decided about, or took a decision back of: those that it scanned not."""
        said = select(BOARD_MARKS.c.finding_key, BOARD_MARKS.c.verdict["strength"].as_string())
        rows = self._connection.execute(said.where(self._marks & (BOARD_MARKS.c.sequence == sequence)))
        return {key for key, strength in rows if strength != "scan"}


def _is_decision(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.strength == "verdict"
