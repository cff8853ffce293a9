"""`errata demo`."""

from __future__ import annotations

import importlib.util
from typing import Annotated

import typer

from errata.cli.console import print_json, progress, tell
from errata.errors import CheckFailed, UsageError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    check: Annotated[bool, typer.Option("--check", help="Review, apply, verify, undo, verify; then end.")] = False,
    label_studio: Annotated[str | None, typer.Option(help="Use this Label Studio instead of installing one.")] = None,
    token: Annotated[str | None, typer.Option(help="Its token.")] = None,
) -> None:
    """Show the main job: digits with planted errors in a Label Studio of its own, found and ready to review."""
    if importlib.util.find_spec("sklearn") is None:
        raise UsageError("The demo needs scikit-learn's digits; install it with: pip install 'errata[demo]'")
    if (label_studio is None) != (token is None):
        raise UsageError("--label-studio and --token belong together; give both or none.")
    from errata.demo import run  # noqa: PLC0415 (the demo's parts are loaded by the demo alone)

    given = (label_studio, token) if label_studio and token else None
    with progress() as shown, run.running_demo(given, tell, shown) as running:
        if not check:
            for line in running.links():
                tell(line)
            run.stay_up(tell)
            return
        outcome = run.check(running, shown)
    print_json(outcome)
    if not outcome["ok"]:
        raise CheckFailed("the demo's check found a difference; see above")
