"""`errata send`: a selection of tasks into the review project."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errata.cli.console import echo, print_json, progress, tell
from errata.cli.opening import open_wiring
from errata.cli.review import AsJson, Project
from errata.errors import UsageError

if TYPE_CHECKING:
    from errata.audit.selected import Sent

_NAMED = 20  # how many lines of a list that are no tasks are named one by one
_SHOWN = 40  # characters of such a line


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)


def send(
    project: Project,
    tab: Annotated[
        int | None, typer.Option(help="A tab of the project's data manager, as its page's address has it: tab=7.")
    ] = None,
    ids: Annotated[
        str | None, typer.Option(metavar="FILE", help="A file with task ids, one a line; - reads standard input.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Post every label of chosen tasks into the review project, whatever the audits say of them. Twice is once."""
    if (tab is None) == (ids is None):
        raise UsageError("Say which tasks: --tab ID for those of a tab, or --ids FILE for a list of ids.")
    lines = _read_lines(ids) if ids is not None else []
    wiring = open_wiring()
    chosen = wiring.chosen(project)
    if tab is not None:
        task_ids = chosen.of_tab(tab)
    else:
        numbers = {n: int(line) for n, line in lines if _is_number(line)}
        known = chosen.known(numbers.values())
        task_ids = list(dict.fromkeys(number for number in numbers.values() if number in known))
        _name_others(project, [(n, line) for n, line in lines if numbers.get(n) not in known])
    if not task_ids:
        where = f"Tab {tab} of project {project}" if ids is None else "The list"
        raise UsageError(f"{where} holds no task of the project; nothing was sent.")
    with progress(quiet=as_json) as shown:
        sent = wiring.send(project, task_ids, shown)
    if as_json:
        print_json({"project": project, **asdict(sent)})
    else:
        echo(_sentence(sent))


def _read_lines(path: str) -> list[tuple[int, str]]:
    """Return the lines that hold something, each with its number."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read as text ({type(error).__name__}); give a file with a task's id on each line."
        ) from error
    return [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _name_others(project: int, others: list[tuple[int, str]]) -> None:
    for n, line in others[:_NAMED]:
        what = f"project {project} has no task" if _is_number(line) else "not a task's id:"
        tell(f"line {n}: {what} {line[:_SHOWN]}")
    if len(others) > _NAMED:
        tell(f"and {len(others) - _NAMED} more lines like these")


def _is_number(line: str) -> bool:
    return line.isascii() and line.isdigit() and len(line) <= _SHOWN


def _sentence(sent: Sent) -> str:
    said = f"{sent.labels} labels on {sent.tasks} tasks: {sent.sent} sent to review"
    if sent.already_there:
        said += f", {sent.already_there} there already or decided"
    if sent.unlabelled:
        said += f"; {sent.unlabelled} without a label to review"
    return said
