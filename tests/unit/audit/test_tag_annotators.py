"""Several people who tag the same tasks: what they say together, who contradicts it, and what is told of them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.beliefs import Artefact, ControlBelief
from errata.audit.believe import Belief
from errata.audit.scored import score
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import find_suspects
from errata.audit.tag_annotators import put_tags_beside
from errata.labelstudio.codecs import Codecs
from errata.labelstudio.tasks import TaskReader
from errata_model.records import Control

CODECS = Codecs()
TAGS = ("cat", "dog", "cow", "hen")
CONTROL = Control("seen", "tags", "image", "image", "image", TAGS, takes_none=True)


def asked(answers: Any) -> Snapshot:
    """Describe a project whose task n, from 1, was answered so by annotators 0, 1, ...: the tags of each."""
    reader = TaskReader([CONTROL])
    tasks = []
    for n, by_annotator in enumerate(answers, start=1):
        annotations = [
            {"id": 100 * n + who, "completed_by": who, "result": _result(sorted(tags))}
            for who, tags in enumerate(by_annotator)
        ]
        tasks.append(reader.read({"id": n, "data": {"image": f"{n}.png"}, "annotations": annotations}))
    return Snapshot("http://label-studio/", 1, "Animals", "<View/>", (CONTROL,), (), tuple(tasks))


def _result(tags: list[str]) -> list[dict[str, Any]]:
    said = {"from_name": "seen", "to_name": "image", "type": "choices", "value": {"choices": tags}}
    return [said] if tags else []


def believing(rows: Any) -> Belief:
    probabilities = np.array(rows, np.float32)
    task_ids = np.arange(1, len(probabilities) + 1)
    about = ControlBelief(CONTROL, task_ids, ("",) * len(task_ids), probabilities, None)
    return Belief(Artefact("errata-1", (about,)), {}, "The model never saw this label.")


def crowd(n: int, hits: tuple[float, ...], slips: tuple[float, ...]) -> tuple[Snapshot, Any, Any]:
    """Let people tag n tasks who give so many of the right tags, and so many of the wrong ones; and the truth."""
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = np.random.default_rng(seed)
    truth = rng.random((n, len(TAGS))) < 0.3
    rates = np.where(truth[:, None], np.array(hits)[:, None], np.array(slips)[:, None])
    said = rng.random(rates.shape) < rates
    return asked([[{TAGS[k] for k in np.flatnonzero(one)} for one in of_task] for of_task in said]), truth, said


UNSURE = (0.3, 0.3, 0.3, 0.3)


def test_the_odd_one_out_is_suspected_and_told_why() -> None:
    """Two of three left out what the third gave, and gave what it left out: one finding each, and two proposals."""
    same: list[Any] = [[("cat",)] * 3, [("dog", "cow")] * 3, [()] * 3, [("hen",)] * 3] * 8
    snapshot = asked([*same, [("cat",), ("cat",), ("dog",)]])
    found = find_suspects(snapshot, believing([UNSURE] * 33), CODECS)
    said = {(f.given.task_id, f.given.annotator, f.tag, f.given.label) for f in found.suspects}
    assert said == {(33, "2", "dog", "dog"), (33, "2", "cat", None)}
    removed, added = sorted(found.suspects, key=lambda f: f.given.label is None)
    assert removed.reason.startswith("2 of 3 annotators did not give the tag dog; this one did.")
    assert added.reason.startswith("2 of 3 annotators gave the tag cat; this one did not.")
    for finding, action in ((removed, "remove"), (added, "add")):
        assert "annotator_conflict" in finding.detectors
        assert finding.proposal is not None
        assert finding.proposal.action == action
        assert finding.disagreement > 0.9


def test_what_another_annotator_gave_is_missed_though_the_belief_rules_it_out() -> None:
    """It is listed, and scored by both."""
    snapshot = asked([[("cat",), ()], [("cat",), ("cat",)]])
    found = find_suspects(snapshot, believing([(0.02, 0, 0, 0), (0.9, 0, 0, 0)]), CODECS)
    listed = {(f.given.annotation_id, f.tag, f.given.label) for f in found.all}
    assert (101, "cat", None) in listed
    assert (100, "cat", "cat") in listed


def test_consensus_ranks_wrong_tags_better_than_the_belief_alone() -> None:
    """Of three people, one of whom is careless, with a belief that knows something."""
    snapshot, truth, said = crowd(300, (0.95, 0.9, 0.6), (0.02, 0.02, 0.15))
    noise = np.random.default_rng(0).random(truth.shape)
    belief = believing(0.35 + 0.3 * truth + 0.3 * (noise - 0.5))
    found = find_suspects(snapshot, belief, CODECS)
    wrong = {(f.given.annotation_id, f.tag): f.disagreement for f in found.suspects}
    right = sum(
        bool(said[a // 100 - 1, a % 100, TAGS.index(str(tag))] != truth[a // 100 - 1, TAGS.index(str(tag))])
        for a, tag in wrong
    )
    assert len(wrong) > 50
    assert right / len(wrong) > 0.85


def test_disagreement_is_the_consensus_s() -> None:
    """What the detector adds to the belief's doubt makes, by noisy-or, how likely the tag is wrong by all."""
    snapshot, truth, _ = crowd(80, (0.9, 0.9, 0.7), (0.05, 0.05, 0.1))
    belief = believing(0.3 + 0.4 * truth)
    (about,) = belief.artefact.beliefs
    alone = score(snapshot, about, CODECS)
    beside = put_tags_beside(alone, snapshot.tasks, snapshot.tasks)
    assert beside is not None
    assert beside.is_contested.any()
    merged = np.where(beside.is_contested, 1 - (1 - beside.apart) * (1 - beside.conflict), beside.disagreement)
    np.testing.assert_allclose(merged, beside.disagreement, atol=1e-9)
    expected = {
        (label.annotation_id, CONTROL.labels[k]): d
        for label, k, d in zip(alone.labels, np.asarray(alone.tags), beside.disagreement, strict=True)
    }
    for finding in find_suspects(snapshot, belief, CODECS).all:
        assert finding.disagreement == pytest.approx(expected[finding.given.annotation_id, finding.tag], abs=2e-6)


def test_figures_count_the_tags_that_were_given() -> None:
    """How many of each annotator's, beside others', and about how many are right; by the id alone."""
    snapshot, truth, said = crowd(400, (0.95, 0.9, 0.6), (0.01, 0.02, 0.2))
    (figures,) = find_suspects(snapshot, believing(0.2 + 0.6 * truth), CODECS).annotators
    assert (figures["control"], figures["shared_tasks"]) == ("seen", 400)
    assert 0.4 < figures["agreement"] < 0.95
    assert [each["annotator"] for each in figures["annotators"]] == ["0", "1", "2"]
    assert [each["labels"] for each in figures["annotators"]] == said.sum(axis=(0, 2)).tolist()
    expected = (said & truth[:, None]).sum(axis=(0, 2)) / said.sum(axis=(0, 2))
    np.testing.assert_allclose([each["quality"] for each in figures["annotators"]], expected, atol=0.08)


def test_order_of_tasks_changes_nothing() -> None:
    """Findings and figures are those of the tags, in whatever order they were read."""
    snapshot, truth, _ = crowd(60, (0.9, 0.8), (0.05, 0.1))
    belief = believing(0.3 + 0.4 * truth)
    shuffled = replace(snapshot, tasks=tuple(snapshot.tasks[n] for n in np.random.default_rng(1).permutation(60)))
    found, moved = find_suspects(snapshot, belief, CODECS), find_suspects(shuffled, belief, CODECS)
    assert {f.key: f.disagreement for f in moved.all} == pytest.approx(
        {f.key: f.disagreement for f in found.all}, abs=1e-5
    )
    assert moved.annotators == found.annotators


@pytest.mark.parametrize("answers", [[[("cat",)], [("dog",)]], [[], []], []])
def test_nothing_to_weigh_where_no_two_people_meet(answers: Any) -> None:
    """Such tags are scored by the belief alone, as ever, and nothing is told of anybody."""
    found = find_suspects(asked(answers), believing(np.full((len(answers), 4), 0.3)), CODECS)
    assert found.annotators == ()
    assert all("annotator_conflict" not in finding.detectors for finding in found.all)


def test_one_person_twice_is_one_person() -> None:
    """Two annotations of a task by the same person are nobody to compare with."""
    snapshot = asked([[("cat",), ("dog",)]])
    (task,) = snapshot.tasks
    one = replace(
        task,
        labels=tuple(replace(label, annotator="7") for label in task.labels),
        answers=tuple(replace(answer, annotator="7") for answer in task.answers),
    )
    assert find_suspects(replace(snapshot, tasks=(one,)), believing([UNSURE]), CODECS).annotators == ()


def test_an_answer_accepted_from_a_prediction_has_no_vote() -> None:
    """It is scored all the same."""
    snapshot = asked([[("cat",), ("dog",)]] * 3)
    tasks = tuple(
        replace(
            task,
            answers=tuple(replace(a, suggested_by="theirs") if a.annotator == "0" else a for a in task.answers),
        )
        for task in snapshot.tasks
    )
    read = replace(snapshot, tasks=tasks)
    own = tuple(replace(t, labels=tuple(each for each in t.labels if each.annotator != "0")) for t in tasks)
    belief = replace(believing([UNSURE] * 3), evidence={"seen": own})
    found = find_suspects(read, belief, CODECS)
    assert found.annotators == ()
    assert {f.given.annotator for f in found.all} == {"0", "1"}
