"""`errata connect` and `errata disconnect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from errata.cli.console import echo, print_json, tell
from errata.cli.encoder_options import Embeddings, Encoder, TextEncoder, Weights
from errata.cli.failures import failure
from errata.cli.opening import open_wiring
from errata.cli.questions import ask_yes
from errata.errors import ErrataError, UsageError
from errata.labelstudio.target import read_target

if TYPE_CHECKING:
    from errata.wiring import Wiring

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing: defaults hold.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(connect)
    app.command()(disconnect)


def connect(
    target: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Projects, each by its id or the address of one of its pages; or Label Studio's own address.",
        ),
    ] = None,
    predictions: Annotated[
        str | None,
        typer.Option(
            metavar="all|labelled|none",
            help="Which tasks get predictions: all, those that their annotators are done with (the default), or none.",
        ),
    ] = None,
    model_version: Annotated[
        bool | None,
        typer.Option("--model-version/--no-model-version", help="errata may fill the project's empty model version."),
    ] = None,
    backend: Annotated[
        bool | None,
        typer.Option("--backend/--no-backend", help="Attach errata as ML backend; by default where there is no other."),
    ] = None,
    belief: Annotated[
        str | None,
        typer.Option(help="Who believes, as `errata audit --belief` takes it."),
    ] = None,
    encoder: Encoder = None,
    text_encoder: TextEncoder = None,
    weights: Weights = None,
    embeddings: Embeddings = None,
    group_by: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="A field of tasks' data: equal values must not vouch for one another."),
    ] = None,
    apply: Annotated[
        str | None,
        typer.Option(metavar="manual|auto", help="auto: fixes are applied as verdicts come in; manual by default."),
    ] = None,
    review_by: Annotated[
        str | None,
        typer.Option(
            metavar="finding|item",
            help="item: all findings about the regions of an image or a text are one review task; finding by default.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing anywhere.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Tie projects to errata: look, ask, list what is added to Label Studio, add it. Twice is once."""
    if as_json and not (yes or dry_run):
        raise UsageError("--json asks nothing: add --yes, or --dry-run.")
    targets = [read_target(each) for each in target or ()]
    urls = {each.url for each in targets if each.url}
    if len(urls) > 1:
        raise UsageError("One errata serves one Label Studio; another one needs an ERRATA_DATA_DIR of its own.")
    from errata.cli.connecting import connect_projects  # noqa: PLC0415 (slow to import, as what it stands on)
    from errata.cli.project_options import project_settings  # noqa: PLC0415

    said = project_settings(
        predictions=predictions,
        shows_version=model_version,
        belief=belief,
        encoder=encoder,
        text_encoder=text_encoder,
        weights=weights,
        embeddings=embeddings,
        group_by=group_by,
        apply=apply,
        review_by=review_by,
    )
    connect_projects(targets, said, backend, asks=not (yes or dry_run), is_dry=dry_run, as_json=as_json)


def disconnect(
    project: Annotated[list[int], typer.Argument(help="The source projects' ids in Label Studio.")],
    delete_review: Annotated[
        bool, typer.Option("--delete-review", help="Delete the review project too, with all decisions in it.")
    ] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Clear what errata knows of the project; the journal is exported first.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take away what errata added to Label Studio. Fixes stay, and the review project with people's decisions."""
    wiring, left, exit_code = open_wiring(), [], 0
    try:
        for each in project:
            try:
                left.append(_disconnect(wiring, each, delete_review, purge, yes, as_json))
            except ErrataError as error:
                if len(project) == 1:
                    raise
                problem, code = failure(error)
                exit_code = exit_code or code
                left.append({"project": each, "done": [], "journal": None, "problem": problem})
                tell(f"errata: project {each}: {problem}")
    finally:
        wiring.close()
    if as_json:
        print_json({"projects": left})
    if exit_code:
        raise typer.Exit(exit_code)


def _disconnect(
    wiring: Wiring, project_id: int, delete_review: bool, purge: bool, yes: bool, as_json: bool
) -> dict[str, Any]:
    review = wiring.decisions(project_id) if delete_review else None
    if review and not yes:
        question = f"Delete review project {review[0]} with the {review[1]} decisions in it? They cannot be had back."
        delete_review = ask_yes(question)
    done = wiring.disconnect(project_id, delete_review)
    journal = wiring.purge(project_id) if purge else None
    if purge:
        done.append(f"What errata knew of project {project_id} is cleared.")
    if journal:
        done.append(f"Its journal was written to {journal}")
    if not as_json:
        for line in done or [f"errata had added nothing to project {project_id}."]:
            echo(line)
    return {"project": project_id, "done": done, "journal": str(journal) if journal else None, "problem": None}
