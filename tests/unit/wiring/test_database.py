from __future__ import annotations

from pathlib import Path

import pytest

from errata.errors import SettingError
from errata.review.records import Project
from errata.settings import Settings
from errata.store.login import remember_login
from errata.wiring import Wiring


def opened(data_dir: Path, url: str | None) -> Wiring:
    return Wiring(Settings(data_dir=data_dir, label_studio_url=url))


def test_a_data_folder_is_about_one_label_studio(tmp_path: Path) -> None:
    """Another address is refused, naming both and the remedy; a slash or none at its end is the same."""
    first = opened(tmp_path, "http://one/ls")
    first.audits.connected(Project(7, "Cars", "http://one/ls/"))
    first.close()
    for same in ("http://one/ls/", "http://one/ls", None):  # an export is audited without any
        again = opened(tmp_path, same)
        assert [project.id for project in again.audits.projects()] == [7]
        again.close()
    with pytest.raises(SettingError, match=r"is http://two/, but .* about http://one/ls/; .* ERRATA_DATA_DIR"):
        opened(tmp_path, "http://two/").audits.projects()


def test_a_remembered_login_is_held_to_the_same(tmp_path: Path) -> None:
    """What `errata connect` was told counts where the environment names no Label Studio, and only there."""
    remember_login(tmp_path, "http://one/", "token")
    first = opened(tmp_path, None)
    first.audits.connected(Project(7, "Cars", "http://one/"))
    first.close()
    remember_login(tmp_path, "http://two/", "token")
    with pytest.raises(SettingError, match=r"is http://two/, but .* about http://one/"):
        opened(tmp_path, None).audits.projects()
    named = opened(tmp_path, "http://one")
    assert [project.id for project in named.audits.projects()] == [7]
    named.close()


def test_a_wrong_address_that_never_answered_binds_nothing(tmp_path: Path) -> None:
    """Only a project that was read there is written down."""
    mistyped = opened(tmp_path, "http://typo/")
    assert mistyped.audits.projects() == []
    mistyped.close()
    mended = opened(tmp_path, "http://one/")
    assert mended.audits.projects() == []
    mended.close()
