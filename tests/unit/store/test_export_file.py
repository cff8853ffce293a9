from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from errata.errors import UsageError
from errata.store.export_file import write_export


def test_the_file_is_whole_and_its_manifest_knows_its_bytes(tmp_path: Path) -> None:
    """What is read back is what was given, and sha256 is of the file's bytes; no other file is left."""
    tasks = [{"id": 1, "data": {"n": 10**30, "x": 0.1, "text": "ü\ud800"}}, {"id": 2}]
    manifest = write_export(tmp_path / "clean.json", tasks, {"tasks": 2})
    content = (tmp_path / "clean.json").read_bytes()
    assert json.loads(content) == tasks
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert json.loads((tmp_path / "clean.json.manifest.json").read_bytes()) == manifest
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    """The text names the file."""
    with pytest.raises(UsageError, match=r"clean\.json cannot be written"):
        write_export(tmp_path / "nowhere" / "clean.json", [], {})
