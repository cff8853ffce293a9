"""Predictions into a sink that is a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from errata.audit.ports import Prediction
from errata.audit.push import CHUNK, prediction, push_predictions
from errata.audit.snapshot import Snapshot, Task
from errata.labelstudio.codecs import Codecs
from errata_model.kinds.values.records import Opinion, ValueBelief
from errata_model.records import Control

TASK = Task(1, {}, (), is_labeled=True)

VERSION = "errata-1"
NAMED = {"stars": "rating", "note": "textarea"}


@dataclass
class ListSink:
    stored: list[tuple[str, Prediction]] = field(default_factory=list)
    chunks: list[int] = field(default_factory=list)
    kept: list[list[str]] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    withdrew: list[list[int]] = field(default_factory=list)

    def push(self, version: str, predictions: Sequence[Prediction]) -> int:
        self.chunks.append(len(predictions))
        self.stored += [(version, each) for each in predictions]
        return len(predictions)

    def retire(self, keep: Sequence[str]) -> int:
        self.kept.append(list(keep))
        return 0

    def withdraw(self, task_ids: Sequence[int]) -> int:
        self.withdrew.append(list(task_ids))
        return len(task_ids)

    def announce(self, version: str) -> None:
        self.announced.append(version)


def having(snapshot: Snapshot, **versions: Sequence[str]) -> Snapshot:
    """Let the task `t<id>` hold predictions of these versions."""
    tasks = (replace(t, prediction_versions=tuple(versions.get(f"t{t.id}", ()))) for t in snapshot.tasks)
    return replace(snapshot, tasks=tuple(tasks))


def push(snapshot: Snapshot, belief: Any, told: Any, mode: Any = "all", earlier: Sequence[str] = ()) -> ListSink:
    sink = ListSink()
    n = push_predictions(snapshot, belief.artefact, mode, sink, Codecs(), earlier, told)
    assert n == len(sink.stored)
    return sink


def test_every_task_gets_its_likeliest_label(project: Any, believed: Any, told: Any) -> None:
    """Score and region say the probability of the top label, labelled task or not."""
    sink = push(project("cat", None), believed([(0.7, 0.2, 0.1), (0, 0.123456, 0.876544)]), told)
    first, second = [each for _, each in sink.stored]
    assert (first.task_id, first.score, first.result[0]["value"]) == (1, 0.7, {"choices": ["cat"]})
    assert (second.task_id, second.score, second.result[0]["score"]) == (2, 0.8765, 0.8765)
    assert {version for version, _ in sink.stored} == {VERSION}
    assert sink.announced == [VERSION]
    assert told.stages == [("Pushing predictions", 2)]


def test_score_is_that_of_the_least_sure_control(believed: Any, control: Control) -> None:
    """Two controls make two regions and one score; a task that nothing is said about scores 0."""
    mood = replace(control, name="mood", labels=("happy", "sad", "neither"))
    both = [believed([row], of=of).artefact.beliefs[0] for of, row in ((control, (0.9, 0.1, 0)), (mood, (0, 0.6, 0.4)))]
    made = prediction(TASK, [(about, about.probabilities[0]) for about in both], (), Codecs())
    assert [(r["from_name"], r["score"]) for r in made.result] == [("animal", 0.9), ("mood", 0.6)]
    assert made.score == 0.6
    assert prediction(TASK, [], (), Codecs()) == Prediction(1, (), 0.0)


def test_a_models_answers_are_pushed_and_peoples_are_not(
    project: Any, believed: Any, control: Control, told: Any
) -> None:
    """A rating stands beside the label, with its score; what other annotators answered is nobody's prediction."""
    stars, note = (replace(control, name=name, kind="values", type=type_, labels=()) for name, type_ in NAMED.items())
    answered = (
        ValueBelief(stars, {1: [Opinion(4, 0.4)], 2: [Opinion(1, 0.9)]}, None, "theirs"),
        ValueBelief(note, {1: [Opinion(["a"], 1.0, "7")], 3: [Opinion(["a"], 1.0, "7")]}),
    )
    belief = believed([(0.7, 0.2, 0.1)])
    belief = replace(belief, artefact=replace(belief.artefact, value_beliefs=answered))
    sink = push(project("cat", None, None), belief, told)
    first, second = [each for _, each in sink.stored]
    assert [(r["from_name"], r["score"]) for r in first.result] == [("animal", 0.7), ("stars", 0.4)]
    assert (first.score, second.task_id, second.result[0]["value"], second.score) == (0.4, 2, {"rating": 1}, 0.9)


def test_only_tasks_that_lack_the_version_are_pushed(project: Any, believed: Any, told: Any) -> None:
    """A second push of the same version sends nothing; a task that came later is sent alone."""
    snapshot = having(project("cat", "dog", "cow"), t1=[VERSION], t2=["theirs", "errata-0"])
    sink = push(snapshot, believed([(1, 0, 0)] * 3), told)
    assert [each.task_id for _, each in sink.stored] == [2, 3]
    everywhere = having(project("cat", "dog"), t1=[VERSION], t2=[VERSION])
    assert push(everywhere, believed([(1, 0, 0)] * 2), told).chunks == []


def test_labelled_mode_spares_tasks_that_await_annotators(project: Any, believed: Any, told: Any) -> None:
    """Nobody is shown an opinion before giving their own."""
    sink = push(project("cat", None, "dog"), believed([(1, 0, 0)] * 3), told, "labelled")
    assert [each.task_id for _, each in sink.stored] == [1, 3]
    assert sink.withdrew == []


def test_labelled_mode_takes_back_what_annotators_would_see(project: Any, believed: Any, told: Any) -> None:
    """A task whose label was deleted since, or that was predicted for everybody once; other people's versions stay."""
    snapshot = having(project("cat", None, None, None), t1=["errata-0"], t2=["errata-0", "theirs"], t3=["theirs"])
    beliefs = believed([(1, 0, 0)] * 4)
    assert push(snapshot, beliefs, told, "labelled").withdrew == [[2]]
    assert push(snapshot, beliefs, told, "all").withdrew == []


def test_a_version_that_has_no_prediction_is_not_announced(project: Any, believed: Any, told: Any) -> None:
    """Label Studio refuses a model version that it does not know."""
    assert push(project(None), believed([(1, 0, 0)]), told, "labelled").announced == []
    assert push(having(project("cat"), t1=[VERSION]), believed([(1, 0, 0)]), told, "labelled").announced == [VERSION]


def test_none_mode_touches_nothing(project: Any, believed: Any, told: Any) -> None:
    """Nothing is pushed, retired or announced."""
    snapshot = having(project("cat"), t1=["errata-0"])
    sink = push(snapshot, believed([(1, 0, 0)]), told, "none")
    assert (sink.stored, sink.kept, sink.announced) == ([], [], [])


def test_tasks_that_nothing_is_believed_about_get_nothing(project: Any, believed: Any, told: Any) -> None:
    """A task whose image is broken is left to the ML backend's answer."""
    assert [each.task_id for _, each in push(project("cat", "cat"), believed([(1, 0, 0)]), told).stored] == [1]


def test_predictions_go_in_chunks(project: Any, believed: Any, told: Any) -> None:
    """No request is larger than a chunk, and progress follows."""
    n = 2 * CHUNK + 1
    assert push(project(*["cat"] * n), believed([(1, 0, 0)] * n), told).chunks == [CHUNK, CHUNK, 1]
    assert told.n_done == n


@pytest.mark.parametrize(
    ("stored", "earlier", "kept"),
    [
        (["errata-0"], ["errata-0"], None),
        (["errata-00", "errata-0"], ["errata-0", "errata-00"], [VERSION, "errata-0"]),
        (["errata-00", VERSION], [VERSION, "errata-0", "errata-00"], [VERSION, "errata-0"]),
        (["errata-lost"], [], [VERSION]),
        (["theirs"], [], None),
    ],
)
def test_the_last_two_versions_stay(
    project: Any, believed: Any, told: Any, stored: list[str], earlier: list[str], kept: list[str] | None
) -> None:
    """Older versions of errata's own are retired, where there are any; those of others never."""
    sink = push(having(project("cat"), t1=stored), believed([(1, 0, 0)]), told, earlier=earlier)
    assert sink.kept == ([] if kept is None else [kept])
