from __future__ import annotations

import re
import subprocess
import sys

FAIL = """
import sys
from errata.cli import app
@app.app.command()
def fails() -> None:
    raise ValueError("task 7 says hunter2")
sys.argv = ["errata", "fails"]
app.main()
"""


def test_what_was_not_foreseen_is_told_by_type_and_place_alone() -> None:
    """No traceback and no text of the exception: either may hold a payload, and jobs' output goes to the log."""
    ended = subprocess.run([sys.executable, "-c", FAIL], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert re.fullmatch(r"errata: unexpected ValueError at <string>:6 in app\.py:\d+: .*\n", ended.stderr)
    assert "hunter2" not in ended.stderr + ended.stdout
