"""What an audit goes by: the command line, and what the project was connected with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from errata.audit.progress import LineProgress
from errata.errors import SettingError, UsageError
from errata.settings import ProjectSettings, Settings
from errata.wiring import BeliefOptions, Wiring


@pytest.fixture
def wiring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """Open errata where no Label Studio is named: who gets as far as asking it fails."""
    monkeypatch.delenv("ERRATA_LABEL_STUDIO_URL", raising=False)
    opened = Wiring(Settings(data_dir=tmp_path / "data", _env_file=None))
    yield opened
    opened.close()


@pytest.mark.parametrize("option", ["embeddings", "belief"])
def test_a_file_that_is_gone_is_said_with_where_it_was_named(wiring: Wiring, tmp_path: Path, option: str) -> None:
    """Whoever audits need not be who connected; another source on the command line does without the file."""
    path = tmp_path / "mine.npz"
    wiring.project_settings.put(7, ProjectSettings.model_validate({"belief": "own", option: str(path)}))
    progress = LineProgress(print)
    with pytest.raises(UsageError, match=rf"Project 7 was connected with --{option} .*mine\.npz: .*--belief own"):
        wiring.examine_project(7, BeliefOptions(), progress)
    with pytest.raises(SettingError, match="ERRATA_LABEL_STUDIO_URL"):
        wiring.examine_project(7, BeliefOptions(belief="stored"), progress)
    path.write_bytes(b"")
    with pytest.raises(SettingError, match="ERRATA_LABEL_STUDIO_URL"):
        wiring.examine_project(7, BeliefOptions(), progress)
