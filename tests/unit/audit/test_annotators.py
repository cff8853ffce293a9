"""Several people who label the same tasks: what they say together, who contradicts it, and what is told of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from errata.audit.annotators import annotators_targets, put_beside, weigh_annotators
from errata.audit.detectors import DETECTORS
from errata.audit.scored import Scored
from errata.audit.snapshot import Snapshot
from errata.audit.suspect import find_suspects
from errata.labelstudio.codecs import Codecs
from errata_model.records import Control

NAMES = ("cat", "dog", "cow")
UNSURE = (0.34, 0.33, 0.33)


@pytest.fixture
def rng() -> np.random.Generator:
    seed = random.randrange(2**32)
    print("seed", seed)
    return np.random.default_rng(seed)


@pytest.fixture
def crowd(project: Callable[..., Snapshot], rng: np.random.Generator) -> Callable[..., tuple[Snapshot, Any]]:
    """Let three people label every task, the n-th right as often as said; return the project and the truth."""

    def make(n: int = 120, accuracies: tuple[float, ...] = (0.95, 0.9, 0.6)) -> tuple[Snapshot, Any]:
        truth = rng.integers(0, 3, n)
        slips = (truth[:, None] + rng.integers(1, 3, (n, len(accuracies)))) % 3
        said = np.where(rng.random(slips.shape) < accuracies, truth[:, None], slips)
        return project(*([NAMES[k] for k in row] for row in said)), truth

    return make


def test_the_odd_one_out_is_suspected_and_told_why(project: Any, believed: Any) -> None:
    """Where the belief knows nothing, two of three do: the third is a suspect, and the proposal is what they said."""
    snapshot = project(
        *[["cat", "cat", "cat"], ["dog", "dog", "dog"], ["cow", "cow", "cow"]] * 5, ["cat", "cat", "dog"]
    )
    found = find_suspects(snapshot, believed([UNSURE] * 16), Codecs())
    (finding,) = found.suspects
    assert (finding.given.task_id, finding.given.annotator) == (16, "2")
    assert finding.reason.startswith("2 of 3 annotators said cat; this one said dog. ")
    assert finding.detectors.keys() == {"annotator_conflict", "low_self_confidence"}
    assert finding.proposal is not None
    assert finding.proposal.label == "cat"
    assert finding.disagreement > 0.9


def test_agreement_of_all_outweighs_a_belief_that_differs(project: Any, believed: Any) -> None:
    """Three who agree are not suspected because a belief is a little surer of something else; one alone is."""
    wrong = (0.1, 0.8, 0.1)
    sure = {"cat": (0.8, 0.1, 0.1), "dog": (0.1, 0.8, 0.1), "cow": (0.1, 0.1, 0.8)}
    labels = [*NAMES * 20, "cat"]
    rows = [*(sure[label] for label in labels[:-1]), wrong]
    three = find_suspects(project(*([label] * 3 for label in labels)), believed(rows), Codecs())
    assert three.suspects == ()
    alone = find_suspects(project(*labels), believed(rows), Codecs())
    assert [finding.given.task_id for finding in alone.suspects] == [61]
    assert alone.annotators == ()


def test_disagreement_is_the_consensus_s(crowd: Any, believed: Any, rng: np.random.Generator) -> None:
    """What the detector adds to the belief's doubt makes, by noisy-or, how likely the label is wrong by all."""
    snapshot, truth = crowd()
    belief = believed(0.5 * rng.dirichlet(np.ones(3), len(truth)) + 0.5 * np.eye(3)[truth])
    (about,) = belief.artefact.beliefs
    labels = [label for task in snapshot.tasks for label in task.labels]
    rows = np.array([label.task_id - 1 for label in labels])
    given = np.array([NAMES.index(str(label.label)) for label in labels])
    doubt = 1.0 - about.probabilities[rows, given]
    alone = Scored(about, labels, rows, given, about.probabilities[rows].argmax(axis=1), doubt)
    beside = put_beside(alone, snapshot.tasks)
    assert beside is not None
    assert beside.is_contested.any()
    merged = np.where(beside.is_contested, 1 - (1 - beside.apart) * (1 - beside.conflict), beside.disagreement)
    np.testing.assert_allclose(merged, beside.disagreement, atol=1e-9)
    expected = {label.annotation_id: d for label, d in zip(labels, beside.disagreement, strict=True)}
    for finding in find_suspects(snapshot, belief, Codecs()).all:
        assert finding.disagreement == pytest.approx(expected[finding.given.annotation_id], abs=2e-6)


def test_figures_of_planted_annotators(crowd: Any, believed: Any, rng: np.random.Generator) -> None:
    """Each by the id alone, with how many labels, how many beside others', and about how many are right."""
    snapshot, truth = crowd(600)
    belief = believed(0.5 * rng.dirichlet(np.ones(3), len(truth)) + 0.5 * np.eye(3)[truth])
    (figures,) = find_suspects(snapshot, belief, Codecs()).annotators
    assert (figures["control"], figures["shared_tasks"]) == ("animal", 600)
    assert 0.6 < figures["agreement"] < 0.95
    assert [each.keys() for each in figures["annotators"]] == [{"annotator", "labels", "shared", "quality"}] * 3
    assert [(a["annotator"], a["labels"], a["shared"]) for a in figures["annotators"]] == [
        (who, 600, 600) for who in "012"
    ]
    np.testing.assert_allclose([a["quality"] for a in figures["annotators"]], [0.95, 0.9, 0.6], atol=0.06)


def test_targets_weigh_annotators_by_what_their_labels_are_worth(crowd: Any, control: Control) -> None:
    """The learner's targets are right more often than most votes, first of equals; nobody's are zeros."""
    snapshot, truth = crowd(600, (0.9, 0.5, 0.5))
    ids = np.array([*(task.id for task in snapshot.tasks), 9999])
    targets = annotators_targets(snapshot.tasks, control, ids)
    assert targets is not None
    shares = [[sum(l.label == name for l in task.labels) for name in NAMES] for task in snapshot.tasks]  # noqa: E741
    assert (targets[:-1].argmax(axis=1) == truth).mean() > (np.argmax(shares, axis=1) == truth).mean()
    np.testing.assert_allclose(targets.sum(axis=1), [*[1] * 600, 0], atol=1e-6)


def test_order_of_tasks_changes_nothing(crowd: Any, believed: Any, rng: np.random.Generator) -> None:
    """Findings and figures are those of the labels, in whatever order they were read."""
    snapshot, truth = crowd(60)
    belief = believed(0.7 * rng.dirichlet(np.ones(3), len(truth)) + 0.3 * np.eye(3)[truth])
    shuffled = replace(snapshot, tasks=tuple(snapshot.tasks[n] for n in rng.permutation(60)))
    found, moved = find_suspects(snapshot, belief, Codecs()), find_suspects(shuffled, belief, Codecs())
    assert {f.key: f.disagreement for f in moved.all} == pytest.approx(
        {f.key: f.disagreement for f in found.all}, abs=1e-5
    )
    assert moved.annotators == found.annotators


@pytest.mark.parametrize(
    "labels",
    [
        ("cat", "dog", "cow"),  # everybody alone
        (None, None),
        (),
    ],
)
def test_nothing_to_weigh_where_no_two_people_meet(project: Any, believed: Any, control: Control, labels: Any) -> None:
    """Such labels are scored by the belief alone, as ever, and nothing is told of anybody."""
    snapshot = project(*labels)
    (about,) = believed([UNSURE] * len(labels)).artefact.beliefs
    assert weigh_annotators(snapshot.tasks, about) is None
    assert annotators_targets(snapshot.tasks, control, about.task_ids) is None


def test_one_person_twice_is_one_person(project: Any, believed: Any) -> None:
    """Two annotations of a task by the same person are nobody to compare with."""
    snapshot = project(["cat", "dog"], "cow")
    tasks = tuple(
        replace(task, labels=tuple(replace(label, annotator="7") for label in task.labels)) for task in snapshot.tasks
    )
    (about,) = believed([UNSURE, UNSURE]).artefact.beliefs
    assert weigh_annotators(tasks, about) is None


def test_tags_have_a_consensus_of_their_own(project: Any, believed: Any, control: Control) -> None:
    """Of several labels a task none is the right one; see `tag_annotators`."""
    several = replace(control, kind="tags")
    snapshot = project(["cat", "dog"], "cow", controls=(several,))
    (about,) = believed([UNSURE, UNSURE], of=several).artefact.beliefs
    assert weigh_annotators(snapshot.tasks, about) is None


def test_it_is_one_of_the_detectors() -> None:
    """Every audit looks for it."""
    assert "annotator_conflict" in [detector.name for detector in DETECTORS]
