from __future__ import annotations

import os
from pathlib import Path

import pytest

from errata.doctor.machine import (
    check_data_folder,
    check_database,
    check_device,
    check_libraries,
    check_room,
    check_settings,
)
from errata.errors import SettingError
from errata.settings import Settings


def test_settings_say_where_they_come_from() -> None:
    """A `.env` file that is read is named."""
    (check,) = check_settings({"ERRATA_PORT": None, "ERRATA_HOST": None}, [])
    assert (check.state, "2 in the environment, no " in check.seen) == ("ok", True)


def test_a_file_of_settings_is_private(tmp_path: Path) -> None:
    """It holds a token."""
    file = tmp_path / ".env"
    file.write_text("ERRATA_LABEL_STUDIO_TOKEN=hunter2")
    for mode, states in ((0o600, ["ok"]), (0o644, ["look", "ok"])):
        file.chmod(mode)
        found = list(check_settings({"ERRATA_LABEL_STUDIO_TOKEN": file, "ERRATA_PORT": None}, []))
        assert [check.state for check in found] == states
        assert f"1 in the environment, 1 in {file}" in found[-1].seen
        assert "hunter2" not in f"{found}"
    assert found[0].remedy == f"chmod 600 {file}"


def test_settings_that_are_wrong_or_unknown_are_named() -> None:
    """Each wrong one with its description; of an unknown one, which was perhaps meant."""
    wrong, unknown = check_settings(
        {"ERRATA_PORT": None, "ERRATA_LABELSTUDIO_URL": None},
        ["ERRATA_PORT is wrong because it is x. It is: the port."],
    )
    assert (wrong.state, wrong.seen) == ("wrong", "ERRATA_PORT is wrong because it is x")
    assert wrong.remedy == "It is: the port."
    assert unknown.state == "look"
    assert "Did you mean ERRATA_LABEL_STUDIO_URL?" in (unknown.remedy or "")


def test_the_data_folder_is_there_or_will_be(tmp_path: Path) -> None:
    """Looking at it makes nothing."""
    coming, room = check_data_folder(tmp_path / "a" / "b")
    assert (coming.state, "will be made" in coming.seen) == ("ok", True)
    assert room.name == "disk"
    assert list(tmp_path.iterdir()) == []
    tmp_path.chmod(0o700)
    assert next(check_data_folder(tmp_path)).seen == f"{tmp_path} is there and private"


def test_a_data_folder_that_everybody_may_enter_is_looked_at(tmp_path: Path) -> None:
    """With the command that makes it private."""
    tmp_path.chmod(0o755)
    check = next(check_data_folder(tmp_path))
    tmp_path.chmod(0o700)
    assert (check.state, check.remedy) == ("look", f"chmod o-rwx {tmp_path}")


def test_a_data_folder_that_is_none_is_wrong(tmp_path: Path) -> None:
    """A file is there."""
    (tmp_path / "file").touch()
    (check,) = check_data_folder(tmp_path / "file" / "data")
    assert check.state == "wrong"
    assert "ERRATA_DATA_DIR" in (check.remedy or "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_data_folder_is_wrong(tmp_path: Path) -> None:
    """Without the right to write."""
    tmp_path.chmod(0o500)
    (check,) = check_data_folder(tmp_path)
    tmp_path.chmod(0o700)
    assert (check.state, "Permission denied" in check.seen) == ("wrong", True)


@pytest.mark.parametrize(
    ("free", "state", "seen"),
    [
        (80 * 2**30, "ok", "80.0 GB free: room for embeddings of 10.5 million images"),
        (800 * 2**20, "look", "800 MB free: room for embeddings of 102 thousand images"),
        (8 * 2**20, "wrong", "8 MB free: room for embeddings of 1 thousand images"),
    ],
)
def test_free_space_is_said_in_images(tmp_path: Path, free: int, state: str, seen: str) -> None:
    """What an audit needs it for."""
    check = check_room(tmp_path, free)
    assert (check.state, check.seen) == (state, seen)


def test_the_database(tmp_path: Path) -> None:
    """None before the first use; opened where there is one; an error is said with its remedy."""
    settings = Settings(data_dir=tmp_path)

    def fails() -> int:
        raise SettingError("The database is about another Label Studio; set ERRATA_DATA_DIR.")

    assert check_database(settings, fails).state == "ok"
    (tmp_path / "errata.db").touch()
    assert check_database(settings, lambda: 3).seen == "opens; connected projects: 3"
    broken = check_database(settings, fails)
    assert (broken.state, broken.seen) == ("wrong", "The database is about another Label Studio")
    elsewhere = Settings(data_dir=tmp_path / "none", database_url="sqlite://")
    assert check_database(elsewhere, fails).state == "wrong"


def test_libraries_and_device_are_named() -> None:
    """With their versions; torch is asked only where an encoder needs it."""
    libraries = check_libraries()
    assert "label-studio-sdk 2." in libraries.seen
    assert "torch " in libraries.seen
    assert check_device({"pixels"}).seen == "CPU: pixels need no torch"
    import torch  # noqa: PLC0415

    device = check_device({"pixels", "resnet50"})
    assert device.seen.startswith("CUDA " if torch.cuda.is_available() else ("CPU only, ", "torch is built for CUDA"))
