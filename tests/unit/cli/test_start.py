"""What it takes to start a command."""

from __future__ import annotations

import subprocess
import sys

SLOW = ("torch", "torchvision", "scipy.optimize", "scipy.stats", "sklearn", "pandas", "uvicorn")


def test_a_command_starts_without_what_only_learning_takes() -> None:
    """Each takes as long to import as a good part of all else, and every command would wait for it."""
    said = f"import sys, errata.cli.app; print([name for name in {SLOW} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
