from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from errata.cli.app import app

WRONG = {"ERRATA_PORT": "ninety", "ERRATA_POLL_S": "-1"}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ERRATA_")]:
        monkeypatch.delenv(name)


def test_settings_that_cannot_be_read_are_check_lines() -> None:
    """A line a check with its remedy below, then the counts; exit code 2."""
    ended = CliRunner().invoke(app, ["doctor"], env=WRONG)
    lines = ended.output.splitlines()
    assert ended.exit_code == 2
    assert lines[0].startswith("wrong      settings: ERRATA_PORT is wrong because Input should be a valid integer")
    assert lines[1] == "           -> It is: the port that `errata serve` listens on."
    assert lines[-1] == "2 wrong, 0 to look at, of 2 checks"


def test_json_is_one_object_with_every_check() -> None:
    """name, state, seen, remedy and project of each, and how many are wrong."""
    ended = CliRunner().invoke(app, ["doctor", "--json"], env=WRONG)
    said = json.loads(ended.output)
    assert (ended.exit_code, said["wrong"]) == (2, 2)
    assert {tuple(check) for check in said["checks"]} == {("name", "state", "seen", "remedy", "project")}
    assert {check["state"] for check in said["checks"]} == {"wrong"}
