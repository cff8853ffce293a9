"""What a DataFrame must have, and what is said where it has not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import errata.serving
from errata import board
from errata.errors import UsageError
from errata.notebook.columns import Columns, as_label, ids_of, scores

FRAME = pd.DataFrame({"label": ["cat", "dog"], "path": ["a.png", "b.png"], "score": [0.1, 0.9]})


def test_the_function_is_what_is_imported_whatever_was_imported_before() -> None:
    """`from errata import board` is cheap, and a function also in a process that has loaded the whole service."""
    heavy = ("numpy", "torch", "fastapi", "pydantic", "sqlalchemy", "pandas", "httpx")
    code = f"import sys; from errata import board; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout == "[]\n"
    assert errata.serving.run_service
    assert callable(board)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([["cat"]],), "takes a pandas DataFrame, not list"),
        ((FRAME, None, "path"), "needs the column with the labels"),
        ((FRAME, "label"), 'one of image="..." and text="..."'),
        ((FRAME, "label", "path", "path"), 'one of image="..." and text="..."'),
        ((FRAME, "lable", "path"), "label='lable' is wrong because .* Did you mean 'label'?"),
        ((FRAME, "label", "picture"), "image='picture' is wrong .* It has 'label', 'path', 'score'."),
        ((FRAME, "label", "path", None, "other"), "proposed='other' is wrong"),
        ((FRAME.set_axis(["label", "path", "path"], axis=1), "label", "path"), "has 2 columns of that name"),
    ],
)  # fmt: skip
def test_a_missing_column_is_named(arguments: tuple[Any, ...], words: str) -> None:
    """Each argument that is wrong is named, with what is there or a name that is near."""
    frame, label, image, text, proposed = (*arguments, *[None] * (5 - len(arguments)))
    with pytest.raises(UsageError, match=words):
        board(frame, label=label, image=image, text=text, proposed=proposed)


def test_a_board_is_of_a_frame_or_of_a_project() -> None:
    """Neither and both are refused."""
    with pytest.raises(UsageError, match="needs a DataFrame or a project"):
        board()
    with pytest.raises(UsageError, match="not both"):
        board(FRAME, project=12, label="label", image="path")


def test_empty_cells_are_no_labels() -> None:
    """Labels are words; what pandas has for a cell without any is none."""
    cells = {"cat": "cat", 3: "3", True: "True", np.int64(7): "7", 1.5: "1.5", 2.0: "2"}
    assert [as_label(value) for value in cells] == list(cells.values())
    assert [as_label(value) for value in (None, float("nan"), pd.NA, pd.NaT, np.float32("nan"), "")] == [None] * 6


@pytest.mark.parametrize("wrong", [1.01, -0.1, "high", float("inf")])
def test_a_disagreement_is_a_number_from_0_to_1(wrong: Any) -> None:
    """Anything else is named; an empty cell says nothing."""
    assert np.isnan(scores([0.5, None, 1], "score")).tolist() == [False, True, False]
    with pytest.raises(UsageError, match="disagreement='score' must hold numbers from 0 to 1, but has"):
        scores([0.2, wrong], "score")


def test_rows_keep_their_numbers_wherever_they_stand() -> None:
    """A row's number follows from its index alone; one that is there twice is refused."""
    index = [0, 5, "a", ("b", 2), pd.Timestamp("2026-01-01")]
    ids = ids_of(index)
    assert len(set(ids)) == 5
    assert min(ids) > 0
    assert max(ids) < 2**53
    assert ids_of(index[::-1]) == ids[::-1]
    with pytest.raises(UsageError, match="index has 'a' twice"):
        ids_of([*index, "a"])


def test_columns_that_are_not_named_are_the_others() -> None:
    """They are what groups the board."""
    assert Columns("label", "path", None, None, None).others(FRAME) == ["score"]
