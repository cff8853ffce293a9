"""Beliefs from stored predictions and from files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from errata.audit.believe import Belief
from errata.audit.believe_elsewhere import FileBeliever, StoredBeliever
from errata.audit.ports import Snapshot, StoredPrediction
from errata.errors import NothingToLearn, UsageError
from errata_model.records import Control

NAN = float("nan")


def with_predictions(snapshot: Snapshot, *predictions: tuple[StoredPrediction, ...]) -> Snapshot:
    tasks = (replace(task, predictions=said) for task, said in zip(snapshot.tasks, predictions, strict=True))
    return replace(snapshot, tasks=tuple(tasks))


def said(belief: Belief) -> dict[int, list[float]]:
    (about,) = belief.artefact.beliefs
    return {
        int(t): [round(float(p), 4) for p in row] for t, row in zip(about.task_ids, about.probabilities, strict=True)
    }


def test_most_frequent_version_is_believed(project: Any, stored: Any, told: Any) -> None:
    """Of several models the one that says most; every task's row is made to sum to 1."""
    old, new = stored("old", cat=0.9, dog=0.1), stored("new", cat=0.2, dog=0.2)
    snapshot = with_predictions(project("cat", "dog", "dog"), (old, new), (old, new), (new,))
    belief = StoredBeliever().believe(snapshot, told)
    assert said(belief) == {1: [0.5, 0.5, 0], 2: [0.5, 0.5, 0], 3: [0.5, 0.5, 0]}
    assert belief.source == 'It is what the predictions "new" say.'
    assert belief.embedded == {}
    assert belief.artefact.beliefs[0].model is None


def test_a_task_is_counted_once_a_version(project: Any, stored: Any, told: Any) -> None:
    """Many predictions on one task do not outvote one on each of two; the last of a task's is believed."""
    many, few = [stored("many", cat=1.0)] * 5, stored("few", dog=1.0)
    snapshot = with_predictions(project("cat", "dog"), (*many, few), (stored("few", cat=1.0), few))
    assert said(StoredBeliever().believe(snapshot, told)) == {1: [0, 1, 0], 2: [0, 1, 0]}


def test_own_versions_are_never_believed(project: Any, stored: Any, told: Any) -> None:
    """What errata pushed itself is no second opinion, however often it is there."""
    own, theirs = stored("errata-1234", cat=1.0), stored("theirs", dog=1.0)
    snapshot = with_predictions(project("cat", "dog", "dog"), (own,), (own, theirs), (own,))
    assert said(StoredBeliever().believe(snapshot, told)) == {2: [0, 1, 0]}
    with pytest.raises(NothingToLearn, match="holds no predictions that say anything"):
        StoredBeliever().believe(with_predictions(project("cat"), (own,)), told)


def test_a_version_can_be_named(project: Any, stored: Any, told: Any) -> None:
    """The version asked for is believed, also where another one is more frequent."""
    a, b = stored("a", cat=1.0), stored("b", dog=1.0)
    snapshot = with_predictions(project("cat", "dog"), (a, b), (a,))
    assert said(StoredBeliever("b").believe(snapshot, told)) == {1: [0, 1, 0]}


def test_predictions_that_say_nothing_are_left_out(project: Any, stored: Any, told: Any) -> None:
    """Zeros, NaN and infinities are no belief; their tasks are counted, and the others are scored."""
    wrong = [stored(cat=0.0), stored(cat=NAN, dog=0.5), stored(cat=float("inf"))]
    snapshot = with_predictions(project("cat", "cat", "cat", "cat"), *[(each,) for each in wrong], (stored(cat=1.0),))
    belief = StoredBeliever().believe(snapshot, told)
    assert said(belief) == {4: [1, 0, 0]}
    assert belief.skipped == {'labelled tasks without a usable prediction of "theirs" for "animal"': 3}


def test_control_without_predictions_is_counted(project: Any, stored: Any, told: Any, control: Control) -> None:
    """Of two controls the one that nothing was predicted for is not scored, and the summary says so."""
    mood = replace(control, name="mood")
    snapshot = with_predictions(project("cat", "dog", controls=(control, mood)), (stored(cat=1.0),), (stored(dog=1.0),))
    belief = StoredBeliever().believe(snapshot, told)
    assert [about.control.name for about in belief.artefact.beliefs] == ["animal"]
    assert belief.skipped == {'labelled tasks without a usable prediction of "theirs" for "mood"': 2}


def test_version_is_a_hash_of_what_is_said(project: Any, stored: Any, told: Any) -> None:
    """The same predictions make the same version; another probability or version another one."""

    def version(*predictions: StoredPrediction) -> str:
        snapshot = with_predictions(project("cat", "dog"), *[(each,) for each in predictions])
        return StoredBeliever().believe(snapshot, told).artefact.version

    first = version(stored(cat=0.9, dog=0.1), stored(dog=1.0))
    assert first == version(stored(cat=0.9, dog=0.1), stored(dog=1.0))
    others = {
        version(stored(cat=0.8, dog=0.2), stored(dog=1.0)),
        version(stored("new", cat=0.9, dog=0.1), stored("new", dog=1.0)),
    }
    assert len({first, *others}) == 3


def test_no_predictions_names_the_remedy(project: Any, told: Any) -> None:
    """The text says what to do instead."""
    with pytest.raises(NothingToLearn, match=r'"Animals" holds no predictions.*--belief own'):
        StoredBeliever().believe(project("cat", "dog"), told)


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
        ("task,cat,dog\n1,0.5,0.5\n2,nan,0.5\n", 3, r"not a number in \[0, 1\]"),
        ("task,cat,dog\n1,-0.1,0.5\n", 2, r"not a number in \[0, 1\]"),
        ("task,cat,dog\n1,97,3\n", 2, r"not a number in \[0, 1\]"),
        ("task,cat,dog\n1,often,0.5\n", 2, "numbers in the labels' columns"),
        ("task,cat,dog\none,1,0\n", 2, "a whole number in `task`"),
        ("id,cat,dog\n1,1,0\n", 2, "a whole number in `task`"),
        ("cat,dog,task\n1,0,1\n1,0\n", 3, "a whole number in `task`"),
        ("task,Cat,Dog\n1,1,0\n", 2, r"no column is called after a label of the config \(cat, dog, cow\)"),
        ("task,cat,dog\n1,,\n", 2, "no column is called after a label"),
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
    with pytest.raises(UsageError, match=r"nowhere\.csv cannot be read"):
        FileBeliever(tmp_path / "nowhere.csv").believe(project("cat", "dog"), told)


@pytest.mark.parametrize("text", ["", "task,cat,dog\n", "task,cat,dog\n98,1,0\n99,0,1\n"])
def test_file_about_none_of_the_tasks(believe_file: Any, text: str) -> None:
    """A file that says nothing about the project is an error, not an empty queue; the text names the file."""
    with pytest.raises(NothingToLearn, match=r"model\.csv"):
        believe_file(text)
