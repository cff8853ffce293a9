"""`errata status`: where a project stands."""

from __future__ import annotations

from dataclasses import asdict

import typer

from errata.cli.console import print_json, tell
from errata.cli.review import AsJson, Project, conflict_line
from errata.review.status import Status
from errata.settings import read_settings
from errata.wiring import Wiring


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(project: Project, as_json: AsJson = False) -> None:
    """Tell where a project stands: findings, verdicts, conflicts, and what errata has written where."""
    wiring = Wiring(read_settings())
    taken = wiring.take_verdicts(project)
    state = wiring.status(project)
    if as_json:
        print_json(asdict(state) | {"sentence": state.sentence})
        return
    for line in _status_lines(state, wiring.client.url):
        typer.echo(line)
    if taken.unknown_findings:
        tell(f"{taken.unknown_findings} answers are about findings that this data folder does not know.")


def _status_lines(state: Status, url: str) -> list[str]:
    counts = state.findings
    lines = [f"Findings: {state.to_review} to review, {counts.withdrawn} withdrawn", state.sentence]
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
    if state.footprint:
        lines.append(f"Written to {url} by errata:")
        lines += [f"  {trace.kind.replace('_', ' ')} {trace.ref}" for trace in state.footprint]
    return lines
