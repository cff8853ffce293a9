"""The wheel that people install works without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_has_two_import_roots_and_nothing_else(wheel: Path) -> None:
    """Nothing called plainly `model` or `backend` lands in site-packages."""
    with zipfile.ZipFile(wheel) as archive:
        roots = {name.split("/")[0] for name in archive.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"errata", "errata_model"}


def test_wheel_has_the_pages(wheel: Path) -> None:
    """What browsers load is installed with what serves it."""
    pages = ROOT / "backend" / "errata" / "web" / "board" / "pages"
    files = {f"errata/web/board/pages/{path.relative_to(pages)}" for path in pages.rglob("*") if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        assert files <= set(archive.namelist())
    assert "errata/web/board/pages/index.html" in files


def test_command_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """`errata --help` and the learning work from the wheel's own files, away from the checkout."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    script = (
        "import errata, errata_model, sys; "
        "assert errata.__file__.startswith(sys.argv[1]) and errata_model.__file__.startswith(sys.argv[1]); "
        "sys.argv = ['errata', '--help']; from errata.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(tmp_path / "site")]
        if sys.version_info >= (3, 11)
        else [sys.executable, "-c", script, str(tmp_path / "site")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "audit" in done.stdout
