"""`errata connect` at work: signs in, and holds a conversation about each project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer

from errata.cli.console import echo, print_json, progress, tell
from errata.cli.conversation import Connector, Talk, Wishes, addition_lines, decide, found_lines
from errata.cli.failures import failure
from errata.cli.login import sign_in
from errata.cli.questions import ask_yes
from errata.errors import ConfigNotServed, ErrataError, UsageError
from errata.labelstudio.account import Account, ListedProject
from errata.labelstudio.target import Target
from errata.settings import ProjectSettings, read_settings
from errata.wiring import Wiring


def connect_projects(
    targets: Sequence[Target],
    said: ProjectSettings,
    attach_backend: bool | None,
    *,
    asks: bool,
    is_dry: bool,
    as_json: bool,
) -> None:
    """Sign in and connect the projects, or list those that could be where none is named.

    Args:
        targets: of one Label Studio at most.
        said: settings of each of the projects.
        attach_backend: whether errata becomes their ML backend; None where nothing is said.
        asks: questions may be asked; otherwise their defaults hold.
        is_dry: nothing is written.
        as_json: print one JSON object.
    """
    url = next((each.url for each in targets if each.url), None)
    wiring = sign_in(read_settings(), url, is_dry)
    try:
        ids = list(dict.fromkeys(each.project_id for each in targets if each.project_id is not None))
        if not as_json:
            echo(wiring.account.sentence + ".")
        if not ids:
            _tell_projects(wiring.account, wiring.projects_there(), as_json)
            return
        _connect_all(wiring, ids, Wishes(said, attach_backend, asks, is_dry), as_json)
    finally:
        wiring.close()


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


def _tell_projects(account: Account, listed: list[ListedProject], as_json: bool) -> None:
    if as_json:
        rows = [{"project": each.project_id, "title": each.title, "tasks": each.n_tasks} for each in listed]
        print_json({"label_studio": asdict(account), "projects": [], "listed": rows})
        return
    for each in listed:
        echo(f"  {each.project_id}  {each.title}: {each.n_tasks:,} tasks")
    echo("Next: errata connect PROJECT" if listed else "There is no project to connect yet.")


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


def _refuse_backend(has_other: bool, obstacle: str | None, wishes: Wishes) -> None:
    if wishes.attach_backend and (has_other or obstacle):
        why = obstacle or "Label Studio asks only the first ML backend, and another one is attached."
        raise UsageError(f"--backend is not to be had: {why}")
