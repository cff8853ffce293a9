"""Questions on the terminal: the prompt to stderr, the answer from stdin."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from errata.errors import UsageError

T = TypeVar("T")


def ask_text(question: str) -> str:
    """Return a line that the user gave."""
    return _answered(lambda: str(typer.prompt(question, err=True)), "give it as an argument")


def ask_secret(question: str) -> str:
    """Return what the user typed or piped, without showing it."""
    hide = sys.stdin.isatty()  # what comes through a pipe is not shown anyway, and getpass would not read it
    remedy = "set ERRATA_LABEL_STUDIO_TOKEN or ERRATA_LABEL_STUDIO_TOKEN_FILE"
    return _answered(lambda: str(typer.prompt(question, hide_input=hide, err=True)), remedy)


def ask_yes(question: str, default: bool = False) -> bool:
    """Return whether the user said yes; just Enter is `default`."""
    return _answered(lambda: typer.confirm(question, default=default, err=True), "use --yes")


def _answered(ask: Callable[[], T], remedy: str) -> T:
    try:
        return ask()
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        typer.echo(err=True)  # ends the line of the question
        raise UsageError(f"There is nobody to answer: standard input ended. To be asked nothing, {remedy}.") from None
