"""Rendered crops on disk, so that each is rendered once."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

from errata.store.files import private_folder

logger = logging.getLogger(__name__)

MAX_BYTES = 2 * 2**30  # of all projects together: some 100,000 tiles
_SWEPT_TO, _SWEPT_AFTER = 0.8, 0.1  # shares of the limit: what a sweep leaves, and what is written before the next one
_TOUCHED_S = 3600.0  # a picture that is looked at gets younger, but not each time
_LOCK = ".lock"
_END = b"\xff\xd9"  # of a JPEG file


class PictureFolder:
    """Keeps JPEG files by project and key, the least looked at go first. Several processes may use one folder.

    Nothing here is needed: what is lost is rendered again.

    Args:
        data_dir: the data folder; pictures lie in its `pictures/PROJECT/`.
        max_bytes: when all have more, some go.
    """

    def __init__(self, data_dir: Path, max_bytes: int = MAX_BYTES) -> None:
        self._folder = data_dir / "pictures"
        self._max_bytes = max_bytes
        self._unswept: float = max_bytes  # bytes written since the last sweep: this process never looked before
        self._lock = threading.Lock()

    def get(self, project_id: int, key: str) -> bytes | None:
        """Return a picture, None where it is not kept."""
        path = self._path(project_id, key)
        try:
            with path.open("rb") as file:
                content = file.read()
                age_s = time.time() - os.fstat(file.fileno()).st_mtime
            if age_s > _TOUCHED_S:
                os.utime(path)
        except OSError:
            return None
        return content if content.endswith(_END) else None  # not where the machine went down as it was written

    def put(self, project_id: int, key: str, content: bytes) -> None:
        """Keep a picture; where the disk does not take it, it is not kept."""
        path = self._path(project_id, key)
        try:
            private_folder(path.parent)
            handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.replace(name, path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            logger.warning("a picture cannot be kept in %s: %s", path.parent, error.strerror)
            return
        with self._lock:
            self._unswept += len(content)
            is_due = self._unswept >= _SWEPT_AFTER * self._max_bytes
            if is_due:
                self._unswept = 0
        if is_due:
            threading.Thread(target=self.sweep, name="sweeping pictures", daemon=True).start()

    def sweep(self) -> None:
        """Delete those that nobody has looked at for longest, where all have more bytes than they may."""
        try:
            with FileLock(private_folder(self._folder) / _LOCK, timeout=0):
                self._sweep()
        except (Timeout, OSError):  # another process is at it, or the disk refuses
            return

    def _sweep(self) -> None:
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in set(names) - {_LOCK}:
                path = os.path.join(folder, name)
                try:
                    about = os.stat(path)
                except OSError:  # deleted meanwhile
                    continue
                found.append((about.st_mtime, about.st_size, path))
        excess = sum(size for _, size, _ in found)
        if excess <= self._max_bytes:
            return
        excess -= int(_SWEPT_TO * self._max_bytes)
        for _, size, path in sorted(found):
            if excess <= 0:
                break
            Path(path).unlink(missing_ok=True)
            excess -= size

    def _path(self, project_id: int, key: str) -> Path:
        return self._folder / str(project_id) / key[:2] / f"{key[2:]}.jpg"
