"""Embeddings of one encoder in two append-only files.

The format, in a folder named by a hash of the encoder's identity and the width D:

- `rows.f32`: rows of D little-endian float32, one after another;
- `keys.sha256`: the sha256 of each row's content key, 32 bytes each, in the same order;
- a row counts once its key is there: rows are on disk before their keys are written;
- appending holds a file lock, and first cuts what an earlier crash left beyond the last whole row;
- nothing that counts is ever changed, so that readers map `rows.f32` into memory and need no lock.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from errata.audit.ports import Embeddings
from errata.store.files import private_folder, write_whole

_DIGEST = 32


class EmbeddingFolder:
    """Keeps embeddings: `audit.ports.Embeddings`. Safe for several threads and processes.

    Args:
        folder: where the folders of all encoders lie.
        encoder_identity: what the embeddings come from; another one has other files.
        width: D, the length of a row.

    Attributes:
        width: the same.
    """

    def __init__(self, folder: Path, encoder_identity: str, width: int) -> None:
        if width < 1:
            raise ValueError(f"`width` must be at least 1, got {width!r}")
        name = hashlib.sha256(f"{encoder_identity}\x1f{width}".encode()).hexdigest()[:20]
        self._folder = private_folder(private_folder(folder) / name)
        noted = _width_path(folder, encoder_identity)
        if not noted.exists():
            write_whole(noted, [str(width).encode()])
        self._rows_path = self._folder / "rows.f32"
        self._keys_path = self._folder / "keys.sha256"
        self.width = width
        self._row_bytes = width * 4
        self._index: dict[bytes, int] = {}
        self._n_read = 0  # keys that were read into the index
        self._rows: NDArray[np.float32] = np.empty((0, width), "<f4")
        self._thread_lock = threading.Lock()

    def get(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return (N, D) rows in the order of `keys`, zeros where unknown, and (N,) which are known."""
        digests = [_digest(key) for key in keys]
        with self._thread_lock:
            self._refresh()
            places = np.array([self._index.get(digest, -1) for digest in digests], np.int64)
            mapped = self._rows
        known = places >= 0
        rows = np.zeros((len(keys), self.width), np.float32)
        rows[known] = mapped[places[known]]
        return rows, known

    def put(self, keys: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Keep (N, D) rows; a key that is known already is left as it is.

        Raises:
            ValueError: `rows` is not (N, D).
        """
        if rows.shape != (len(keys), self.width):
            raise ValueError(f"`rows` must be ({len(keys)}, {self.width}), got {rows.shape!r}")
        with FileLock(self._folder / "append.lock"):
            with self._thread_lock:
                self._refresh()
                n_kept = self._n_read
                places: dict[bytes, int] = {}
                for i, digest in enumerate(map(_digest, keys)):
                    if digest not in self._index:
                        places.setdefault(digest, i)
            if places:
                chosen = np.ascontiguousarray(rows[list(places.values())], "<f4")
                _append(self._rows_path, n_kept * self._row_bytes, chosen.tobytes())
                _append(self._keys_path, n_kept * _DIGEST, b"".join(places))

    def _refresh(self) -> None:
        """Take in the rows that were added since, by whomever."""
        n_keys = _size(self._keys_path) // _DIGEST
        n_rows = min(n_keys, _size(self._rows_path) // self._row_bytes)
        if n_rows <= self._n_read:
            return
        with self._keys_path.open("rb") as file:
            file.seek(self._n_read * _DIGEST)
            digests = file.read((n_rows - self._n_read) * _DIGEST)
        for i in range(n_rows - self._n_read):
            self._index[digests[i * _DIGEST : (i + 1) * _DIGEST]] = self._n_read + i
        self._rows = np.memmap(self._rows_path, "<f4", mode="r", shape=(n_rows, self.width))
        self._n_read = n_rows


class JointEmbeddings:
    """The embeddings of several encoders as one, side by side: `audit.ports.Embeddings`.

    Args:
        parts: the cache and the width of each.
    """

    def __init__(self, parts: Sequence[tuple[Embeddings, int]]) -> None:
        self._caches = [embeddings for embeddings, _ in parts]
        self._ends = np.cumsum([width for _, width in parts])[:-1]

    def get(self, keys: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return (N, D) rows in the order of `keys`, and (N,) which every one of the encoders knows."""
        found = [embeddings.get(keys) for embeddings in self._caches]
        is_known = np.all([known for _, known in found], axis=0)
        return np.concatenate([rows for rows, _ in found], axis=1), is_known

    def put(self, keys: Sequence[str], rows: NDArray[np.float32]) -> None:
        """Keep (N, D) rows, each encoder's part in its own cache."""
        for embeddings, part in zip(self._caches, np.split(rows, self._ends, axis=1), strict=True):
            embeddings.put(keys, part)


def known_width(folder: Path, encoder_identity: str) -> int | None:
    """Return the width of an encoder's rows where some were kept before: finding out may mean to load the encoder."""
    try:
        return int(_width_path(folder, encoder_identity).read_text())
    except (FileNotFoundError, ValueError):
        return None


def _width_path(folder: Path, encoder_identity: str) -> Path:
    return folder / f"{hashlib.sha256(encoder_identity.encode()).hexdigest()[:20]}.width"


def _append(path: Path, size: int, content: bytes) -> None:
    """Write `content` at `size`, cutting what lies beyond, and see it on disk."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
