"""What several annotators and a belief say together: consensus, and the quality of every label and annotator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from errata_model.kinds.choices.confusion import (
    Floats,
    Integers,
    Votes,
    annotator_accuracy,
    collect_votes,
    confusion_rates,
    vote_shares,
)

_GAP = -1
_ROUNDS = 3  # of settling posterior and rates, and weighing the belief against the annotators in between
_STEPS = 30
_SETTLED = 1e-3
_LEAST = 1e-6  # no class is impossible because a belief says 0
_WEIGHING_CELLS = 500_000  # labels by classes that the weighing looks at: under a second
_WEIGHING_STEP = 0.02  # two weights so near do not differ in what they foretell
_LOG_4 = float(np.log(4))
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Consensus:
    """What N tasks are, of K classes, by V labels of A annotators.

    Attributes:
        probabilities: (N, K) how likely each class is right, rows sum to 1.
        labels: (N,) the likeliest class, the first of equals; what is believed where nobody labelled.
        quality: (N,) in [0, 1], how likely that is right.
        agreement: (N,) in [0, 1], the share of the task's annotators who gave it; NaN where nobody labelled.
        label_quality: how likely each given label is right, in [0, 1]: (V,), or (N, A) with NaN in the gaps.
        annotator_quality: (A,) in (0, 1), about how many of an annotator's labels are right. With few labels it is
            near that of all, and with none that of all.
        n_labels: (A,) how many labels each annotator gave.
        n_shared: (A,) how many of them stand on tasks that others labelled, too. Where it is 0 the annotator's
            quality rests on the belief alone; without a belief it says nothing.
    """

    probabilities: Floats
    labels: Integers
    quality: Floats
    agreement: Floats
    label_quality: Floats
    annotator_quality: Floats
    n_labels: Integers
    n_shared: Integers


def find_consensus(
    given: NDArray[np.integer], predicted: NDArray[np.floating] | None = None, *, n_classes: int | None = None
) -> Consensus:
    """Weigh a table of labels; see `find_consensus_of_votes`.

    Args:
        given: (N, A) int, a class in [0, K) for each task and annotator, -1 for a gap.
        predicted: (N, K) out-of-sample probabilities; None where there are none.
        n_classes: K, where `predicted` does not say.

    Returns:
        The consensus; its `label_quality` is (N, A).

    Raises:
        ValueError: see `find_consensus_of_votes`.
    """
    table = np.asarray(given)
    if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer):
        raise ValueError(f"`given` must be (N, A) integers, got {table.shape} {table.dtype}")
    tasks, annotators = np.nonzero(table != _GAP)
    found = find_consensus_of_votes(
        tasks, annotators, table[tasks, annotators], table.shape, predicted, n_classes=n_classes
    )
    label_quality = np.full(table.shape, np.nan)
    label_quality[tasks, annotators] = found.label_quality
    return replace(found, label_quality=label_quality)


def find_consensus_of_votes(
    tasks: NDArray[np.integer],
    annotators: NDArray[np.integer],
    labels: NDArray[np.integer],
    shape: tuple[int, int],
    predicted: NDArray[np.floating] | None = None,
    *,
    n_classes: int | None = None,
) -> Consensus:
    r"""Weigh every label by what its annotator's labels are worth, and by a belief.

    The class k of a task with the labels l of m annotators a is as likely as

        predicted_k^(1/t)  x  (product over a of P(a says l | k))^((1 + (m - 1) s) / m)

    `confusion_rates` are found from this and this from them, in turns (expectation maximisation). The belief's
    temperature t, in [1/4, 4], and how much more m annotators say than one, s in [0, 1], are those under which the
    belief and the *other* annotators best foretell each label (leave one out, by likelihood): people err together on
    what is hard to see. Without predictions every class is as likely as any other beforehand, so that no rare class is
    explained away.

    Against CROWDLAB (Goh, Tkachenko and Mueller, "CROWDLAB: Supervised learning to infer consensus labels and quality
    scores for data with multiple annotators", 2022), which averages votes and belief with one weight an annotator: an
    annotator who is wrong in a known way is evidence here, too. `benchmarks/annotators.py` compares them.

    A label by its annotator's alone counts in its own quality: it is evidence. The result permutes with tasks and with
    annotators. Memory: about six arrays of (N, K).

    Args:
        tasks: (V,) in [0, N), the task of each label.
        annotators: (V,) in [0, A), who gave it.
        labels: (V,) in [0, K), the class given. Labels that one annotator gave to one task count as one together.
        shape: (N, A).
        predicted: (N, K) out-of-sample probabilities, rows sum to 1; None where there are none.
        n_classes: K, where `predicted` does not say; otherwise one more than the largest label.

    Returns:
        The consensus; its `label_quality` is (V,).

    Raises:
        ValueError: shapes do not agree, a label is no class, or a row of `predicted` is no probability distribution.
    """
    votes, belief = _check(tasks, annotators, labels, shape, predicted, n_classes)
    is_settled = votes.n_classes == 1 or not len(votes.tasks)
    probabilities = belief if is_settled else _settle(votes, belief, predicted is not None)
    rounded = probabilities.round(9)  # equals are equal in whatever order they were added up
    best = rounded.argmax(axis=1) if probabilities.size else np.zeros(len(belief), dtype=np.int64)
    label_quality = probabilities[votes.tasks, votes.label[votes.cells]]
    shares = vote_shares(votes)[np.arange(len(best)), best]
    is_shared = votes.n_people[votes.tasks] > 1
    who = votes.annotator[votes.cells]
    return Consensus(
        probabilities=probabilities,
        labels=best,
        quality=probabilities[np.arange(len(best)), best],
        agreement=np.where(votes.n_people > 0, shares, np.nan),
        label_quality=label_quality,
        annotator_quality=annotator_accuracy(votes, label_quality),
        n_labels=np.bincount(who, minlength=votes.n_annotators),
        n_shared=np.bincount(who[is_shared], minlength=votes.n_annotators),
    )


def _settle(votes: Votes, belief: Floats, is_believed: bool) -> Floats:
    log_belief = np.log(np.maximum(belief, _LEAST))
    shares = vote_shares(votes)
    posterior = (shares + belief) / (shares + belief).sum(axis=1, keepdims=True)
    drawn = _draw(votes, shares + belief)
    temperature, surplus = 1.0, 1.0
    for part in range(_ROUNDS):
        for _ in range(_STEPS):
            log_rates = np.log(confusion_rates(votes, posterior))
            support = np.asarray(votes.matrix @ log_rates) * _strength(votes.n_people, surplus)[:, None]
            before, posterior = posterior, softmax(log_belief / temperature + support, axis=1)
            if np.abs(posterior - before).max(initial=0) < _SETTLED:
                break
        if part < _ROUNDS - 1 and len(drawn):
            temperature, surplus = _weigh(votes, log_belief, log_rates, drawn, (temperature, surplus), is_believed)
    return np.asarray(posterior)


def _strength(n_people: Integers, surplus: float) -> Floats:
    """Return the power of each task's votes: m people say as much as 1 + (m - 1) surplus who err independently."""
    return np.asarray((1 + (np.maximum(n_people, 1) - 1) * surplus) / np.maximum(n_people, 1))


def _weigh(
    votes: Votes,
    log_belief: Floats,
    log_rates: Floats,
    drawn: Integers,
    start: tuple[float, float],
    is_believed: bool,
) -> tuple[float, float]:
    """Return temperature and surplus by which the drawn labels are foretold best without themselves."""
    tasks, own = votes.tasks[drawn], log_rates[votes.cells[drawn]]
    belief, n_others, rates = log_belief[tasks], votes.n_people[tasks] - 1, np.exp(own)
    others = np.asarray(votes.matrix @ log_rates)[tasks] - own

    def missed(temperature: float, surplus: float) -> float:
        without = softmax(belief / temperature + others * _strength(n_others, surplus)[:, None], axis=1)
        return -float(np.log((without * rates).sum(axis=1)).mean())

    temperature, surplus = start
    if is_believed:
        temperature = float(np.exp(_least(lambda log_t: missed(float(np.exp(log_t)), surplus), -_LOG_4, _LOG_4)))
    if (n_others > 1).any():
        surplus = _least(lambda s: missed(temperature, s), 0, 1)
    return temperature, surplus


def _least(loss: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import minimize_scalar  # noqa: PLC0415  slow to import

    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": _WEIGHING_STEP})
    return float(found.x)


def _draw(votes: Votes, content: Floats) -> Integers:
    """Return the labels of so many tasks as the weighing can look at, drawn by what the tasks hold."""
    n_cells = len(votes.tasks) * votes.n_classes
    if n_cells <= _WEIGHING_CELLS:
        return np.arange(len(votes.tasks))
    key = np.modf(content @ np.random.default_rng(0).random(votes.n_classes) * 1e4)[0]
    limit = np.quantile(key, _WEIGHING_CELLS / n_cells)
    return np.nonzero(key[votes.tasks] <= limit)[0]


def _check(
    tasks: NDArray[np.integer],
    annotators: NDArray[np.integer],
    labels: NDArray[np.integer],
    shape: tuple[int, int],
    predicted: NDArray[np.floating] | None,
    n_classes: int | None,
) -> tuple[Votes, Floats]:
    n_tasks, n_annotators = shape
    if predicted is not None:
        n_classes = _check_predicted(predicted, n_tasks)
    elif n_classes is None:
        n_classes = int(np.max(labels, initial=0)) + 1
    columns = []
    for name, values, end in (
        ("tasks", tasks, n_tasks),
        ("annotators", annotators, n_annotators),
        ("labels", labels, n_classes),
    ):
        column = np.asarray(values)
        if column.shape != np.shape(labels) or column.ndim != 1 or not np.issubdtype(column.dtype, np.integer):
            raise ValueError(f"`{name}` must be ({np.size(labels)},) integers, got {column.shape} {column.dtype}")
        is_wrong = (column < 0) | (column >= end)
        if is_wrong.any():
            row = int(np.argmax(is_wrong))
            raise ValueError(f"`{name}` must be in [0, {end}), number {row} is {column[row]}")
        columns.append(column.astype(np.int64))
    votes = collect_votes(columns[0], columns[1], columns[2], (n_tasks, n_annotators, n_classes))
    if predicted is None:
        return votes, np.full((n_tasks, n_classes), 1 / n_classes)
    belief = np.clip(np.asarray(predicted, dtype=np.float64), 0, None)
    return votes, belief / belief.sum(axis=1, keepdims=True)


def _check_predicted(predicted: NDArray[np.floating], n_tasks: int) -> int:
    rows = np.asarray(predicted, dtype=np.float64)
    if rows.ndim != 2 or len(rows) != n_tasks or rows.shape[1] < 1:
        raise ValueError(f"`predicted` must be ({n_tasks}, K), got {rows.shape}")
    with np.errstate(invalid="ignore", over="ignore"):
        is_distribution = (
            np.isfinite(rows).all(axis=1)
            & (rows >= -_SUM_TOLERANCE).all(axis=1)
            & (np.abs(rows.sum(axis=1) - 1) <= _SUM_TOLERANCE)
        )
    if not is_distribution.all():
        row = int(np.argmin(is_distribution))
        raise ValueError(f"`predicted` must have finite rows >= 0 that sum to 1, row {row} is {rows[row].tolist()}")
    return rows.shape[1]
