"""`errata connect` and `errata disconnect`."""

from __future__ import annotations

from typing import Annotated

import typer

from errata.settings import read_settings
from errata.wiring import Wiring


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(connect)
    app.command()(disconnect)


def connect(project: Annotated[int, typer.Argument(help="The source project's id in Label Studio.")]) -> None:
    """Add errata's webhooks, and its ML backend where the project has none, to a project. Twice is once."""
    for line in Wiring(read_settings()).connect(project):
        typer.echo(line)


def disconnect(project: Annotated[int, typer.Argument(help="The source project's id in Label Studio.")]) -> None:
    """Take away what errata added to a project: backend, webhooks, predictions. The review project and fixes stay."""
    for line in Wiring(read_settings()).disconnect(project):
        typer.echo(line)
