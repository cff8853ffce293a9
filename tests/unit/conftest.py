"""What tests of several rooms need."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errata.boards.table import NONE, BoardTable, Field, RowDetail
from errata_model.records import Control, Finding, GivenLabel, Proposal

NUMBER = itertools.count()  # Python keeps modules by name


@pytest.fixture
def write_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Write a module, given the beginning of its name and its code, into the working directory; return its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(about: str, code: str) -> str:
        name = f"{about}_{next(NUMBER)}"
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return write


CAT_OR_DOG = Control("kind", "choices", "image", "image", "image", ("cat", "dog", "emu"))


@pytest.fixture
def make_board() -> Callable[..., BoardTable]:
    """Return what makes the pages' table of labels, (given, predicted, disagreement) each, of one control."""

    def make(rows: list[tuple[str | None, str | None, float]], **columns: Any) -> BoardTable:
        n = len(rows)
        labels = columns.get("labels", CAT_OR_DOG.labels)
        code = {label: number for number, label in enumerate(labels)} | {None: NONE}
        given, predicted = (np.array([code[row[end]] for row in rows], np.int32).reshape(n) for end in (0, 1))
        disagreement = np.array([row[2] for row in rows], np.float32).reshape(n)
        suspects = [row for row in np.argsort(-disagreement, kind="stable").tolist() if given[row] != predicted[row]]
        queue = np.full(n, NONE, np.int32)
        queue[suspects] = np.arange(len(suspects))
        everything: dict[str, Any] = {
            "version": "v1",
            "model_version": "m1",
            "project_id": 7,
            "title": "Animals",
            "url": "http://ls/",
            "controls": (CAT_OR_DOG,),
            "labels": labels,
            "annotators": ("ann", "bob"),
            "detectors": ("low_self_confidence", "random"),
            "keys": np.array([f"{row:020x}" for row in range(n)], "S20").reshape(n),
            "tasks": np.arange(n, dtype=np.int64) + 100,
            "annotations": np.arange(n, dtype=np.int64) + 1000,
            "control": np.zeros(n, np.int16),
            "given": given,
            "predicted": predicted,
            "disagreement": disagreement,
            "queue": queue,
            "fired": np.where(queue == NONE, 0, 1).astype(np.uint64),
            "annotator": (np.arange(n) % 2).astype(np.int32),
            "place": np.full((n, 4), np.nan, np.float32),
            "leaf": np.arange(n, dtype=np.int32)[::-1].copy(),
            "xy": np.column_stack((np.linspace(0, 1, n), np.linspace(0, 1, n))).astype(np.float32),
            "apart": np.zeros(n, np.bool_),
            "vectors": np.zeros((n, 2), np.float16),
            "fields": (Field("city", ("Ulm", "Bonn"), (np.arange(n) % 3 - 1).astype(np.int32)),),
            "trustworthiness": {"kind": 0.9},
        }
        return BoardTable(**{**everything, **columns})

    return make


@pytest.fixture
def board_details() -> Callable[..., list[RowDetail]]:
    """Return what makes the details of a table's rows, `more` by row."""

    def make(table: BoardTable, more: dict[int, dict[str, Any]] | None = None) -> list[RowDetail]:
        details = []
        for row in range(len(table)):
            label, best = (
                None if code == NONE else table.labels[code] for code in (table.given[row], table.predicted[row])
            )
            ids = int(table.tasks[row]), int(table.annotations[row])
            control = table.controls[table.control[row]]
            given = GivenLabel(
                *ids, table.annotators[table.annotator[row]], control.name, None, control.kind, label, "h"
            )
            proposal = None if best is None else Proposal("replace", {}, ((best, 0.9), ("emu", 0.1)))
            said = Finding(
                table.keys[row].decode(), given, {"low_self_confidence": 0.5}, float(table.disagreement[row]), None,
                "why", proposal, "suspect", "m1",
            )  # fmt: skip
            shown = {"finding": said, "shown": f"/data/{row}.jpg", "starts_at": 0, "data": {"city": "Ulm"}}
            details.append(RowDetail(**{**shown, **(more or {}).get(row, {})}))
        return details

    return make
