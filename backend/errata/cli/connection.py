"""`errata connect` and `errata disconnect`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from errata.cli.console import echo, print_json, progress, tell
from errata.cli.conversation import Connector, Talk, Wishes, addition_lines, decide, found_lines
from errata.cli.failures import failure
from errata.cli.login import sign_in
from errata.cli.project_options import Embeddings, Encoder, TextEncoder, Weights, project_settings
from errata.cli.questions import ask_yes
from errata.errors import ConfigNotServed, ErrataError, UsageError
from errata.labelstudio.account import Account, ListedProject
from errata.labelstudio.target import read_target
from errata.settings import read_settings
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
    wiring = sign_in(read_settings(), next(iter(urls), None), dry_run)
    try:
        ids = list(dict.fromkeys(each.project_id for each in targets if each.project_id is not None))
        if not as_json:
            echo(wiring.account.sentence + ".")
        if not ids:
            _tell_projects(wiring.account, wiring.projects_there(), as_json)
            return
        _connect_all(wiring, ids, Wishes(said, backend, not (yes or dry_run), dry_run), as_json)
    finally:
        wiring.close()


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
    wiring, left, exit_code = Wiring(read_settings()), [], 0
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


def converse(connector: Connector, talk: Talk, wishes: Wishes, is_quiet: bool) -> None:
    """Look at a project, say what was found, ask, list what is added, and add it unless the answer is no.

    Args:
        connector: connects.
        talk: is filled as it goes.
        wishes: of the command line.
        is_quiet: say nothing: the talk is printed as JSON.
    """

    def say(line: str) -> None:
        if not is_quiet:
            echo(line)

    with progress(quiet=is_quiet) as shown:
        survey = talk.survey = connector.survey(talk.project_id, shown)
        if not survey.controls:
            found = " ".join(survey.refused) or "It has no control at all."
            raise ConfigNotServed(f"Nothing in project {talk.project_id} can be audited. {found}")
        talk.minutes = connector.audit_minutes(survey, wishes.said)
        talk.obstacle = connector.obstacle(talk.project_id)
    for line in found_lines(survey, talk.minutes, talk.obstacle):
        say(line)
    _refuse_backend(survey.foreign_backend is not None, talk.obstacle, wishes)
    talk.decided = decide(connector, survey, wishes)
    talk.adds = connector.additions(survey, talk.decided, talk.obstacle is None, wishes.attach_backend)
    for line in addition_lines(talk.adds):
        say(line)
    if wishes.is_dry:
        say("Nothing was written (--dry-run).")
    elif wishes.asks and talk.adds and not ask_yes("Add this?"):
        say("Nothing was written.")
    else:
        talk.done = connector.connect(talk.project_id, talk.decided, wishes.attach_backend)
        news = [line for line in talk.done if not talk.obstacle or talk.obstacle not in line]  # that was said above
        for line in (*news, f"Next: errata audit {talk.project_id}"):
            say(line)


def _connect_all(wiring: Wiring, ids: list[int], wishes: Wishes, as_json: bool) -> None:
    talks, exit_code = [], 0
    for project_id in ids:
        talk = Talk(project_id)
        talks.append(talk)
        try:
            wiring.check_sight(project_id)
            converse(wiring, talk, wishes, as_json)
        except ErrataError as error:
            if len(ids) == 1 and not as_json:
                raise
            talk.problem, code = failure(error)
            exit_code = exit_code or code
            tell(f"errata: project {project_id}: {talk.problem}")
    if as_json:
        account = asdict(wiring.account)
        print_json({"label_studio": account, "projects": [talk.to_json(wishes.is_dry) for talk in talks]})
    if exit_code:
        raise typer.Exit(exit_code)


def _refuse_backend(has_other: bool, obstacle: str | None, wishes: Wishes) -> None:
    if wishes.attach_backend and (has_other or obstacle):
        why = obstacle or "Label Studio asks only the first ML backend, and another one is attached."
        raise UsageError(f"--backend is not to be had: {why}")


def _tell_projects(account: Account, listed: list[ListedProject], as_json: bool) -> None:
    if as_json:
        rows = [{"project": each.project_id, "title": each.title, "tasks": each.n_tasks} for each in listed]
        print_json({"label_studio": asdict(account), "projects": [], "listed": rows})
        return
    for each in listed:
        echo(f"  {each.project_id}  {each.title}: {each.n_tasks:,} tasks")
    echo("Next: errata connect PROJECT" if listed else "There is no project to connect yet.")


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
