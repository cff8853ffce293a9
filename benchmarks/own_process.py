"""Let each case of a benchmark run in a process of its own, whose largest resident memory is then its alone."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Result = dict[str, Any]


def in_own_processes(
    script: str,
    about: str,
    quick: str,
    measure: Callable[..., Result],
    cases: Callable[[bool], Iterable[Sequence[Any]]],
) -> tuple[bool, list[Result]]:
    """Read the command line of a benchmark's script; measure its cases one after another, each by the script itself.

    Args:
        script: its file.
        about: what it measures, for --help.
        quick: what --quick leaves, likewise.
        measure: returns what a case took; its arguments and result are JSON.
        cases: returns the arguments of each case, given whether --quick was said.

    Returns:
        Whether --quick was said, and the results. A process that was started for a case prints its result and ends.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(measure(*json.loads(asked.case))))
        sys.exit()
    results = []
    for case in cases(asked.quick):
        command = [sys.executable, script, "--case", json.dumps(list(case))]
        results.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return asked.quick, results
