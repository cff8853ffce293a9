"""Embeddings of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errata.audit.believe import OwnBeliever
from errata.audit.embed_file import FileEmbedder
from errata.errors import NothingToLearn, UsageError

ROWS = np.array([[1, 2], [3, 4], [5, 6]], dtype=np.float32)
IDS = [3, 1, 99]


def write(path: Path) -> Path:
    """Write the same embeddings in the form that the name asks for."""
    if path.suffix == ".npz":
        np.savez(path, task=np.array(IDS), embeddings=ROWS)
    elif path.suffix == ".npy":
        np.save(path, np.column_stack((IDS, ROWS)))
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow.parquet import write_table  # noqa: PLC0415

        columns = {"embedding": ROWS.tolist()} if "lists" in path.name else {"a": ROWS[:, 0], "b": ROWS[:, 1]}
        write_table(pyarrow.table({"task": IDS, **columns}), path)
    return path


@pytest.mark.parametrize("name", ["e.npz", "e.npy", "lists.parquet", "columns.parquet"])
def test_each_form_says_the_same(tmp_path: Path, told: Any, name: str) -> None:
    """Rows are found by task id; tasks that are not there are unusable, others there are passed over."""
    embedded = FileEmbedder(write(tmp_path / name)).embed({1: "1.png", 2: "2.png", 3: "3.png"}, told)
    assert embedded.task_ids.tolist() == [1, 3]
    assert embedded.rows.tolist() == [[3, 4], [1, 2]]
    assert embedded.unusable == {2: f"not in {name}"}
    assert embedded.problems() == {f"embeddings: not in {name}": 1}
    assert embedded.encoder is None


def test_rows_that_are_not_finite(tmp_path: Path, told: Any) -> None:
    """NaN is no embedding: the task is unusable, the others are not."""
    rows = ROWS.copy()
    rows[0, 1] = np.nan
    np.savez(tmp_path / "e.npz", task=np.array(IDS), embeddings=rows)
    embedded = FileEmbedder(tmp_path / "e.npz").embed({1: "", 3: ""}, told)
    assert (embedded.task_ids.tolist(), embedded.unusable) == ([1], {3: "the embedding is not finite"})


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"task": [1, 2], "embeddings": ROWS}, r"holds \(3, 2\) embeddings of \(2,\) tasks"),
        ({"task": [1.5, 2, 3], "embeddings": ROWS}, "Give a .npz"),
        ({"task": [1, 1, 3], "embeddings": ROWS}, "holds task 1 more than once"),
        ({"ids": [1, 2, 3], "embeddings": ROWS}, "cannot be read as embeddings. Give a .npz"),
        ({"task": ["a", "b", "c"], "embeddings": ROWS}, "cannot be read as embeddings"),
        ({"task": [1, 2, 3], "embeddings": ROWS[:, :0]}, r"holds \(3, 0\) embeddings"),
    ],
)
def test_wrong_files_are_named_with_what_to_give(tmp_path: Path, told: Any, arrays: Any, why: str) -> None:
    """Each error says what is there or what should be."""
    np.savez(tmp_path / "e.npz", **{name: np.array(array) for name, array in arrays.items()})
    with pytest.raises(UsageError, match=why):
        FileEmbedder(tmp_path / "e.npz").embed({1: "", 3: ""}, told)


def test_files_that_are_none(tmp_path: Path, told: Any) -> None:
    """A file that is not there, one that is no array, and one about other tasks."""
    (tmp_path / "e.npy").write_text("task,a\n")
    for name, why in (
        ("e.npy", "cannot be read as embeddings"),
        ("nowhere.npz", "There is no file .*nowhere.npz. Give"),
    ):
        with pytest.raises(UsageError, match=why):
            FileEmbedder(tmp_path / name).embed({1: ""}, told)
    with pytest.raises(NothingToLearn, match="none of the 1 tasks"):
        FileEmbedder(write(tmp_path / "e.npz")).embed({7: ""}, told)


def test_a_belief_from_own_embeddings_serves_what_it_knows(tmp_path: Path, project: Any, told: Any) -> None:
    """It finds the wrong label with no file fetched, by task id alone, and has no model for others."""
    rng = np.random.default_rng(3)
    labels = ["cat", "dog"] * 30
    rows = np.eye(2)[[int(label == "dog") for label in labels]] * 4 + rng.normal(size=(60, 2)) * 0.3
    labels[10] = "dog"
    np.savez(tmp_path / "e.npz", task=np.arange(1, 61), embeddings=rows)
    belief = OwnBeliever(lambda control: FileEmbedder(tmp_path / "e.npz"), None).believe(project(*labels), told)
    (about,) = belief.artefact.beliefs
    assert about.probabilities[10, 0] > 0.5
    assert (about.model, about.encoder, set(about.content_keys)) == (None, None, {""})
