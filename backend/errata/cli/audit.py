"""`errata audit`: of a project in Label Studio, or of an export without any server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from errata.audit.findings_file import to_json, write_findings, write_tasks
from errata.audit.publish import Published
from errata.audit.run import Examination
from errata.audit.wording import question
from errata.cli.console import print_json, progress, tell
from errata.errors import UsageError
from errata.settings import read_settings
from errata.wiring import BeliefOptions, Wiring

N_EXAMPLES = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    target: Annotated[str, typer.Argument(metavar="PROJECT|EXPORT.json", help="A project's id, or an export.")],
    config: Annotated[Path | None, typer.Option(help="The export's label config, CONFIG.xml.")] = None,
    media: Annotated[Path | None, typer.Option(help="The folder that the export's media paths start from.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the findings here, one a line.")] = None,
    tasks_out: Annotated[Path | None, typer.Option(help="Write each task's disagreement here.")] = None,
    all_labels: Annotated[bool, typer.Option("--all", help="Write every given label, not the suspects alone.")] = False,
    belief: Annotated[
        str | None,
        typer.Option(
            help="Who believes: own (the default), stored (predictions there), a CSV file, an ML backend's URL, "
            "or a LabelStudioMLBase class, package.module:Class."
        ),
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="A torchvision classification backbone, or pixels.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Its weights: a file, or a folder of NAME.pth.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Bounds the training, in minutes.")] = None,
    seed: Annotated[int, typer.Option(help="Makes the audit repeatable.")] = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="The queue's length; 10 % of the labels by default.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Tell what would be found; write nothing to Label Studio.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the labels that are likely wrong, and post them into the project's review project."""
    options = BeliefOptions(belief, encoder, weights, minutes, seed, limit)
    wiring = Wiring(read_settings())
    published: Published | None = None
    n_predictions = 0
    with progress(quiet=as_json) as shown:
        if target.isdigit():
            if config or media:
                raise UsageError("--config and --media belong to an export; a project brings its own.")
            if dry_run:
                examination = wiring.examine_project(int(target), options, shown)
            else:
                examination, published, n_predictions = wiring.audit(int(target), options, shown)
        else:
            if out is None and tasks_out is None:
                raise UsageError("Say where the findings of an export should go: --out findings.jsonl")
            examination = wiring.examine_export(Path(target), config, media, options, shown)
    written = examination.findings.all if all_labels else examination.findings.suspects
    if out:
        write_findings(out, written)
    if tasks_out:
        write_tasks(tasks_out, (task.id for task in examination.snapshot.tasks), examination.findings.all)
    _report(examination, published, n_predictions, dry_run, as_json)


def _report(
    examination: Examination, published: Published | None, n_predictions: int, dry_run: bool, as_json: bool
) -> None:
    examples = examination.findings.suspects[:N_EXAMPLES] if dry_run else ()
    if as_json:
        summary: dict[str, Any] = examination.summary()
        if published:
            summary |= {"predictions": n_predictions, "open": published.n_open, "inserted": published.n_inserted}
            summary |= {"withdrawn": published.n_withdrawn, "moved": published.n_moved}
        print_json(summary | ({"examples": [to_json(finding) for finding in examples]} if dry_run else {}))
        return
    counts = examination.summary()
    typer.echo(f"{counts['labels']} labels on {counts['tasks']} tasks in {examination.seconds / 60:.1f} minutes")
    for what, n in examination.skipped.most_common():
        typer.echo(f"  left out: {n} x {what}")
    for refused in examination.snapshot.refused:
        typer.echo(f"  left alone: {refused}")
    typer.echo(_suspects(examination))
    if examination.belief.caution:
        typer.echo(examination.belief.caution)
    for finding in examples:
        typer.echo(f"  {finding.disagreement:.2f}  task {finding.given.task_id}: {question(finding)} {finding.reason}")
    if published:
        typer.echo(
            f"{n_predictions} predictions pushed; {published.n_open} findings to review: {published.n_inserted} new, "
            f"{published.n_moved} moved, {published.n_withdrawn} withdrawn"
        )
    elif dry_run:
        tell("Nothing was written to Label Studio (--dry-run).")


def _suspects(examination: Examination) -> str:
    n_suspects, n_doubted = len(examination.findings.suspects), examination.findings.n_doubted
    if not n_doubted:
        return "No label is in doubt."
    beyond = f", {n_doubted - n_suspects} more beyond the limit" if n_doubted > n_suspects else ""
    return f"{n_suspects} suspects{beyond}, model {examination.belief.artefact.version}"
