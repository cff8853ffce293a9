"""The main job on an embedded default: `errata demo`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def test_demo_checks_itself(label_studio: Any, tmp_path: Path) -> None:
    """`errata demo --check` finds the planted errors, fixes them and nothing else, and undoes it.

    The fixture has installed Label Studio into the cache already, where the demo finds it and starts one of its own.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ERRATA_")}
    done = subprocess.run(
        [sys.executable, "-m", "errata", "demo", "--check"],
        env={**environment, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = done.stdout.splitlines()
    outcome = json.loads(line)
    assert outcome["planted"] == 90
    assert outcome["found_in_first_50"] >= 48
    assert outcome["found_in_first_90"] >= 85
    assert outcome["applied"] == outcome["judged_wrong"] == outcome["undone"]
    assert outcome["unchanged_elsewhere"] is True
    assert outcome["restored"] is True
    assert not list(tmp_path.glob("errata-demo-*"))
