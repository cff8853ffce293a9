"""The learner of single choice: kernel ridge regression that believes nothing from a row's own group."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from errata_model.kinds.choices.canonical import UNLABELLED, order_by_content
from errata_model.kinds.choices.kernel import (
    Embeddings,
    Floats,
    median_distance,
    normalise,
    radial_kernel,
    squared_distances,
    whiten,
)
from errata_model.kinds.choices.model import ChoicesModel, check_embeddings, softmax
from errata_model.kinds.choices.settings import Settings, choose_settings
from errata_model.out_of_sample import leave_group_out

_LANDMARKS = 1500  # up to so many labelled rows the kernel is exact
_MEDIAN_ROWS = 1000


@dataclass(frozen=True, slots=True)
class FittedChoices:
    """What was learned.

    Attributes:
        probabilities: (N, K) float32, rows sum to 1; no row has seen a label of its own group.
        model: predicts new rows, from all labels.
    """

    probabilities: NDArray[np.float32]
    model: ChoicesModel


def fit_choices(
    embeddings: NDArray[np.floating],
    targets: NDArray[np.floating],
    groups: NDArray[np.integer],
    *,
    seed: int = 0,
    minutes: float | None = None,
) -> FittedChoices:
    """Learn labels from embeddings, and predict every row without its own group.

    A kernel ridge regression, one column a class, on normalised embeddings. Leaving a row's group out is exact
    (`leave_group_out`), and the settings that serve a row were chosen without its label, too (`choose_settings`): a
    row's belief does not move when its own label changes. Beyond 1,500 labelled rows, 1,500 of them stand for the
    space (Nystroem); every label is still learned from.

    All is computed in an order that content and `seed` decide: the result permutes with the rows.

    Args:
        embeddings: (N, D) finite.
        targets: (N, K) rows that sum to 1, or of zeros where there is no label.
        groups: (N,) rows that must not vouch for one another: the same media, near-duplicates.
        seed: of the draw of landmarks and halves.
        minutes: no further settings are tried after so long; the choice then depends on the machine's speed.

    Returns:
        Probabilities of every row, those without a label included, and the model.

    Raises:
        ValueError: arrays do not fit or are not finite; fewer than 2 labels, or labels of one class alone.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    rows = check_embeddings(embeddings)
    wanted = _check_targets(targets, len(rows))
    members = _check_groups(groups, len(rows))
    order, halves = order_by_content(rows, wanted, members, seed)
    rows, wanted, members, halves = normalise(rows)[order], wanted[order], members[order], halves[order]
    is_labelled = np.asarray(wanted.any(axis=1))
    learned = rows[is_labelled]
    median = median_distance(learned[:_MEDIAN_ROWS])
    settings = choose_settings(
        learned, wanted[is_labelled], members[is_labelled], halves[is_labelled], median, deadline
    )
    centred = np.where(is_labelled[:, None], wanted - 1 / wanted.shape[1], 0)
    probabilities, model = _fit(rows, centred, members, halves, is_labelled, median, settings)
    in_given_order = np.empty_like(probabilities)
    in_given_order[order] = probabilities
    return FittedChoices(in_given_order, model)


def _fit(
    rows: Embeddings,
    centred: Floats,
    groups: NDArray[np.int64],
    halves: NDArray[np.int64],
    is_labelled: NDArray[np.bool_],
    median: float,
    settings: Settings,
) -> tuple[NDArray[np.float32], ChoicesModel]:
    landmarks = rows[is_labelled][:_LANDMARKS]
    scores = np.zeros_like(centred)
    for width, ridge in sorted({setting[:2] for setting in settings}):
        features, factor = whiten(
            radial_kernel(squared_distances(rows, landmarks), width * median),
            radial_kernel(squared_distances(landmarks, landmarks), width * median),
        )
        found = leave_group_out(features, centred, groups, is_labelled, ridge)
        for part, setting in enumerate(settings):
            if setting[:2] == (width, ridge):
                scores[halves == part] = found[halves == part] / setting.temperature
        if settings[UNLABELLED][:2] == (width, ridge):
            weights = _solve(features[is_labelled], centred[is_labelled], ridge)
            coefficients = solve_triangular(factor, weights, lower=True, trans="T", check_finite=False)
    model = ChoicesModel(
        landmarks,
        coefficients.astype(np.float32),
        settings[UNLABELLED].width * median,
        settings[UNLABELLED].temperature,
    )
    return softmax(scores).astype(np.float32), model


def _solve(features: Floats, centred: Floats, ridge: float) -> Floats:
    products = features.T @ features + ridge * np.eye(features.shape[1])
    return np.asarray(cho_solve(cho_factor(products, check_finite=False), features.T @ centred))


def _check_targets(targets: NDArray[np.floating], n: int) -> Floats:
    wanted = np.ascontiguousarray(targets, dtype=np.float64)
    if wanted.ndim != 2 or len(wanted) != n:
        raise ValueError(f"`targets` must be ({n}, K), got {wanted.shape}")
    with np.errstate(invalid="ignore", over="ignore"):
        sums = wanted.sum(axis=1)
        is_right = (wanted >= 0).all(axis=1) & ((sums == 0) | (np.abs(sums - 1) <= 1e-3))
    if not is_right.all():
        row = int(np.argmin(is_right))
        raise ValueError(f"`targets` must be rows >= 0 that sum to 1 or 0, row {row} is {wanted[row].tolist()}")
    n_labelled, n_classes = int(wanted.any(axis=1).sum()), int(wanted.any(axis=0).sum())
    if n_labelled < 2:
        raise ValueError(f"at least 2 labelled rows are needed to learn from, got {n_labelled}")
    if n_classes < 2:
        raise ValueError("at least 2 classes are needed to learn from, every label is the same")
    return wanted


def _check_groups(groups: NDArray[np.integer], n: int) -> NDArray[np.int64]:
    members = np.asarray(groups)
    if members.shape != (n,) or not np.issubdtype(members.dtype, np.integer):
        raise ValueError(f"`groups` must be ({n},) integers, got {members.shape} {members.dtype}")
    return members.astype(np.int64)
