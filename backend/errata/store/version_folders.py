"""What audits leave behind by version, the latest two of each project.

`ROOM/PROJECT/v-VERSION/` holds one version; `ROOM/PROJECT/active` names the active one and the one before, a line each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from errata.store.files import locked, private_folder, write_whole

_KEPT = 2


class VersionFolders:
    """Keeps folders of files by project and version."""

    def __init__(self, data_dir: Path, room: str, lock: str) -> None:
        """Keep them in `data_dir/room`; who writes a project's holds the lock `{lock}-{project_id}`."""
        self._data_dir = data_dir
        self._room = data_dir / room
        self._lock = lock

    def folder(self, project_id: int, version: str) -> Path:
        """Return where a version is, if it is there."""
        return self._room / str(project_id) / _name(version)

    def projects(self) -> list[int]:
        """Return the projects that have an active version, ascending."""
        return sorted(int(found.parent.name) for found in self._room.glob("*/active") if found.parent.name.isdecimal())

    def active(self, project_id: int) -> str | None:
        """Return the latest version, None before the first. Cheap: reads one small file."""
        versions = self._versions(project_id)
        return versions[0] if versions else None

    def save(
        self,
        project_id: int,
        version: str,
        write: Callable[[Path], None],
        is_whole: Callable[[Path], bool] = Path.is_dir,
    ) -> None:
        """Make a version the active one. Atomic; one that is kept whole is not written again.

        Args:
            project_id: the source project.
            version: its name.
            write: fills a folder with it.
            is_whole: says of a folder that it holds all of it.
        """
        project = private_folder(private_folder(self._room) / str(project_id))
        with locked(self._data_dir, f"{self._lock}-{project_id}"):
            folder = self.folder(project_id, version)
            if not is_whole(folder):
                temporary = Path(tempfile.mkdtemp(prefix=".new-", dir=project))  # mode 0700
                try:
                    write(temporary)
                    shutil.rmtree(folder, ignore_errors=True)  # what is damaged
                    os.rename(temporary, folder)
                except BaseException:
                    shutil.rmtree(temporary, ignore_errors=True)
                    raise
            kept = list(dict.fromkeys([version, *self._versions(project_id)]))[:_KEPT]
            write_whole(project / "active", ["\n".join(kept).encode()])
            names = {_name(version) for version in kept}
            for each in project.iterdir():
                if each.is_dir() and each.name not in names:  # an older version, or what a crash left
                    shutil.rmtree(each, ignore_errors=True)

    def _versions(self, project_id: int) -> list[str]:
        try:
            return (self._room / str(project_id) / "active").read_text().splitlines()
        except FileNotFoundError:
            return []


def _name(version: str) -> str:
    return "v-" + quote(version, safe="")
