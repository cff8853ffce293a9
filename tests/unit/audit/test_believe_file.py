"""Beliefs from files of probabilities, and the other numbers there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from errata.audit.believe import Belief
from errata.audit.believe_file import FileBeliever
from errata.audit.suspect import find_suspects
from errata.errors import NothingToLearn, UsageError
from errata.labelstudio.codecs import Codecs
from errata_model.records import Control, Finding


def said(belief: Belief) -> dict[int, list[float]]:
    (about,) = belief.artefact.beliefs
    return {
        int(t): [round(float(p), 4) for p in row] for t, row in zip(about.task_ids, about.probabilities, strict=True)
    }


@pytest.fixture
def believe_file(tmp_path: Path, project: Any, told: Any) -> Callable[..., Belief]:
    def form(text: str | bytes, **about: Any) -> Belief:
        path = tmp_path / "model.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return FileBeliever(path).believe(project("cat", "dog", **about), told)

    return form


def test_file_of_probabilities(believe_file: Any) -> None:
    """A row a task, a column a label, in any order and beside other columns; tasks elsewhere are passed over."""
    belief = believe_file("dog,task,cat,comment\n0.25,1,0.75,sure\n1,2,,\n1,99,0,\n")
    assert said(belief) == {1: [0.75, 0.25, 0], 2: [0, 1, 0]}
    assert belief.source == 'It is what the predictions "model.csv" say.'


def test_file_as_spreadsheets_write_it(believe_file: Any) -> None:
    """A byte order mark and other line ends do not matter."""
    text = "task,cat,dog\r\n1,0.5,0.5\r\n"
    assert said(believe_file(b"\xef\xbb\xbf" + text.encode())) == {1: [0.5, 0.5, 0]}


def test_file_about_two_controls(believe_file: Any, control: Control) -> None:
    """The column `control` says which control a row is about; with two controls it is needed."""
    mood = replace(control, name="mood", labels=("happy", "sad"))
    belief = believe_file("control,task,cat,dog,happy\nanimal,1,1,0,\nmood,1,,,1\n", controls=(control, mood))
    assert [(b.control.name, b.probabilities.tolist()) for b in belief.artefact.beliefs] == [
        ("animal", [[1, 0, 0]]),
        ("mood", [[1, 0]]),
    ]
    with pytest.raises(UsageError, match="line 2: the column `control` must name one of: animal, mood"):
        believe_file("task,cat,dog\n1,1,0\n", controls=(control, mood))


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("task,cat,dog\n1,often,0.5\n", 2, "numbers in the labels' columns"),
        ("task,cat,dog\none,1,0\n", 2, "a whole number in `task`"),
        ("id,cat,dog\n1,1,0\n", 2, "there is no column `task`"),
        ("cat,dog,task\n1,0,1\n1,0\n", 3, "a whole number in `task`"),
        ("task,Cat,Dog\n1,1,0\n", 2, r"no column is called after a label of the config \(cat, dog, cow\)"),
        ("task,control,cat\n1,colour,1\n", 2, "the column `control` must name one of: animal"),
    ],
)
def test_wrong_line_is_named(believe_file: Any, text: str, line: int, why: str) -> None:
    """An error says which file and line it is about, and what should stand there."""
    with pytest.raises(UsageError, match=rf"model\.csv, line {line}: .*{why}"):
        believe_file(text)


def test_file_that_is_no_csv(believe_file: Any, tmp_path: Path, project: Any, told: Any) -> None:
    """Bytes that are no text, and a file that is not there, are named with the remedy."""
    with pytest.raises(UsageError, match=r"model\.csv cannot be read as CSV.*column `task`"):
        believe_file(b"\xff\xfe\x00\x01")
    with pytest.raises(UsageError, match=r"no file .*nowhere\.csv\. --belief takes own, stored,"):
        FileBeliever(tmp_path / "nowhere.csv").believe(project("cat", "dog"), told)


@pytest.mark.parametrize("text", ["", "task,cat,dog\n", "task,cat,dog\n98,1,0\n99,0,1\n"])
def test_file_about_none_of_the_tasks(believe_file: Any, text: str) -> None:
    """A file that says nothing about the project is an error, not an empty queue; the text names the file."""
    with pytest.raises(NothingToLearn, match=r"model\.csv"):
        believe_file(text)


def test_rows_that_are_no_probabilities_are_said_with_their_lines(believe_file: Any) -> None:
    """NaN and what is outside [0, 1] is not believed, the other rows are; a sum that is not 1 is divided by."""
    belief = believe_file("task,cat,dog\n1,nan,0.5\n1,-0.1,0.5\n2,0.6,0.6\n")
    assert said(belief) == {2: [0.5, 0.5, 0]}
    assert belief.remarks == (
        'Held against what "model.csv" predicts for 1 task.',
        "model.csv: 2 rows left out that hold no numbers in [0, 1] (lines 2, 3).",
        'model.csv has no column for "cow", and so believes that it is never right.',
        "model.csv: 1 rows divided by their sum, which is not 1 (line 4).",
    )
    with pytest.raises(NothingToLearn, match=r"no numbers in \[0, 1\] \(lines 2, 3\)"):
        believe_file("task,cat,dog\n1,97,3\n2,10,90\n")


def test_rows_without_a_number_are_left_out(believe_file: Any, control: Control) -> None:
    """They end nothing; of tags, each of which stands alone, an empty cell is no 0 either."""
    belief = believe_file("task,cat,dog,cow\n1,,,\n2,0.5,0.5,\n")
    assert said(belief) == {2: [0.5, 0.5, 0]}
    assert "model.csv: 1 rows left out that hold no numbers in [0, 1] (line 2)." in belief.remarks
    belief = believe_file("task,cat,dog,cow\n1,1,0,0\n2,1,1,\n", controls=(replace(control, kind="tags"),))
    assert said(belief) == {1: [1, 0, 0]}
    assert "model.csv: 1 rows left out that hold no numbers in [0, 1] (line 3)." in belief.remarks


def test_rows_that_repeat_a_task_are_said(believe_file: Any, control: Control) -> None:
    """The last one counts; rows about another control repeat nothing."""
    belief = believe_file("task,cat,dog\n1,0.9,0.1\n2,0,1\n1,0.2,0.8\n1,0.3,0.7\n")
    assert said(belief) == {1: [0.3, 0.7, 0], 2: [0, 1, 0]}
    assert any(
        "2 rows are about a task that an earlier row is about, and count (lines 4, 5)" in r for r in belief.remarks
    )
    mood = replace(control, name="mood", labels=("happy", "sad"))
    belief = believe_file("control,task,cat,happy\nanimal,1,1,\nmood,1,,1\n", controls=(control, mood))
    assert not any("an earlier row" in remark for remark in belief.remarks)


def test_parquet_says_the_same(tmp_path: Path, project: Any, told: Any, believe_file: Any) -> None:
    """A parquet file of the same rows gives the same belief; a wrong cell is named by its row."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table  # noqa: PLC0415

    path = tmp_path / "model.parquet"
    write_table(pyarrow.table({"task": [1, 2], "cat": [0.75, 0.0], "dog": [0.25, 1.0], "loss": [0.5, None]}), path)
    belief = FileBeliever(path).believe(project("cat", "dog"), told)
    assert said(belief) == said(believe_file("task,cat,dog\n1,0.75,0.25\n2,0,1\n"))
    assert [each.name for each in belief.detectors] == ["metric:loss"]
    write_table(pyarrow.table({"task": [1, None], "cat": [0.75, 0.0], "dog": [0.25, 1.0]}), path)
    with pytest.raises(UsageError, match=r"model\.parquet, row 2: needs a whole number in `task`"):
        FileBeliever(path).believe(project("cat", "dog"), told)
    for wrong in (1.5, float("inf")):
        write_table(pyarrow.table({"task": [wrong], "cat": [0.75], "dog": [0.25]}), path)
        with pytest.raises(UsageError, match=r"model\.parquet, row 1: needs a whole number in `task`"):
            FileBeliever(path).believe(project("cat", "dog"), told)
    path.write_text("task,cat\n")
    with pytest.raises(UsageError, match=r"model\.parquet cannot be read as parquet"):
        FileBeliever(path).believe(project("cat", "dog"), told)


def test_p_wrong_is_taken_as_it_is(believe_file: Any, project: Any) -> None:
    """A column of that name makes suspects from a half on, in its own words; what is no number is nothing."""
    belief = believe_file("task,cat,dog,p_wrong,file\n1,0.9,0.1,0.8,a.png\n2,0.1,0.9,,b.png\n")
    found = find_suspects(project("cat", "dog"), belief, Codecs())
    (finding,) = found.suspects
    assert finding.given.task_id == 1
    assert "model.csv: columns without a label's name speak against a task's labels: p_wrong." in belief.remarks
    assert finding.detectors == {"metric:p_wrong": 0.8}
    assert finding.disagreement > 0.8
    assert finding.reason.startswith("p_wrong is 0.8.")


@pytest.mark.parametrize("column", ["blur", "p_wrong"])
def test_numbers_that_lie_evenly_name_nobody(tmp_path: Path, column: str) -> None:
    """Of a column all over [0, 1] none stands out, unless it is called the probability of being wrong."""
    values = [n / 200 for n in range(200)]
    assert len(_suspects(tmp_path / "model.csv", column, values)) == (100 if column == "p_wrong" else 0)


@pytest.mark.parametrize(
    ("values", "n_suspects"),
    [
        ([0.001] * 99 + [0.002] * 94 + [0.01] * 4 + [0.6, 0.7, 0.8], 3),  # shares near 0 are not told, however rare
        ([0] * 192 + [1] * 8, 8),  # flags
        ([0] * 150 + [1] * 50, 0),  # and what is no exception
        ([0] * 192 + [100] * 8, 8),
        ([float(2 ** (n / 5)) for n in range(200)], 10),  # a long tail: the highest 5 %
        ([1.0] * 200, 0),
        ([0.5] * 15 + [1.0], 0),  # too few to say what is usual
        ([-1e308, 0.0, 1.0] * 66 + [1.0, 1e308], 1),
    ],
)
def test_what_stands_out_of_a_column_is_told(tmp_path: Path, values: list[float], n_suspects: int) -> None:
    """The highest few per cent alone, far above the rest."""
    found = _suspects(tmp_path / "model.csv", "blur", values)
    assert len(found) == n_suspects
    assert all(0.5 <= finding.detectors["metric:blur"] <= 1 for finding in found)
    assert {f.given.task_id for f in found} == set(range(len(values) - n_suspects + 1, len(values) + 1))


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 0.0), (1000.0, -5.0), (1e-3, 7.0)])
def test_numbers_of_any_range_are_held_against_what_is_usual(tmp_path: Path, factor: float, offset: float) -> None:
    """What stands out far above the median speaks, in whatever unit, and what is far below does not; NaN is nothing."""
    seed = random.randrange(2**32)
    print("seed", seed)
    values = np.random.default_rng(seed).uniform(-2, 2, size=200).tolist()
    values[3], values[4], values[5] = 30.0, -30.0, float("nan")
    (finding,) = _suspects(tmp_path / "model.csv", "loss", [value * factor + offset for value in values])
    assert finding.given.task_id == 4
    assert 0.5 <= finding.detectors["metric:loss"] < 1
    assert "is usual" in finding.reason


def _suspects(path: Path, column: str, values: Sequence[float]) -> Sequence[Finding]:
    """Return what is found among cats that are believed to be cats, with a number each."""
    rows = [f"{n},0.9,0.1,{value}" for n, value in enumerate(values, start=1)]
    path.write_text("\n".join([f"task,cat,dog,{column}", *rows]))
    belief, snapshot = _belief_of(path, ["cat"] * len(values))
    return find_suspects(snapshot, belief, Codecs(), limit=1000).suspects


def _belief_of(path: Path, labels: list[str]) -> tuple[Belief, Any]:
    from errata.labelstudio.export_file import ExportSource  # noqa: PLC0415

    config, export = path.with_suffix(".xml"), path.with_suffix(".json")
    config.write_text(
        '<View><Image name="image" value="$image"/><Choices name="animal" toName="image">'
        '<Choice value="cat"/><Choice value="dog"/></Choices></View>'
    )
    result = {"from_name": "animal", "to_name": "image", "type": "choices"}
    tasks = [
        {
            "id": n,
            "data": {"image": f"{n}.png"},
            "annotations": [{"id": n, "completed_by": 1, "result": [{**result, "value": {"choices": [label]}}]}],
        }
        for n, label in enumerate(labels, start=1)
    ]
    export.write_text(json.dumps(tasks))
    told = _Silent()
    snapshot = ExportSource(export, config).read(told)
    return FileBeliever(path).believe(snapshot, told), snapshot


class _Silent:
    def stage(self, name: str, total: int | None = None) -> None: ...

    def advance(self, n: int = 1) -> None: ...

    def say(self, text: str) -> None: ...
