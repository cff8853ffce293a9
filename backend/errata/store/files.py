"""Private folders, whole files and locks between processes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, for its owner only.

    One that is there keeps its rights: it may be shared with others. The files in it are private by themselves.
    """
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Replace a file's content at once, readable by its owner only: a reader sees all of it or what was before."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextmanager
def locked(data_dir: Path, name: str, timeout_s: float = -1) -> Iterator[None]:
    """Hold a lock that other processes and threads see; the system frees it when the process dies.

    Args:
        data_dir: the data folder; locks lie in its `locks`.
        name: what is locked.
        timeout_s: how long to wait; -1 is for ever.

    Raises:
        filelock.Timeout: somebody else held it all that time.
    """
    with FileLock(private_folder(data_dir / "locks") / f"{name}.lock", timeout=timeout_s):
        yield
