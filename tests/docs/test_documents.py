"""The documents say what the code does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.main import get_command

from errata.audit.user_encoder import UserImageEncoder
from errata.cli.app import app
from errata.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = {name for name, command in get_command(app).commands.items() if not command.hidden}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_reference(name: str) -> None:
    """The reference has each environment variable with the description that the code gives it."""
    assert f"| `ERRATA_{name.upper()}` |" in REFERENCE
    assert f"| {Settings.model_fields[name].description} |" in REFERENCE


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_and_commands_named_in_documents_exist(path: Path) -> None:
    """No document names a variable or a command that errata does not have."""
    text = path.read_text()
    variables = set(re.findall(r"\bERRATA_[A-Z_]+\b", text)) - {"ERRATA_BENCHMARKS"}
    assert variables <= {f"ERRATA_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"(?:^ {4}|`|bin/)errata ([a-z]+)\b", text, re.MULTILINE))
    assert named <= COMMANDS


def test_every_command_is_in_the_reference() -> None:
    """The reference has a row for each command."""
    rows = set(re.findall(r"^\| `errata ([a-z]+)", REFERENCE, re.MULTILINE))
    assert rows == COMMANDS


def test_commands_say_what_they_do() -> None:
    """Each command and each option has a help text."""
    for name in COMMANDS:
        command = get_command(app).commands[name]  # type: ignore[attr-defined]
        assert command.help, name
        assert all(getattr(option, "help", None) for option in command.params if option.name != "as_json"), name


def test_readme_has_the_two_commands() -> None:
    """One command runs the main job on a fresh machine, one passes the tests."""
    assert "    python3 -m venv .venv && .venv/bin/pip install '.[demo]' && .venv/bin/errata demo\n" in README
    assert "    python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest -n 2\n" in README


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    """Every relative link names a file that is there."""
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_the_lines_on_arrays_find_errors() -> None:
    """README's lines, as they stand, put planted errors first."""
    (lines,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    rng = np.random.default_rng(0)
    right = np.arange(200) % 4
    embeddings = rng.normal(size=(200, 8)).astype(np.float32) + 5 * np.eye(8, dtype=np.float32)[right]
    labels = right.copy()
    labels[:6] = (right[:6] + 1) % 4
    names = {"np": np, "embeddings": embeddings, "labels": labels, "groups": np.arange(200)}
    exec(lines, names)  # what the README says
    assert set(names["worst_first"][:6].tolist()) == set(range(6))


def test_the_class_in_the_reference_is_an_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, but for the import of numpy."""
    (lines,) = re.findall(r"```python\n(class Mine.*?)```", REFERENCE, re.DOTALL)
    (tmp_path / "of_the_reference.py").write_text(f"import numpy as np\n{lines}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    encoder = UserImageEncoder("of_the_reference:Mine")
    assert encoder.encode([encoder.prepare(Image.new("RGB", (5, 5), (0, 9, 0)))]).tolist() == [[0, 9, 0]]
