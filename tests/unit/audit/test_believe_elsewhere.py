"""Beliefs from stored predictions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from errata.audit.believe import Belief
from errata.audit.believe_elsewhere import StoredBeliever
from errata.audit.snapshot import Snapshot, StoredPrediction
from errata.errors import NothingToLearn
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


def test_whose_predictions_are_believed_is_said(project: Any, stored: Any, told: Any) -> None:
    """And whose are there too, errata's own apart: where nobody was named, that may surprise."""
    a, b, own = stored("a", cat=1.0), stored("b", dog=1.0), stored("errata-1234", cat=1.0)
    snapshot = with_predictions(project("cat", "dog"), (a, b, own), (a,))
    others = 'not against those of "b", which are there too'
    assert StoredBeliever().believe(snapshot, told).remarks == (
        f'Held against what "a" predicts for 2 tasks; {others}.',
    )


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


def test_version_is_a_hash_of_what_is_said(project: Any, stored: Any, told: Any, control: Control) -> None:
    """The same predictions make the same version; another probability, version or control another one."""

    def version(*predictions: StoredPrediction, to_name: str = "image") -> str:
        controls = (replace(control, to_name=to_name),)
        snapshot = with_predictions(project("cat", "dog", controls=controls), *[(each,) for each in predictions])
        return StoredBeliever().believe(snapshot, told).artefact.version

    first = version(stored(cat=0.9, dog=0.1), stored(dog=1.0))
    assert first == version(stored(cat=0.9, dog=0.1), stored(dog=1.0))
    others = {
        version(stored(cat=0.8, dog=0.2), stored(dog=1.0)),
        version(stored("new", cat=0.9, dog=0.1), stored("new", dog=1.0)),
        version(stored(cat=0.9, dog=0.1), stored(dog=1.0), to_name="renamed"),  # regions name it
    }
    assert len({first, *others}) == 4


def test_no_predictions_names_the_remedy(project: Any, told: Any) -> None:
    """The text says what to do instead."""
    with pytest.raises(NothingToLearn, match=r'"Animals" holds no predictions.*--belief own'):
        StoredBeliever().believe(project("cat", "dog"), told)


def test_a_version_that_is_not_there(project: Any, stored: Any, told: Any) -> None:
    """The versions that are there are named with how many tasks each is about."""
    a, b = stored("a", cat=1.0), stored("b", dog=1.0)
    snapshot = with_predictions(project("cat", "dog"), (a, b), (a,))
    with pytest.raises(NothingToLearn, match=r'no predictions of "c" .* those of "a" \(2 tasks\), "b" \(1 tasks\)'):
        StoredBeliever("c").believe(snapshot, told)
