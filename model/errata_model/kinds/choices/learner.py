"""The learner of single choice: kernel ridge regression that believes nothing from a row's own group."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from errata_model.features import Features
from errata_model.kinds.choices.canonical import UNLABELLED, order_by_content
from errata_model.kinds.choices.kernel import LINEAR, Floats, kernel_values, median_distance, whiten
from errata_model.kinds.choices.kernel_model import KernelModel
from errata_model.kinds.choices.model import ChoicesModel, Member
from errata_model.kinds.choices.rows import Rows, check_blocks, check_features, to_blocks
from errata_model.kinds.choices.settings import choose_settings
from errata_model.kinds.choices.softmax import softmax
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
    features: Features,
    targets: NDArray[np.floating],
    groups: NDArray[np.integer],
    *,
    blocks: Sequence[int] | None = None,
    seed: int = 0,
    minutes: float | None = None,
) -> FittedChoices:
    """Learn labels from features, and predict every row without its own group.

    A kernel ridge regression, one column a class, on each block. Leaving a row's group out is exact
    (`leave_group_out`), and the settings that serve a row were chosen without its label, too (`choose_settings`): a
    row's belief does not move when its own label changes. Beyond 1,500 labelled rows, 1,500 of them stand for the
    space (Nystroem); every label is still learned from.

    All is computed in an order that content and `seed` decide: the result permutes with the rows.

    Args:
        features: (N, D) finite embeddings, or sparse counts >= 0.
        targets: (N, K) rows that sum to 1, or of zeros where there is no label.
        groups: (N,) rows that must not vouch for one another: the same media, near-duplicates.
        blocks: widths of the parts that rows are made of, each learned from by itself; all is one part by default.
        seed: of the draw of landmarks and halves.
        minutes: no further settings are tried after so long; the choice then depends on the machine's speed.

    Returns:
        Probabilities of every row, those without a label included, and the model.

    Raises:
        ValueError: arrays do not fit or are not finite; fewer than 2 labels, or labels of one class alone.
    """
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    checked = check_features(features)
    widths = check_blocks(blocks, checked.shape[1])
    wanted = _check_targets(targets, checked.shape[0])
    members = _check_groups(groups, checked.shape[0])
    order, halves = order_by_content(checked, wanted, members, seed)
    wanted, members, halves = wanted[order], members[order], halves[order]
    is_labelled = np.asarray(wanted.any(axis=1))
    average = np.zeros_like(wanted)
    learned = []
    parts = to_blocks(checked, widths)
    for number, block in enumerate(parts):
        rows = block.prepare(checked)[order]
        probabilities, temperature, predictor = _fit(rows, wanted, members, halves, is_labelled, deadline)
        average += probabilities / len(parts)
        learned.append(Member(number, 1 / len(parts), temperature, predictor))
    in_given_order = np.empty(average.shape, dtype=np.float32)
    in_given_order[order] = average
    return FittedChoices(in_given_order, ChoicesModel(checked.shape[1], wanted.shape[1], parts, tuple(learned)))


def _fit(
    rows: Rows,
    targets: Floats,
    groups: NDArray[np.int64],
    halves: NDArray[np.int64],
    is_labelled: NDArray[np.bool_],
    deadline: float | None,
) -> tuple[Floats, float, KernelModel]:
    labelled = rows[is_labelled]
    unit = median_distance(labelled[:_MEDIAN_ROWS]) if isinstance(rows, np.ndarray) else None
    settings = choose_settings(labelled, targets[is_labelled], groups[is_labelled], halves[is_labelled], unit, deadline)
    centred = np.where(is_labelled[:, None], targets - 1 / targets.shape[1], 0)
    landmarks = labelled[:_LANDMARKS]
    scores = np.zeros_like(centred)
    for relative, ridge in sorted({setting[:2] for setting in settings}):
        width = LINEAR if unit is None else relative * unit
        features, factor = whiten(kernel_values(rows, landmarks, width), kernel_values(landmarks, landmarks, width))
        found = leave_group_out(features, centred, groups, is_labelled, ridge)
        for part, setting in enumerate(settings):
            if setting[:2] == (relative, ridge):
                scores[halves == part] = found[halves == part] / setting.temperature
        if settings[UNLABELLED][:2] == (relative, ridge):
            weights = _solve(features[is_labelled], centred[is_labelled], ridge)
            coefficients = solve_triangular(factor, weights, lower=True, trans="T", check_finite=False)
            predictor = KernelModel(landmarks, coefficients.astype(np.float32), width)
    return softmax(scores), settings[UNLABELLED].temperature, predictor


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
