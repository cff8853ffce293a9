"""Rows of the verdicts' table: what each says by itself, and how it stands beside the others about its finding.

All of it inside one transaction, which holds the project's verdicts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, null, select, update

from errata.review.records import Settle, Settled, Verdict
from errata.store.database import chunks, upsert
from errata.store.rows import verdict_from_json, verdict_to_json
from errata.store.tables import VERDICTS

GONE = "gone"  # a verdict that was taken back: its row tells readers who know it that it changed
_NEW = "new"
Identity = tuple[int, int, str]  # project, review annotation, finding


def identity(verdict: Verdict) -> Identity:
    """Return what a verdict is one of: what one answer says about one finding."""
    return verdict.project_id, verdict.review_annotation_id, verdict.finding_key


def keep(connection: Connection, said: Sequence[Verdict]) -> set[str]:
    """Write down verdicts by themselves; return the findings of those that are new or say something else now.

    To be followed by `resettle` of these.
    """
    changed: list[Verdict] = []
    for chunk in chunks(list({identity(verdict): verdict for verdict in said}.values())):
        ids = sorted({verdict.review_annotation_id for verdict in chunk})
        keys = sorted({verdict.finding_key for verdict in chunk}) if len(ids) == 1 else []
        which = VERDICTS.c.review_annotation_id.in_(ids) & (VERDICTS.c.counts_as != GONE)
        rows = connection.execute(select(VERDICTS).where(which & VERDICTS.c.finding_key.in_(keys) if keys else which))
        known = {(row.project_id, row.review_annotation_id, row.finding_key): _said(row) for row in rows}
        changed += [verdict for verdict in chunk if known.get(identity(verdict)) != verdict]
    upsert(connection, VERDICTS, [_row(verdict) for verdict in changed])
    return {verdict.finding_key for verdict in changed}


def forget(connection: Connection, gone: Iterable[Identity]) -> set[str]:
    """Take verdicts back; return the findings that had them. To be followed by `resettle` of these."""
    of_answer: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for project_id, annotation_id, key in gone:
        of_answer[project_id, annotation_id].append(key)
    forgotten: set[str] = set()
    for (project_id, annotation_id), keys in of_answer.items():
        revision = _revision(connection, project_id)
        said = (VERDICTS.c.project_id == project_id) & (VERDICTS.c.review_annotation_id == annotation_id)
        for chunk in chunks(keys):
            these = said & VERDICTS.c.finding_key.in_(chunk) & (VERDICTS.c.counts_as != GONE)
            forgotten |= set(connection.execute(select(VERDICTS.c.finding_key).where(these)).scalars())
            taken_back = {"counts_as": GONE, "is_wrong": False, "said": null(), "revision": revision}
            connection.execute(update(VERDICTS).where(these).values(taken_back))
    return forgotten


def resettle(connection: Connection, project_id: int, keys: Collection[str], settle: Settle) -> int:
    """Write down how the verdicts about findings stand to one another; return how many stand otherwise than before."""
    n_changed = 0
    revision = _revision(connection, project_id) if keys else 0
    for chunk in chunks(sorted(keys)):
        mine = (VERDICTS.c.project_id == project_id) & VERDICTS.c.finding_key.in_(chunk)
        rows = connection.execute(select(VERDICTS).where(mine & (VERDICTS.c.counts_as != GONE))).all()
        settled = settle([_said(row) for row in rows])
        moved = [each for row, each in zip(rows, settled, strict=True) if not _stands(row, each)]
        upsert(connection, VERDICTS, [_settled_row(each, revision) for each in moved])
        n_changed += len(moved)
    return n_changed


def beside(connection: Connection, project_id: int, keys: Collection[str]) -> dict[str, list[Settled]]:
    """Return finding -> all that is said about it, and how it stands, oldest first; findings without any are absent."""
    found: defaultdict[str, list[Settled]] = defaultdict(list)
    for chunk in chunks(sorted(keys)):
        mine = (VERDICTS.c.project_id == project_id) & VERDICTS.c.finding_key.in_(chunk)
        for row in connection.execute(select(VERDICTS).where(mine & (VERDICTS.c.counts_as != GONE))):
            found[row.finding_key].append(Settled(_said(row), verdict_from_json(row.verdict), row.counts_as))
    return {key: sorted(settled, key=lambda each: each.said.decided_at) for key, settled in found.items()}


def _revision(connection: Connection, project_id: int) -> int:
    newest = select(func.max(VERDICTS.c.revision)).where(VERDICTS.c.project_id == project_id)
    return (connection.execute(newest).scalar() or 0) + 1


def _said(row: Any) -> Verdict:
    return verdict_from_json(row.verdict if row.said is None else row.said)


def _stands(row: Any, settled: Settled) -> bool:
    return row.counts_as == settled.counts_as and verdict_from_json(row.verdict) == settled.verdict


def _row(verdict: Verdict) -> dict[str, Any]:
    project_id, annotation_id, key = identity(verdict)
    return {
        "project_id": project_id,
        "review_annotation_id": annotation_id,
        "finding_key": key,
        "verdict": verdict_to_json(verdict),
        "said": None,
        "counts_as": _NEW,
    }


def _settled_row(settled: Settled, revision: int) -> dict[str, Any]:
    is_itself = settled.verdict == settled.said
    return {
        **_row(settled.verdict),
        "said": None if is_itself else verdict_to_json(settled.said),
        "counts_as": settled.counts_as,
        "is_wrong": settled.verdict.is_wrong and settled.counts_as == "verdict",
        "revision": revision,
    }
