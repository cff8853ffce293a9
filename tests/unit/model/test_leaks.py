"""Real learners on the digits, in-sample and out-of-sample."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from errata_model.kinds.choices.learner import fit_choices
from errata_model.leaks import find_leak

LEARNERS = {
    "random forest": lambda: RandomForestClassifier(50, random_state=0),
    "neighbours": lambda: KNeighborsClassifier(5, weights="distance"),
    "support vectors": lambda: SVC(C=100, random_state=0),
}


def digits(share_wrong: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features, labels = load_digits(return_X_y=True)
    wrong = rng.permutation(len(labels))[: int(share_wrong * len(labels))]
    labels = labels.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return features, labels


def as_probabilities(labels: np.ndarray) -> np.ndarray:
    return np.eye(10)[labels] * 0.9 + 0.01


@pytest.fixture(scope="module", params=[0.0, 0.05])
def project(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels, and what errata's learner believes without having seen them."""
    features, labels = digits(request.param)
    targets = np.eye(10, dtype=np.float32)[labels]
    return features, labels, fit_choices(features.astype(np.float32), targets, np.arange(len(labels))).probabilities


@pytest.mark.parametrize("learner", LEARNERS)
def test_who_has_seen_the_labels_is_recognised(project: tuple[np.ndarray, ...], learner: str) -> None:
    """Fitted to all digits and asked about the same: it agrees with labels that the witness doubts."""
    features, labels, witness = project
    predicted = LEARNERS[learner]().fit(features, labels).predict(features)
    leak = find_leak(labels, as_probabilities(predicted), witness=witness)
    assert leak.is_suspected
    assert leak.agreement_on_doubted >= 0.97
    assert leak.n_doubted >= 10
    assert leak.agreement_of_witness < leak.agreement


@pytest.mark.parametrize("learner", LEARNERS)
def test_a_good_model_is_no_false_alarm(project: tuple[np.ndarray, ...], learner: str) -> None:
    """The same learners, cross-fitted: they are right about nearly all, and disagree where the witness does."""
    features, labels, witness = project
    predicted = cross_val_predict(LEARNERS[learner](), features, labels, cv=5)
    assert not find_leak(labels, as_probabilities(predicted), witness=witness).is_suspected


def test_a_witness_that_knows_little_says_nothing() -> None:
    """What guesses is wrong about the labels that it doubts: agreeing with them proves nothing."""
    _, labels = digits(0)
    witness = np.random.default_rng(0).dirichlet(np.ones(10), len(labels))
    assert not find_leak(labels, as_probabilities(labels), witness=witness).is_suspected


def test_confidence_on_labelled_items_gives_away_without_a_witness() -> None:
    """A forest is surer about what it learned from than about the rest; cross-fitted it is not."""
    features, labels = digits(0.05)
    seen, rest = slice(0, 1200), slice(1200, None)
    forest = LEARNERS["random forest"]()
    unlabelled = forest.fit(features[seen], labels[seen]).predict_proba(features[rest])
    leak = find_leak(labels[seen], forest.predict_proba(features[seen]), unlabelled=unlabelled)
    assert (leak.is_suspected, leak.n_doubted) == (True, 0)
    assert leak.surer > 0.75
    fair = cross_val_predict(forest, features[seen], labels[seen], cv=5, method="predict_proba")
    assert not find_leak(labels[seen], fair, unlabelled=unlabelled).is_suspected


def test_nothing_to_judge_by() -> None:
    """Without a witness and without unlabelled items nothing is suspected; shapes must agree."""
    _, labels = digits(0)
    assert not find_leak(labels, as_probabilities(labels)).is_suspected
    assert not find_leak(np.zeros(0, int), np.zeros((0, 3))).is_suspected
    assert not find_leak(labels, as_probabilities(labels), witness=np.full((len(labels), 10), np.nan)).is_suspected
    with pytest.raises(ValueError, match="`predicted` must be"):
        find_leak(labels, np.zeros((3, 10)))
    with pytest.raises(ValueError, match="`witness` must be"):
        find_leak(labels, as_probabilities(labels), witness=np.zeros((3, 10)))
