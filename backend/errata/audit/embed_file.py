"""Take embeddings from a file instead of making them: nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata.audit.embed import Embedded, content_key
from errata.audit.ports import Progress
from errata.audit.task_table import read_table
from errata.errors import NothingToLearn, UsageError

_FORMS = (
    "a .npz with `task` (N,) and `embeddings` (N, D), a .npy (N, 1 + D) whose first column is the task's id, or a "
    ".parquet with a column `task` and either a column `embedding` of lists or one column a dimension"
)


class FileEmbedder:
    """Embeddings of the user's own, by task id.

    They have no encoder, so what is learned from them says nothing about tasks that are not in the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def embed(self, values: Mapping[int, Any], progress: Progress) -> Embedded:
        """See `Embedder.embed`. Tasks without a finite row are unusable.

        Raises:
            UsageError: the file cannot be used.
            NothingToLearn: it holds none of the tasks.
        """
        progress.stage("Reading embeddings", len(values))
        task_ids, rows = _read(self._path)
        row_of = {int(task_id): row for row, task_id in enumerate(task_ids)}
        if row_of.keys().isdisjoint(values):
            raise NothingToLearn(
                f"{self._path} holds none of the {len(values)} tasks; it must hold Label Studio's task ids."
            )
        is_finite = np.asarray(np.isfinite(rows).all(axis=1))
        usable = [task_id for task_id in values if task_id in row_of and is_finite[row_of[task_id]]]
        unusable = {
            task_id: "the embedding is not finite" if task_id in row_of else f"not in {self._path.name}"
            for task_id in values
            if task_id not in row_of or not is_finite[row_of[task_id]]
        }
        chosen = rows[[row_of[task_id] for task_id in usable]]
        return Embedded(
            np.array(usable, dtype=np.int64),
            tuple(content_key(row.tobytes()) for row in chosen),
            chosen,
            unusable,
            what="embeddings",
        )


def _read(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    if not path.is_file():
        raise UsageError(f"There is no file {path}. Give {_FORMS}.")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            ids, rows = _read_parquet(path)
        elif path.suffix.lower() == ".npz":
            with np.load(path) as arrays:
                ids, rows = arrays["task"], arrays["embeddings"]
        else:
            table = np.load(path)
            ids, rows = table[:, 0], table[:, 1:]
        whole = np.asarray(ids, dtype=np.int64)
        with np.errstate(over="ignore"):
            found = np.ascontiguousarray(rows, dtype=np.float32)
        is_right = found.ndim == 2 and found.shape[1] > 0 and whole.shape == found.shape[:1]
    except (OSError, ValueError, KeyError, IndexError, TypeError, EOFError) as error:
        raise UsageError(f"{path} cannot be read as embeddings. Give {_FORMS}.") from error
    if not is_right or not np.array_equal(whole, np.asarray(ids)):
        raise UsageError(f"{path} holds {np.shape(rows)} embeddings of {np.shape(ids)} tasks. Give {_FORMS}.")
    if len(np.unique(whole)) < len(whole):
        twice = int(np.sort(whole)[:-1][np.diff(np.sort(whole)) == 0][0])
        raise UsageError(f"{path} holds task {twice} more than once. Give each task one row.")
    return whole, found


def _read_parquet(path: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    ids, rows = [], []
    for row in read_table(path):
        ids.append(row.cells["task"])
        others = {column: cell for column, cell in row.cells.items() if column != "task"}
        cells = others["embedding"] if "embedding" in others else list(others.values())
        rows.append(cells)
    return np.array(ids), np.array(rows, dtype=np.float32)
