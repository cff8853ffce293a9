"""What it takes to start a command."""

from __future__ import annotations

import subprocess
import sys

import pytest

LEARNING = ("torch", "torchvision", "scipy", "sklearn", "pandas", "errata.audit.run", "errata.boards.build")
SERVICE = ("fastapi", "uvicorn", "redis", "rq")
PROJECT = ("numpy", "sqlalchemy", "httpx", "pydantic", "PIL", "errata.wiring")

HELP = "sys.argv = ['errata', '--help']; from errata.cli.app import main\ntry: main()\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    ("done", "slow"),
    [
        (HELP, LEARNING + SERVICE + PROJECT),
        ("import errata.cli.app, errata.wiring", (*LEARNING, *SERVICE, "PIL", "sqlalchemy.dialects.postgresql")),
        ("import errata.serving", (*LEARNING, "redis", "rq")),
    ],
    ids=["help", "what stands on a project", "serve"],
)
def test_nothing_is_imported_that_only_others_take(done: str, slow: tuple[str, ...]) -> None:
    """Each takes as long to import as a good part of all else, and everybody would wait for it."""
    said = f"import sys\n{done}\nprint([name for name in {slow} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"
