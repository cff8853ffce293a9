"""`errata serve`, `errata worker`, and the job that a child process runs."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from errata.cli.console import tell
from errata.cli.opening import open_wiring
from errata.errors import AuditRunning, UsageError
from errata.jobs.child import end_with_parent
from errata.jobs.queue import JOB_NAMES


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(worker)
    app.command(hidden=True)(job)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; ERRATA_HOST by default.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; ERRATA_PORT by default.")] = None,
) -> None:
    """Serve Label Studio's ML backend contract and its webhooks, and run the jobs that follow."""
    from errata.serving import run_service  # noqa: PLC0415 (only the service needs the web stack)
    from errata.settings import read_settings  # noqa: PLC0415

    given = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    for chatty in ("httpx", "httpcore"):  # their lines have addresses with queries
        logging.getLogger(chatty).setLevel(logging.WARNING)
    run_service(read_settings().model_copy(update=given))


def worker() -> None:
    """Run jobs from Redis (ERRATA_REDIS_URL), on this machine or another one that shares data folder and database."""
    open_wiring().work()


def job(name: str, project: int) -> None:
    """Run one job; ends when the process that started it does."""
    known = next((each for each in JOB_NAMES if each == name), None)
    if known is None:
        raise UsageError(f'There is no job "{name}"; there are: {", ".join(JOB_NAMES)}.')
    end_with_parent()
    from errata.wiring import run_job  # noqa: PLC0415 (slow to import)

    try:
        run_job(known, project)
    except AuditRunning as error:  # wrong use at a prompt, but a job is worth another try
        tell(f"errata: {error}")
        raise typer.Exit(1) from error
