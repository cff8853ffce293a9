"""Audits, the projects they were of, and their findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from filelock import Timeout
from sqlalchemy import ColumnElement, Connection, Engine, bindparam, case, delete, func, select, update

from errata.audit.snapshot import Snapshot
from errata.errors import AuditRunning
from errata.review.records import AuditRecord, FindingCounts, Project
from errata.store.database import aware, chunks, insert_row, now, upsert, writing
from errata.store.files import locked
from errata.store.journal import written_keys
from errata.store.rows import finding_from_json, finding_to_json
from errata.store.tables import AUDITS, DISCONNECTED, FINDINGS, PROJECTS, SELECTED, VERDICTS
from errata_model.records import REGION_KINDS, Finding


class AuditStore:
    """Remembers audits and findings: `audit.ports.AuditLog`, `review.ports.Findings` and `History`."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine = engine
        self._data_dir = data_dir

    @contextmanager
    def exclusive(self, project_id: int, wait_s: float = 0) -> Iterator[None]:
        """Hold the project for one audit.

        Raises:
            AuditRunning: another process holds it, also after `wait_s`.
        """
        with ExitStack() as held:
            try:
                held.enter_context(locked(self._data_dir, f"audit-{project_id}", timeout_s=wait_s))
            except Timeout:
                raise AuditRunning(
                    f"An audit of project {project_id} is under way already; wait for it to end "
                    f"(`errata status {project_id}` says how it went), or end the process that runs it."
                ) from None
            yield

    def is_running(self, project_id: int) -> bool:
        """Say whether a process holds the project for an audit now."""
        try:
            with self.exclusive(project_id):
                return False
        except AuditRunning:
            return True

    def connected(self, project: Project) -> None:
        """Remember a project that errata works on; its newest title and URL win."""
        with writing(self._engine) as connection:
            _remember(connection, project)
            connection.execute(delete(DISCONNECTED).where(DISCONNECTED.c.project_id == project.id))

    def disconnected(self, project_id: int) -> None:
        """Leave a project alone until it is connected again."""
        with writing(self._engine) as connection:
            upsert(connection, DISCONNECTED, [{"project_id": project_id}])

    def watched(self) -> list[Project]:
        """Return the projects that were connected or audited and not disconnected since, by id."""
        with self._engine.begin() as connection:
            left = set(connection.execute(select(DISCONNECTED.c.project_id)).scalars())
        return [project for project in self.projects() if project.id not in left]

    def projects(self) -> list[Project]:
        """Return the projects that were ever connected or audited, by id."""
        with self._engine.begin() as connection:
            rows = connection.execute(select(PROJECTS).order_by(PROJECTS.c.project_id)).all()
        return [Project(row.project_id, row.title, row.url) for row in rows]

    def begin(self, snapshot: Snapshot) -> int:
        """Write down that an audit began; return its id.

        To be called while holding `exclusive`: one that has no end yet is known to have died.
        """
        with writing(self._engine) as connection:
            _remember(connection, Project(snapshot.project_id, snapshot.title, snapshot.url))
            died = (
                AUDITS.c.project_id == snapshot.project_id,
                AUDITS.c.finished_at.is_(None),
                AUDITS.c.problem.is_(None),
            )
            connection.execute(update(AUDITS).where(*died).values(problem="Its process ended before it did."))
            return insert_row(connection, AUDITS, project_id=snapshot.project_id, started_at=now(), summary={})

    def finish(self, audit_id: int, version: str, summary: Mapping[str, Any]) -> None:
        """Write down that it ended well."""
        self._end(audit_id, version=version, summary=dict(summary))

    def fail(self, audit_id: int, reason: str) -> None:
        """Write down that it ended badly."""
        self._end(audit_id, problem=reason)

    def last(self, project_id: int) -> AuditRecord | None:
        """Return the project's latest audit, None before the first."""
        return self._last(project_id, AUDITS.c.project_id == project_id)

    def last_good(self, project_id: int) -> AuditRecord | None:
        """Return the project's latest audit that ended well, None before the first."""
        return self._last(project_id, (AUDITS.c.project_id == project_id) & AUDITS.c.version.is_not(None))

    def _last(self, project_id: int, which: ColumnElement[bool]) -> AuditRecord | None:
        with self._engine.begin() as connection:
            row = connection.execute(select(AUDITS).where(which).order_by(AUDITS.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        finished_at = aware(row.finished_at) if row.finished_at else None
        started_at = aware(row.started_at)
        return AuditRecord(row.id, project_id, started_at, finished_at, row.version, row.summary, row.problem)

    def versions(self, project_id: int) -> list[str]:
        """Return the model versions of the project's audits, newest first, each once."""
        rows = select(AUDITS.c.version).where(AUDITS.c.project_id == project_id, AUDITS.c.version.is_not(None))
        with self._engine.begin() as connection:
            versions = connection.execute(rows.order_by(AUDITS.c.id.desc())).scalars().all()
        return list(dict.fromkeys(versions))

    def record(self, project_id: int, findings: Sequence[Finding]) -> None:
        """Keep findings, newest word wins; one that was withdrawn is open again.

        Some at a time: SQLite has one writer, and people decide on the pages meanwhile.
        """
        for chunk in chunks(list({finding.key: finding for finding in findings}.values())):
            rows = list(map(_said, chunk))
            with writing(self._engine) as connection:
                _record(connection, project_id, rows)

    def mark_selected(self, snapshot: Snapshot, keys: Sequence[str], new: Sequence[Finding]) -> None:
        """Write down that a person sent the labels with these keys; keep those that are `new` as findings."""
        with writing(self._engine) as connection:
            _remember(connection, Project(snapshot.project_id, snapshot.title, snapshot.url))
            _record(connection, snapshot.project_id, list(map(_said, {each.key: each for each in new}.values())))
            rows = [{"key": key, "project_id": snapshot.project_id} for key in dict.fromkeys(keys)]
            upsert(connection, SELECTED, rows)

    def selected(self, project_id: int) -> dict[str, Finding]:
        """Return key -> finding of those that a person sent, each as its reviewers are shown it."""
        keys = select(SELECTED.c.key).where(SELECTED.c.project_id == project_id)
        with self._engine.begin() as connection:
            chosen = list(connection.execute(keys).scalars())
        return self.get(chosen)

    def published(self, placed: Mapping[str, int]) -> None:
        """Write down finding key -> review task id.

        What stands in a review task was fixed when the task was made: for a task that is known already, the
        finding as shown stays.
        """
        same = FINDINGS.c.review_task_id == bindparam("task")
        # The first condition compares with the old task id: every database evaluates it before assigning.
        shown = case((same & FINDINGS.c.shown.is_not(None), FINDINGS.c.shown), else_=FINDINGS.c.latest)
        placing = update(FINDINGS).where(FINDINGS.c.key == bindparam("finding"))
        placing = placing.values(shown=shown, state="published", review_task_id=bindparam("task"))
        self._each(placing, [{"finding": key, "task": task_id} for key, task_id in placed.items()])

    def withdrawn(self, keys: Sequence[str]) -> None:
        """Write down that these left the queue."""
        leaving = update(FINDINGS).where(FINDINGS.c.key == bindparam("finding"))
        leaving = leaving.values(state="withdrawn", review_task_id=None, shown=None)
        self._each(leaving, [{"finding": key} for key in keys])

    def decided(self, project_id: int) -> set[str]:
        """Return the keys of findings that stay closed until their label changes.

        Those that have a verdict, more than a look in passing, and those about a label that errata itself wrote: that
        is a reviewer's answer.
        """
        is_verdict = (VERDICTS.c.project_id == project_id) & (VERDICTS.c.counts_as == "verdict")
        keys = select(VERDICTS.c.finding_key).where(is_verdict).distinct()
        with self._engine.begin() as connection:
            url = connection.execute(select(PROJECTS.c.url).where(PROJECTS.c.project_id == project_id)).scalar()
            return set(connection.execute(keys).scalars()) | written_keys(connection, project_id, url or "")

    def get(self, keys: Sequence[str]) -> dict[str, Finding]:
        """Return key -> finding for those that are known, each as its reviewers are shown it."""
        found: dict[str, Finding] = {}
        with self._engine.begin() as connection:
            for chunk in chunks(list(dict.fromkeys(keys))):
                chosen = select(FINDINGS.c.key, FINDINGS.c.latest, FINDINGS.c.shown)
                for row in connection.execute(chosen.where(FINDINGS.c.key.in_(chunk))):
                    found[row.key] = finding_from_json(row.shown or row.latest)
        return found

    def missing_regions(self, project_id: int) -> list[Finding]:
        """Return the regions that were ever found missing, each as its reviewers are shown it."""
        chosen = select(FINDINGS.c.latest, FINDINGS.c.shown).where(
            FINDINGS.c.project_id == project_id,
            FINDINGS.c.latest[("given", "kind")].as_string().in_(REGION_KINDS),
        )
        with self._engine.begin() as connection:
            found = [finding_from_json(row.shown or row.latest) for row in connection.execute(chosen)]
        return [finding for finding in found if finding.given.label is None]

    def counts(self, project_id: int) -> FindingCounts:
        """Return how many findings are in which state."""
        counted = select(FINDINGS.c.state, func.count()).where(FINDINGS.c.project_id == project_id)
        with self._engine.begin() as connection:
            rows = connection.execute(counted.group_by(FINDINGS.c.state)).all()
        by_state: dict[str, int] = {row[0]: row[1] for row in rows}
        return FindingCounts(*(by_state.get(state, 0) for state in ("open", "published", "withdrawn")))

    def in_review(self, project_id: int) -> dict[str, int]:
        """Return finding -> review task, of those that stand in the review project."""
        published = (FINDINGS.c.project_id == project_id) & (FINDINGS.c.state == "published")
        with self._engine.begin() as connection:
            rows = connection.execute(select(FINDINGS.c.key, FINDINGS.c.review_task_id).where(published))
            return {row.key: row.review_task_id for row in rows}

    def _end(self, audit_id: int, **values: Any) -> None:
        with writing(self._engine) as connection:
            ended = update(AUDITS).where(AUDITS.c.id == audit_id).values(finished_at=now(), **values)
            connection.execute(ended)

    def _each(self, statement: Any, rows: list[dict[str, Any]]) -> None:
        if rows:
            with writing(self._engine) as connection:
                connection.execute(statement, rows)


def _remember(connection: Connection, project: Project) -> None:
    upsert(connection, PROJECTS, [{"project_id": project.id, "title": project.title, "url": project.url}])


def _said(finding: Finding) -> dict[str, Any]:
    return {"key": finding.key, "latest": finding_to_json(finding)}


def _record(connection: Connection, project_id: int, said: Sequence[dict[str, Any]]) -> None:
    """Keep findings, each once, with what is said of it."""
    for chunk in chunks(said):
        chosen = select(FINDINGS.c.key, FINDINGS.c.state).where(FINDINGS.c.key.in_([each["key"] for each in chunk]))
        states = {row.key: row.state for row in connection.execute(chosen)}
        rows = [{**each, "project_id": project_id, "state": _state(states.get(each["key"]))} for each in chunk]
        upsert(connection, FINDINGS, rows)


def _state(before: str | None) -> str:
    return "published" if before == "published" else "open"
