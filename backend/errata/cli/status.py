"""`errata status`: where a project stands, or every one in a row."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len, set_cell_size

from errata.cli.console import echo, print_json, tell
from errata.cli.failures import failure
from errata.cli.opening import open_wiring
from errata.cli.review import AsJson, conflict_line
from errata.errors import LabelStudioGone, ServiceError
from errata.review.estimates import share_sentence, share_words

if TYPE_CHECKING:
    from errata.review.overview import Row
    from errata.review.ports import Trace
    from errata.review.records import Project
    from errata.review.status import Status
    from errata.wiring import Wiring

_READERS = 4
_TITLE_CELLS = 30
_HEAD = ("project", "title", "to review", "reviewed", "wrong", "to apply", "conflicts", "last audit", "connected")
_RIGHT = {"project", "to review", "reviewed", "to apply", "conflicts"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    project: Annotated[
        int | None, typer.Argument(help="The source project's id in Label Studio; without one, all in a row each.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell where a project stands: findings, verdicts, conflicts, and what errata has written where."""
    wiring = open_wiring()
    if project is None:
        _tell_rows(wiring, as_json)
        return
    taken = wiring.take_verdicts(project)
    state = wiring.status(project)
    if as_json:
        print_json(asdict(state) | {"sentence": state.sentence})
        return
    for line in _status_lines(state, wiring.client.url):
        echo(line)
    if taken.unknown_findings:
        tell(f"{taken.unknown_findings} answers are about findings that this data folder does not know.")


def _tell_rows(wiring: Wiring, as_json: bool) -> None:
    rows, exit_code = Overview(wiring).read()
    if as_json:
        print_json([asdict(row) for row in rows])
    elif not rows:
        tell("No project is connected yet: errata connect PROJECT")
    else:
        for line in (*_table([_HEAD, *map(_cells, rows)]), *_problems(rows)):
            echo(line)
    raise typer.Exit(exit_code)


class Overview:
    """Reads a row a project, a few at a time, and goes on past those that cannot be read."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._exit_code = 0
        self._down: str | None = None  # why Label Studio answers for no project

    def read(self) -> tuple[list[Row], int]:
        """Return the rows of all connected projects by id, and the exit code: the worst of what went wrong."""
        _ = self._wiring.client  # opened here, by one thread; the database is by the next line
        projects = self._wiring.audits.watched()
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self._row, projects)), self._exit_code

    def _row(self, project: Project) -> Row:
        if self._down:
            return self._wiring.recorded_row(project, self._down)
        try:
            return self._wiring.row(project)
        except LabelStudioGone as error:
            problem = str(error)  # a state of the project's, and no failure
        except Exception as error:  # noqa: BLE001  as at the command line's boundary: the other projects have rows
            problem, exit_code = failure(error)
            self._exit_code = max(self._exit_code, exit_code)
            if isinstance(error, ServiceError):
                self._down = problem = self._down or problem
        return self._wiring.recorded_row(project, problem)


def _cells(row: Row) -> tuple[str, ...]:
    audit = f"{row.last_audit:%Y-%m-%d %H:%M}" if row.last_audit else "none yet"
    figures = ("?" if figure is None else str(figure) for figure in (row.to_apply, row.conflicts))
    return (
        str(row.project),
        row.title if cell_len(row.title) <= _TITLE_CELLS else set_cell_size(row.title, _TITLE_CELLS - 1) + "…",
        str(row.to_review),
        str(row.reviewed),
        share_words(row.wrong, row.reviewed),
        *figures,
        audit,
        row.connected,
    )


def _problems(rows: Sequence[Row]) -> list[str]:
    """Say what went wrong, and with which projects; what stops all of them is said once."""
    projects: dict[str, list[str]] = {}
    for row in rows:
        for text in filter(None, (row.audit_problem and f"the last audit: {row.audit_problem}", row.problem)):
            projects.setdefault(text, []).append(str(row.project))
    return [f"{', '.join(ids)}: {text}" for text, ids in projects.items()]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns; numbers to the right."""
    widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for name, cell, width in zip(rows[0], row, widths, strict=True):
            space = " " * (width - cell_len(cell))
            cells.append(space + cell if name in _RIGHT else cell + space)
        lines.append("  ".join(cells).rstrip())
    return lines


def _status_lines(state: Status, url: str) -> list[str]:
    counts = state.findings
    lines = [f"Findings: {state.to_review} to review, {counts.withdrawn} withdrawn", state.sentence]
    if state.sent_reviewed:
        lines.append(f"Sent by hand: {share_sentence(state.sent_wrong, state.sent_reviewed)}")
    if state.scanned:
        lines.append(f"{state.scanned} looked at on the scan board and not marked")
    if state.unclear:
        lines.append(f"{state.unclear} unclear")
    lines += [f"  look again: task {each.task_id}: {each.why}" for each in state.contradictions]
    lines.append(f"Fixes: {state.pending} to apply, {len(state.conflicts)} in conflict")
    lines += [f"  {conflict_line(conflict)}" for conflict in state.conflicts]
    lines += [f"  changeset {id_}, {when:%Y-%m-%d %H:%M} UTC: {n} labels stand" for id_, when, n in state.changesets]
    audit = state.last_audit
    if audit is None:
        lines.append(f"Not audited yet: errata audit {state.project_id}")
    elif audit.finished_at is None:
        lines.append(f"Last audit: began {audit.started_at:%Y-%m-%d %H:%M} UTC, {audit.problem or 'under way'}")
    else:
        ended = audit.problem or f"{audit.summary.get('labels')} labels, model {audit.version}"
        lines.append(f"Last audit: {audit.finished_at:%Y-%m-%d %H:%M} UTC, {ended}")
    if state.connected_with:
        words = {True: "yes", False: "no"}
        said = (f"{name.replace('_', ' ')} {words.get(value, value)}" for name, value in state.connected_with.items())
        lines.append(f"Connected with: {', '.join(said)}")
    if state.footprint:
        lines.append(f"Written to {url} by errata:")
        lines += [f"  {trace_words(trace, url)}" for trace in state.footprint]
    return lines


def trace_words(trace: Trace, url: str) -> str:
    """Name one thing that errata added to the Label Studio at `url`, which ends in a slash."""
    if trace.kind == "review_project":
        return f"review project {trace.ref}: {url}projects/{trace.ref}/"
    if trace.kind == "model_version":
        return "the project's model version"
    return f"{trace.kind.replace('_', ' ')} {trace.ref}"
