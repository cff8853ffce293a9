"""Consensus and quality of labels by several annotators: against cleanlab, plain arithmetic and planted annotators."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from cleanlab.multiannotator import get_label_quality_multiannotator
from hypothesis import assume, settings
from hypothesis import given as drawn
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from errata_model.kinds.choices.annotators import Consensus, find_consensus, find_consensus_of_votes
from errata_model.kinds.choices.confusion import collect_votes, confusion_rates, vote_shares

Table = NDArray[np.int64]


@pytest.fixture
def rng() -> np.random.Generator:
    seed = random.randrange(2**32)
    print("seed", seed)
    return np.random.default_rng(seed)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, NDArray[np.float64]]:
    """Draw labels with gaps, at least one a task, and probabilities, of any annotators whatever."""
    n, a, k = draw(st.integers(1, 12)), draw(st.integers(1, 6)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = np.where(rng.random((n, a)) < draw(st.floats(0, 1)), rng.integers(0, k, (n, a)), -1)
    table[np.arange(n), rng.integers(0, a, n)] = rng.integers(0, k, n)
    return table, rng.dirichlet(np.full(k, 0.5), n)


def planted(
    rng: np.random.Generator, accuracies: list[float], n: int = 1500, k: int = 4, share: float = 0.6
) -> tuple[Table, Table]:
    """Let annotators label a share of the tasks, each right as often as said; return labels and truth."""
    truth = rng.integers(0, k, n)
    slips = (truth[:, None] + rng.integers(1, k, (n, len(accuracies)))) % k
    table = np.where(rng.random(slips.shape) < accuracies, truth[:, None], slips)
    table[rng.random(table.shape) > share] = -1
    return table, truth


def blurred(rng: np.random.Generator, truth: Table, k: int, sureness: float) -> NDArray[np.float64]:
    return (1 - sureness) * rng.dirichlet(np.ones(k), len(truth)) + sureness * np.eye(k)[truth]


def is_sound(found: Consensus, table: Table, k: int) -> bool:
    n, a = table.shape
    shapes = (found.probabilities.shape, found.labels.shape, found.label_quality.shape, found.annotator_quality.shape)
    values = (found.probabilities, found.quality, found.annotator_quality, found.label_quality[table >= 0])
    return shapes == ((n, k), (n,), (n, a), (a,)) and all(np.all((v >= 0) & (v <= 1)) for v in values)


@drawn(tables())
@settings(deadline=None, max_examples=60)
def test_anything_is_weighed(case: tuple[Table, NDArray[np.float64]]) -> None:
    """Whatever the labels: all in [0, 1], rows sum to 1, gaps are NaN, the inputs as they were."""
    table, predicted = case
    before = table.copy(), predicted.copy()
    for belief in (predicted, None):
        found = find_consensus(table, belief, n_classes=predicted.shape[1])
        assert is_sound(found, table, predicted.shape[1])
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1)
        assert (np.isnan(found.label_quality) == (table < 0)).all()
        assert (found.n_labels == (table >= 0).sum(axis=0)).all()
    assert (before[0] == table).all()
    assert (before[1] == predicted).all()


@drawn(tables())
@settings(deadline=None, max_examples=60)
def test_agreement_is_cleanlab_s(case: tuple[Table, NDArray[np.float64]]) -> None:
    """The share of annotators who gave the consensus label, where cleanlab comes to the same consensus."""
    table, predicted = case
    table = table[:, (table >= 0).any(axis=0)]
    n_labels = (table >= 0).sum(axis=1)
    assume(predicted.shape[1] > 1 and (n_labels > 1).any())  # cleanlab refuses the others
    theirs = _reference_cleanlab(table, predicted)
    found = find_consensus(table, predicted)
    is_same = found.labels == theirs["consensus_label"]
    np.testing.assert_allclose(found.agreement[is_same], theirs["annotator_agreement"][is_same])
    assert (found.n_shared == (table[n_labels > 1] >= 0).sum(axis=0)).all()


def _reference_cleanlab(table: Table, predicted: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        labels = np.where(table >= 0, table, np.nan).astype(float)
        found = get_label_quality_multiannotator(labels, predicted, verbose=False)["label_quality"]
    return {name: found[name].to_numpy() for name in found}


def test_where_all_agree_the_consensus_is_cleanlab_s(rng: np.random.Generator) -> None:
    """Unanimous annotators decide, whatever a belief says that is wrong half of the time."""
    truth = rng.integers(0, 4, 300)
    table = np.repeat(truth[:, None], 3, axis=1)
    predicted = blurred(rng, np.where(rng.random(300) < 0.5, truth, rng.integers(0, 4, 300)), 4, 0.3)
    found = find_consensus(table, predicted)
    theirs = _reference_cleanlab(table, predicted)
    assert (found.labels == theirs["consensus_label"]).all()
    assert (found.labels == truth).all()
    assert found.quality.min() > 0.9


def test_consensus_is_at_least_crowdlab_s(rng: np.random.Generator) -> None:
    """Annotators of very different worth, none of whom labels much: more right, and its doubts better ranked."""
    accuracies = rng.beta(4, 1.5, 60)
    table, truth = planted(rng, accuracies.tolist(), n=3000, share=0.04)
    table[np.arange(3000), rng.integers(0, 60, 3000)] = truth  # cleanlab wants a label a task
    predicted = blurred(rng, np.where(rng.random(3000) < 0.75, truth, rng.integers(0, 4, 3000)), 4, 0.4)
    found, theirs = find_consensus(table, predicted), _reference_cleanlab(table, predicted)
    wrong, wrong_theirs = found.labels != truth, theirs["consensus_label"] != truth
    assert wrong.mean() <= wrong_theirs.mean()
    ours = roc_auc_score(wrong, -found.quality)
    assert ours >= roc_auc_score(wrong_theirs, -theirs["consensus_quality_score"])


def test_quality_of_annotators_is_how_often_they_are_right(rng: np.random.Generator) -> None:
    """From nearly always to never, one who always disagrees included: within .05 of what was planted."""
    accuracies = [0.97, 0.9, 0.8, 0.6, 0.0]
    table, truth = planted(rng, accuracies)
    found = find_consensus(table, blurred(rng, truth, 4, 0.4))
    np.testing.assert_allclose(found.annotator_quality, accuracies, atol=0.05)
    assert np.nanmean(found.label_quality[:, 4]) < 0.05
    without = find_consensus(table, n_classes=4)
    np.testing.assert_allclose(without.annotator_quality, accuracies, atol=0.07)


def test_one_who_errs_in_a_known_way_is_evidence(rng: np.random.Generator) -> None:
    """Somebody who always swaps two classes tells them apart as well as anybody, and is known to be wrong."""
    truth = rng.integers(0, 3, 2000)
    table = np.column_stack([np.where(rng.random(2000) < 0.7, truth, rng.integers(0, 3, 2000)) for _ in range(3)])
    swapped = np.array([1, 0, 2])[truth]
    found = find_consensus(np.column_stack([table, swapped]), n_classes=3)
    alone = find_consensus(table, n_classes=3)
    assert (found.labels == truth).mean() > (alone.labels == truth).mean() + 0.02
    assert found.label_quality[truth < 2, 3].mean() < 0.1
    assert found.label_quality[truth == 2, 3].mean() > 0.9


def test_results_permute_with_tasks_and_annotators(rng: np.random.Generator) -> None:
    """The order of tasks, of annotators and of labels changes nothing but the order of the results."""
    table, truth = planted(rng, [0.9, 0.7, 0.5, 0.8], n=400)
    predicted = blurred(rng, truth, 4, 0.3)
    found = find_consensus(table, predicted)
    rows, people = rng.permutation(400), rng.permutation(4)
    moved = find_consensus(table[rows][:, people], predicted[rows])
    np.testing.assert_allclose(moved.probabilities, found.probabilities[rows], atol=1e-6)
    np.testing.assert_array_equal(moved.labels, found.labels[rows])
    np.testing.assert_allclose(moved.label_quality, found.label_quality[rows][:, people], atol=1e-6)
    np.testing.assert_allclose(moved.annotator_quality, found.annotator_quality[people], atol=1e-6)
    tasks, annotators = np.nonzero(table >= 0)
    order = rng.permutation(len(tasks))
    votes = (tasks[order], annotators[order], table[tasks, annotators][order])
    listed = find_consensus_of_votes(*votes, table.shape, predicted)
    np.testing.assert_allclose(listed.label_quality, found.label_quality[votes[0], votes[1]], atol=1e-6)


def test_weighing_a_part_of_many_labels_permutes_too(rng: np.random.Generator) -> None:
    """Which labels the weighing of belief and annotators looks at is drawn by what tasks hold, not where they stand."""
    table, truth = planted(rng, [0.9, 0.7, 0.6], n=9000, k=40)
    predicted = blurred(rng, truth, 40, 0.3)
    assert (table >= 0).sum() * 40 > 500_000
    found = find_consensus(table, predicted)
    rows = rng.permutation(9000)
    moved = find_consensus(table[rows], predicted[rows])
    np.testing.assert_allclose(moved.probabilities, found.probabilities[rows], atol=1e-6)


def test_rates_are_dawid_and_skene_s_where_there_are_labels() -> None:
    """With many labels the levels beneath vanish: the rates are the shares counted by plain loops."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 60_000)
    said = np.where(rng.random(60_000) < 0.7, truth, (truth + 1) % 3)
    votes = collect_votes(np.arange(60_000), np.zeros(60_000, np.int64), said, (60_000, 1, 3))
    rates = confusion_rates(votes, np.eye(3)[truth])
    for cell, label in enumerate(votes.label):
        for k in range(3):
            assert rates[cell, k] == pytest.approx((said[truth == k] == label).mean(), abs=0.002)


@drawn(tables())
@settings(deadline=None, max_examples=40)
def test_rates_and_shares_of_any_labels(case: tuple[Table, NDArray[np.float64]]) -> None:
    """Rates of the labels that an annotator gave are in (0, 1) and never exceed 1 together; shares are counted."""
    table, predicted = case
    assume(predicted.shape[1] > 1)
    tasks, annotators = np.nonzero(table >= 0)
    votes = collect_votes(tasks, annotators, table[tasks, annotators], (*table.shape, predicted.shape[1]))
    rates = confusion_rates(votes, predicted)
    assert ((rates > 0) & (rates < 1)).all()
    for who in range(table.shape[1]):
        assert (rates[votes.annotator == who].sum(axis=0) <= 1 + 1e-9).all()
    counted = [[(row == k).sum() / max((row >= 0).sum(), 1) for k in range(predicted.shape[1])] for row in table]
    np.testing.assert_allclose(vote_shares(votes), counted)


def test_an_annotator_with_one_label_is_like_all(rng: np.random.Generator) -> None:
    """One label, right or wrong, moves nobody far from the others; no label at all says nothing else."""
    table, truth = planted(rng, [0.9, 0.85], n=800, share=1)
    newcomers = np.full((800, 2), -1)
    newcomers[0, 0] = (truth[0] + 1) % 4
    found = find_consensus(np.column_stack([table, newcomers]), blurred(rng, truth, 4, 0.4))
    assert 0.7 < found.annotator_quality[2] < found.annotator_quality[3]
    assert found.annotator_quality[3] == pytest.approx(found.annotator_quality[:2].mean(), abs=0.02)
    assert found.n_labels.tolist() == [800, 800, 1, 0]
    assert found.label_quality[0, 2] < 0.2


def test_one_annotator_alone_is_scored_by_the_belief(rng: np.random.Generator) -> None:
    """Nobody to compare with: what the belief contradicts is worst; `n_shared` says what it rests on."""
    table, truth = planted(rng, [0.85], n=1000, share=1)
    found = find_consensus(table, blurred(rng, truth, 4, 0.6))
    assert roc_auc_score(table[:, 0] != truth, -found.label_quality[:, 0]) > 0.95
    assert found.n_shared.tolist() == [0]
    assert (found.agreement == (found.labels == table[:, 0])).all()
    assert found.annotator_quality[0] == pytest.approx(0.85, abs=0.05)


def test_annotators_who_never_meet(rng: np.random.Generator) -> None:
    """No task by two people: the belief tells who is right more often, and every label is ranked."""
    one, truth = planted(rng, [0.95, 0.6], n=2000, share=1)
    one[np.arange(2000), np.arange(2000) % 2] = -1
    found = find_consensus(one, blurred(rng, truth, 4, 0.4))
    assert found.n_shared.tolist() == [0, 0]
    np.testing.assert_allclose(found.annotator_quality, [0.6, 0.95][::-1], atol=0.1)
    assert np.isfinite(found.label_quality[one >= 0]).all()


def test_a_class_that_one_annotator_uses(rng: np.random.Generator) -> None:
    """Others call it something else: where that annotator is alone, and the belief agrees, the class is kept."""
    truth = rng.choice(3, 1500, p=[0.48, 0.48, 0.04])
    others = np.where(truth == 2, 0, truth)
    table = np.column_stack([truth, others, others])
    table[truth == 2, 1:] = -1
    for belief in (blurred(rng, truth, 3, 0.3), None):
        found = find_consensus(table, belief, n_classes=3)
        assert (found.labels[truth == 2] == 2).mean() > 0.9


def test_ties_are_broken_by_the_belief_and_by_who_is_better(rng: np.random.Generator) -> None:
    """Two who differ: the belief decides; without one, whoever is right more often where they can be compared."""
    two = find_consensus(np.array([[0, 1]]), np.array([[0.2, 0.8]]))
    assert (two.labels.tolist(), two.agreement.tolist()) == ([1], [0.5])
    table, _ = planted(rng, [0.95, 0.9, 0.6], n=900, share=1)
    table[:300, 1] = -1
    found = find_consensus(table, n_classes=4)
    tied = np.flatnonzero(table[:300, 0] != table[:300, 2])
    assert (found.labels[tied] == table[tied, 0]).all()


def test_equals_are_the_first_class_in_any_order() -> None:
    """Nothing tells two classes apart: the first of them, whoever is named first."""
    for row in ([0, 1], [1, 0]):
        found = find_consensus(np.array([row]))
        assert (found.labels.tolist(), found.quality.tolist()) == ([0], [pytest.approx(0.5)])


def test_tasks_without_a_label_are_what_the_belief_says() -> None:
    """They have a consensus of nobody: no agreement."""
    found = find_consensus(np.array([[-1, -1], [0, 0], [1, 1]]), np.array([[0.1, 0.9], [0.9, 0.1], [0.2, 0.8]]))
    assert found.labels.tolist() == [1, 0, 1]
    assert np.isnan(found.agreement).tolist() == [True, False, False]


def test_one_person_twice_counts_once() -> None:
    """Two annotations of a task by one person weigh no more than another's one."""
    labels = np.array([0, 0, 1])
    found = find_consensus_of_votes(np.zeros(3, np.int64), np.array([0, 0, 1]), labels, (1, 2), n_classes=2)
    np.testing.assert_allclose(found.probabilities, [[0.5, 0.5]], atol=1e-3)
    assert found.agreement.tolist() == [0.5]


def test_quality_is_honest_where_people_err_together(rng: np.random.Generator) -> None:
    """On tasks that are hard for all, agreement is worth less: quality is how often the consensus is right."""
    truth = rng.integers(0, 4, 4000)
    right = np.where(rng.random(4000) < 0.35, 0.5, 0.95)[:, None]
    slips = (truth[:, None] + rng.integers(1, 4, (4000, 4))) % 4
    table = np.where(rng.random((4000, 4)) < right, truth[:, None], slips)
    predicted = blurred(rng, np.where(rng.random(4000) < 0.7, truth, rng.integers(0, 4, 4000)), 4, 0.5)
    found = find_consensus(table, predicted)
    assert found.quality.mean() == pytest.approx((found.labels == truth).mean(), abs=0.05)


@pytest.mark.parametrize(
    ("table", "predicted", "why"),
    [
        (np.zeros((2, 2)), None, "integers"),
        (np.zeros(2, int), None, "(N, A)"),
        (np.array([[0, 3]]), np.array([[0.5, 0.5]]), r"\[0, 2\), number 1 is 3"),
        (np.array([[0, -2]]), None, "number 1 is -2"),
        (np.array([[0, 1]]), np.array([[0.5, np.nan]]), "row 0"),
        (np.array([[0, 1]]), np.array([[0.5, 0.7]]), "sum to 1"),
        (np.array([[0, 1]]), np.array([[0.5, 0.5]] * 2), r"must be \(1, K\)"),
    ],
)
def test_what_is_no_label_or_no_probability_is_named(table: Table, predicted: NDArray[np.float64], why: str) -> None:
    """The text says what must hold and which entry breaks it."""
    with pytest.raises(ValueError, match=why.replace("(N, A)", r"\(N, A\)")):
        find_consensus(table, predicted)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_in_nothing_out(shape: tuple[int, int]) -> None:
    """No tasks or no annotators: empty results of the right shape."""
    found = find_consensus(np.zeros(shape, np.int64) - 1, n_classes=2)
    assert is_sound(found, np.full(shape, -1), 2)


def test_a_single_class(rng: np.random.Generator) -> None:
    """There is nothing to be wrong about."""
    found = find_consensus(np.array([[0, 0], [0, -1]]))
    assert found.quality.tolist() == [1, 1]
    assert found.label_quality[0].tolist() == [1, 1]
