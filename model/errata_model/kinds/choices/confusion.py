"""How annotators confuse classes: rates that are sure of no more than the labels show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_PRIOR_LABELS = 10.0  # how many labels what is expected weighs, for each figure that is estimated
_PRIOR_ACCURACY = 0.8  # what is expected of people nobody knows anything about


@dataclass(frozen=True, slots=True)
class Votes:
    """Who gave which label to which task; a cell is a label as one annotator uses it.

    Attributes:
        tasks: (V,) the task of each given label, in [0, N).
        cells: (V,) the cell of each given label, in [0, U).
        matrix: (N, U) what each task was given, by cell; labels that one annotator gave to one task weigh 1 together.
        n_people: (N,) how many annotators labelled each task.
        annotator: (U,) whose cell it is, ascending.
        label: (U,) the cell's label, in [0, K).
        n_annotators: A.
        n_classes: K.
    """

    tasks: Integers
    cells: Integers
    matrix: csr_array
    n_people: Integers
    annotator: Integers
    label: Integers
    n_annotators: int
    n_classes: int


def collect_votes(tasks: Integers, annotators: Integers, labels: Integers, shape: tuple[int, int, int]) -> Votes:
    """Arrange given labels, (V,) each, of `shape` (N, A, K)."""
    n_tasks, n_annotators, n_classes = shape
    names, cells = np.unique(annotators * n_classes + labels, return_inverse=True)
    people, person, n_times = np.unique(tasks * n_annotators + annotators, return_inverse=True, return_counts=True)
    matrix = csr_array((1 / n_times[person], (tasks, cells)), shape=(n_tasks, len(names)))
    n_people = np.bincount(people // max(n_annotators, 1), minlength=n_tasks)
    return Votes(tasks, cells, matrix, n_people, names // n_classes, names % n_classes, n_annotators, n_classes)


def vote_shares(votes: Votes) -> Floats:
    """Return (N, K) the share of annotators for each label; zeros where nobody gave one."""
    by_label = np.zeros((len(votes.label), votes.n_classes))
    by_label[np.arange(len(votes.label)), votes.label] = 1
    return np.asarray((votes.matrix @ by_label) / np.maximum(votes.n_people, 1)[:, None])


def confusion_rates(votes: Votes, posterior: Floats) -> Floats:
    """Return how likely each cell's annotator gives its label to a task of each class.

    Three levels, each standing in for the next where there are few labels: all annotators err alike in every class;
    a class is confused as all annotators together confuse it; an annotator confuses it like all, as often as that
    annotator errs. What is expected weighs ten labels for each figure: K times as many for how a class is confused.

    Args:
        votes: the given labels.
        posterior: (N, K) how likely each class is right, rows sum to 1. K is 2 or more.

    Returns:
        (U, K) in (0, 1).

    Source:
        Dawid and Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", 1979; the
        levels are ours: theirs has none, and is sure of what a single label shows.
    """
    weight, weight_of_class = _PRIOR_LABELS, _PRIOR_LABELS * votes.n_classes
    cells = np.arange(len(votes.label))
    counts = np.asarray(votes.matrix.T @ posterior)
    pooled = _sums(counts, votes.label, votes.n_classes)
    own = _sums(counts, votes.annotator, votes.n_annotators)
    accuracy = (np.trace(pooled) + weight * _PRIOR_ACCURACY) / (pooled.sum() + weight)
    alike = np.full_like(pooled, (1 - accuracy) / (votes.n_classes - 1))
    np.fill_diagonal(alike, accuracy)
    common = (pooled + weight_of_class * alike) / (pooled.sum(axis=0) + weight_of_class)
    right = common.diagonal()

    n_right = np.bincount(votes.annotator, weights=counts[cells, votes.label], minlength=votes.n_annotators)
    n_labels = own.sum(axis=1)
    shift = logit((n_right + weight * accuracy) / (n_labels + weight)) - logit(
        (own @ right + weight * accuracy) / (n_labels + weight)
    )
    own_right = expit(logit(right) + shift[:, None])
    expected = common[votes.label] * ((1 - own_right) / (1 - right))[votes.annotator]
    expected[cells, votes.label] = own_right[votes.annotator, votes.label]
    return np.asarray((counts + weight_of_class * expected) / (own[votes.annotator] + weight_of_class))


def annotator_accuracy(votes: Votes, label_quality: Floats) -> Floats:
    """Return (A,) how many of each annotator's labels are right, in (0, 1), drawn towards that of all by ten labels.

    Args:
        votes: the given labels.
        label_quality: (V,) how likely each of them is right.
    """
    who = votes.annotator[votes.cells]
    n_labels = np.bincount(who, minlength=votes.n_annotators)
    n_right = np.bincount(who, weights=label_quality, minlength=votes.n_annotators)
    of_all = (n_right.sum() + _PRIOR_LABELS * _PRIOR_ACCURACY) / (n_labels.sum() + _PRIOR_LABELS)
    return np.asarray((n_right + _PRIOR_LABELS * of_all) / (n_labels + _PRIOR_LABELS))


def _sums(rows: Floats, into: Integers, n: int) -> Floats:
    added = csr_array((np.ones(len(into)), (into, np.arange(len(into)))), shape=(n, len(into)))
    return np.asarray(added @ rows)
