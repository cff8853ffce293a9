"""What other tools take the folders of modules for."""

from __future__ import annotations

from pathlib import Path

import errata
import errata_model


def test_every_folder_of_modules_is_a_package() -> None:
    """Without `__init__.py` a folder can be imported, but import-linter does not look at what it imports."""
    roots = [Path(next(iter(package.__path__))) for package in (errata, errata_model)]
    folders = {file.parent for root in roots for file in root.rglob("*.py")}
    assert len(folders) > 10
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []
