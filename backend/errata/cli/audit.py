"""`errata audit`: of a project in Label Studio, of all that are connected, or of an export without any server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from errata.cli.encoder_options import Embeddings, Encoder, TextEncoder, Weights, check_embeddings
from errata.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    target: Annotated[
        str | None, typer.Argument(metavar="[PROJECT|EXPORT.json]", help="A project's id, or an export.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="The export's label config, CONFIG.xml.")] = None,
    media: Annotated[Path | None, typer.Option(help="The folder that the export's media paths start from.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the findings here, one a line.")] = None,
    tasks_out: Annotated[Path | None, typer.Option(help="Write each task's disagreement here.")] = None,
    all_: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Write every given label, not the suspects alone. Without a target: audit every connected project.",
        ),
    ] = False,
    belief: Annotated[
        str | None,
        typer.Option(
            help="Who believes: own (the default), stored or stored:VERSION (predictions there), annotators (the "
            "others of each task, about regions and answers that are no labels), a CSV or parquet file, an ML "
            "backend's URL, or a LabelStudioMLBase class, package.module:Class."
        ),
    ] = None,
    encoder: Encoder = None,
    text_encoder: TextEncoder = None,
    embeddings: Embeddings = None,
    weights: Weights = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="A field of tasks' data, such as a patient: equal values must not vouch for one another.",
        ),
    ] = None,
    fine_tune: Annotated[
        bool, typer.Option("--fine-tune", help="Let the encoder of images learn the labels too, in 15 minutes at most.")
    ] = False,
    minutes: Annotated[float | None, typer.Option(min=0, help="Bounds the training, in minutes.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Makes the audit repeatable.")] = 0,
    limit: Annotated[int | None, typer.Option(min=0, help="The queue's length; 10 % of the labels by default.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Tell what would be found; write nothing to Label Studio.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Find the labels that are likely wrong, and post them into the project's review project."""
    check_embeddings(embeddings, belief, {"--encoder": encoder, "--text-encoder": text_encoder, "--weights": weights})
    if target is None and not all_:
        raise UsageError("Say what to audit: a project's id, an export, or --all for every connected project.")
    if target is None and (config or media or out or tasks_out):
        raise UsageError("--config, --media, --out and --tasks-out are for one project or export; name it.")
    is_export = target is not None and not target.isdigit()
    if not is_export and (config or media):
        raise UsageError("--config and --media belong to an export; a project brings its own.")
    if is_export and out is None and tasks_out is None:
        raise UsageError("Say where the findings of an export should go: --out findings.jsonl")
    _check_paths(media, {"--out": out, "--tasks-out": tasks_out})
    from errata.cli.auditing import audit_every, audit_one  # noqa: PLC0415 (slow to import, as what they stand on)
    from errata.wiring import BeliefOptions  # noqa: PLC0415

    options = BeliefOptions(
        belief, encoder, weights, minutes, seed, limit, text_encoder, embeddings, group_by, fine_tune
    )
    if target is None:
        raise typer.Exit(audit_every(options, dry_run, as_json))
    audit_one(target, config, media, out, tasks_out, options, all_=all_, dry_run=dry_run, as_json=as_json)


def _check_paths(media: Path | None, written: Mapping[str, Path | None]) -> None:
    """Refuse what could not be read or written, before an audit that may take an hour."""
    if media is not None and not media.is_dir():
        raise UsageError(f"--media: there is no folder {media}.")
    if len({path.resolve() for path in written.values() if path}) < sum(map(bool, written.values())):
        raise UsageError(f"{' and '.join(written)} name the same file; give each its own.")
    for option, path in written.items():
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            why = "is a folder; name a file in it" if path.is_dir() else "is in no folder that exists; make it first"
            raise UsageError(f"{option}: {path} {why}.")
