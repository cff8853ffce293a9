"""The command `errata`.

Exit codes: 0 done, 1 a check failed, 2 wrong use or input, 3 a service could not be reached.
"""

from __future__ import annotations

import sys

import typer

from errata.cli import audit, connection, demo, doctor, review, send, service, status
from errata.cli.console import tell
from errata.cli.failures import failure

app = typer.Typer(
    name="errata",
    help="Finds the wrong labels in a Label Studio project and gets them fixed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback with local variables would show tokens
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (connection, audit, send, status, review, doctor, service, demo):
    module.register(app)


def main() -> None:
    """Run the command line; an error ends it with one line on stderr and its exit code."""
    try:
        app()
    except KeyboardInterrupt:
        tell("errata: stopped")
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  the command line's boundary
        text, exit_code = failure(error)
        tell(f"errata: {text}")
        sys.exit(exit_code)
