"""`errata doctor`: what is wrong, and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from shutil import get_terminal_size
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from errata.cli.console import echo, print_json
from errata.cli.opening import open_wiring
from errata.cli.review import AsJson

if TYPE_CHECKING:
    from errata.doctor.checks import Check

_WRONG_SETTINGS = 2


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    projects: Annotated[
        list[int] | None, typer.Argument(metavar="[PROJECT]...", help="Source projects; all connected ones by default.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, Label Studio, the way both ways, queue, model and media; say what is wrong and its remedy."""
    from errata.doctor.machine import check_settings  # noqa: PLC0415 (slow to import, as what it stands on)
    from errata.settings import named_variables, wrong_settings  # noqa: PLC0415

    problems = wrong_settings()
    checks = list(check_settings(named_variables(), problems)) if problems else _examine(projects or [])
    n_wrong = sum(check.state == "wrong" for check in checks)
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "wrong": n_wrong})
    else:
        for line in _lines(checks):
            echo(line)
    raise typer.Exit(_WRONG_SETTINGS if problems else int(n_wrong > 0))


def _examine(project_ids: Sequence[int]) -> list[Check]:
    from errata.doctor.examination import examine  # noqa: PLC0415

    return examine(open_wiring(), project_ids)


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    for project, of_project in groupby(
        sorted(checks, key=lambda check: check.project or 0), lambda check: check.project
    ):
        if project is not None:
            yield f"Project {project}"
        for check in of_project:
            yield from _wrapped(f"{check.state:<9}  {check.name}: {check.seen}", indent=11)
            if check.remedy:
                yield from _wrapped(f"{'':<9}  -> {check.remedy}", indent=14)
    counts = {state: sum(check.state == state for check in checks) for state in ("wrong", "look")}
    yield f"{counts['wrong']} wrong, {counts['look']} to look at, of {len(checks)} checks"


def _wrapped(line: str, indent: int) -> list[str]:
    """Break a line between words where the terminal ends; not where there is no terminal."""
    if not sys.stdout.isatty():
        return [line]
    width = max(40, get_terminal_size().columns)
    return wrap(line, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
