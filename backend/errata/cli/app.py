"""The command `errata`.

Exit codes: 0 done, 1 a check failed, 2 wrong use or input, 3 a service could not be reached.
"""

from __future__ import annotations

import sys
from pathlib import Path
from traceback import extract_tb

import typer

from errata.cli import audit, connection, demo, review, service, status
from errata.cli.console import tell
from errata.errors import ErrataError

app = typer.Typer(
    name="errata",
    help="Finds the wrong labels in a Label Studio project and gets them fixed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would show tokens
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (connection, audit, status, review, service, demo):
    module.register(app)


def main() -> None:
    """Run the command line; an error ends it with one line on stderr and its exit code."""
    try:
        app()
    except ErrataError as error:
        tell(f"errata: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        tell("errata: stopped")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  the command line's boundary; its text may hold what no log may
        tell(f"errata: unexpected {type(error).__name__} {_place(error)}: a mistake in errata; report it")
        sys.exit(1)


def _place(error: Exception) -> str:
    """Return where in errata an error came up, and where it was raised."""
    frames = extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parents[1])]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*own[-1:], *frames[-1:])]
    return "at " + " in ".join(dict.fromkeys(reversed(places)))
