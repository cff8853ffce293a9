from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from errata.store.embeddings import EmbeddingFolder, JointEmbeddings

PUT = """
import sys
from pathlib import Path
import numpy as np
from errata.store.embeddings import EmbeddingFolder
folder = EmbeddingFolder(Path(sys.argv[1]), "encoder", 3)
for i in range(60):
    keys = [f"{sys.argv[2]}-{i}", f"shared-{i}"]
    folder.put(keys, np.full((2, 3), i, np.float32))
    assert folder.get(keys)[1].all()
"""


def rows_of(n: int, width: int = 3) -> np.ndarray:
    return np.arange(n * width, dtype=np.float32).reshape(n, width) + 1


def test_rows_come_back_in_the_order_asked(tmp_path: Path) -> None:
    """Zeros where unknown; also in a new process; empty input gives empty output."""
    EmbeddingFolder(tmp_path, "encoder", 3).put(["a", "b", "c"], rows_of(3))
    rows, known = EmbeddingFolder(tmp_path, "encoder", 3).get(["c", "x", "a", "c"])
    assert known.tolist() == [True, False, True, True]
    assert rows.tolist() == [[7, 8, 9], [0, 0, 0], [1, 2, 3], [7, 8, 9]]
    assert rows.dtype == np.float32
    assert EmbeddingFolder(tmp_path, "encoder", 3).get([])[0].shape == (0, 3)
    assert EmbeddingFolder(tmp_path, "new", 3).get(["a"])[0].shape == (1, 3)


def test_known_keys_are_left_as_they_are(tmp_path: Path) -> None:
    """Also where one call names a key twice."""
    folder = EmbeddingFolder(tmp_path, "encoder", 3)
    folder.put(["a", "a"], rows_of(2))
    folder.put(["a", "b"], rows_of(2) * 10)
    assert folder.get(["a", "b"])[0].tolist() == [[1, 2, 3], [40, 50, 60]]


def test_encoders_and_widths_do_not_mix(tmp_path: Path) -> None:
    """Another identity or width has files of its own."""
    EmbeddingFolder(tmp_path, "encoder", 3).put(["a"], rows_of(1))
    assert not EmbeddingFolder(tmp_path, "other", 3).get(["a"])[1].any()
    assert not EmbeddingFolder(tmp_path, "encoder", 4).get(["a"])[1].any()


@pytest.mark.parametrize("torn", ["rows.f32", "keys.sha256"])
@pytest.mark.parametrize("n_bytes", [1, 11, 12, 31])
def test_a_torn_append_is_ignored_and_mended(tmp_path: Path, torn: str, n_bytes: int) -> None:
    """Bytes that a crash left at the end of either file are no row, and the next append takes their place."""
    EmbeddingFolder(tmp_path, "encoder", 3).put(["a"], rows_of(1))
    (path,) = tmp_path.glob(f"*/{torn}")
    with path.open("ab") as file:
        file.write(b"\xff" * n_bytes)
    folder = EmbeddingFolder(tmp_path, "encoder", 3)
    assert folder.get(["a"])[0].tolist() == [[1, 2, 3]]
    folder.put(["b"], rows_of(1) * 2)
    for reader in (folder, EmbeddingFolder(tmp_path, "encoder", 3)):
        assert reader.get(["a", "b"])[0].tolist() == [[1, 2, 3], [2, 4, 6]]


def test_rows_without_keys_do_not_count(tmp_path: Path) -> None:
    """A crash between rows and keys leaves rows that nobody sees and the next append overwrites."""
    EmbeddingFolder(tmp_path, "encoder", 3).put(["a"], rows_of(1))
    (path,) = tmp_path.glob("*/rows.f32")
    with path.open("ab") as file:
        file.write(rows_of(5).tobytes())
    folder = EmbeddingFolder(tmp_path, "encoder", 3)
    folder.put(["b"], rows_of(1) * 3)
    assert folder.get(["b"])[0].tolist() == [[3, 6, 9]]
    assert path.stat().st_size == 2 * 3 * 4


def test_an_open_reader_sees_what_others_add(tmp_path: Path) -> None:
    """No reopening is needed."""
    reader = EmbeddingFolder(tmp_path, "encoder", 3)
    assert not reader.get(["a"])[1].any()
    EmbeddingFolder(tmp_path, "encoder", 3).put(["a"], rows_of(1))
    assert reader.get(["a"])[1].all()


def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    """Every key has its row, and shared ones are there once."""
    commands = [[sys.executable, "-c", PUT, str(tmp_path), str(i)] for i in range(2)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    assert [process.communicate()[1] for process in processes] == [""] * 2
    keys = [f"{name}-{i}" for i in range(60) for name in ("0", "1", "shared")]
    rows, known = EmbeddingFolder(tmp_path, "encoder", 3).get(keys)
    assert known.all()
    assert rows[:, 0].tolist() == [i for i in range(60) for _ in range(3)]
    assert (next(tmp_path.glob("*/rows.f32"))).stat().st_size == 180 * 12


def test_wrong_shapes_are_refused(tmp_path: Path) -> None:
    """The text says what the shape must be."""
    with pytest.raises(ValueError, match=r"must be \(1, 3\), got \(1, 4\)"):
        EmbeddingFolder(tmp_path, "encoder", 3).put(["a"], rows_of(1, 4))
    with pytest.raises(ValueError, match="`width`"):
        EmbeddingFolder(tmp_path, "encoder", 0)


def test_several_caches_are_one(tmp_path: Path) -> None:
    """Rows side by side; known is what every one of them knows; what is kept is parted among them."""
    one, other = EmbeddingFolder(tmp_path, "one", 2), EmbeddingFolder(tmp_path, "other", 1)
    one.put(["a", "b"], rows_of(2, 2))
    other.put(["b", "c"], rows_of(2, 1))
    joint = JointEmbeddings([(other, 1), (one, 2)])
    rows, known = joint.get(["a", "b", "c"])
    assert (rows.tolist(), known.tolist()) == ([[0, 1, 2], [1, 3, 4], [2, 0, 0]], [False, True, False])
    joint.put(["d", "c"], rows_of(2))
    assert other.get(["c", "d"])[0].tolist() == [[2], [1]]
    assert one.get(["c", "d"])[0].tolist() == [[5, 6], [2, 3]]
    assert joint.get([])[0].shape == (0, 3)
