"""Believe every image by networks that were not fine-tuned to its label."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from errata_model.encoders.trunk import Trunk
from errata_model.finetuning.training import BATCH, VIEWS, Learner
from errata_model.kinds.choices.canonical import order_by_content
from errata_model.kinds.choices.examples import N_FOLDS, check_groups

_STEPS = 1500  # of each network, within
_ENOUGH_EPOCHS, _MOST_EPOCHS = 8, 40
_FEWEST_EPOCHS = 2  # where time is short; less would be worth nothing
_TRIAL_STEPS = 4
_MARGIN = 0.9  # of the time is planned


class TooLittleTime(Exception):
    """The time given is not enough; the text says how much would be."""


def fine_tune(
    trunk: Trunk,
    images: NDArray[np.uint8],
    targets: NDArray[np.floating],
    is_labelled: NDArray[np.bool_],
    groups: NDArray[np.integer],
    *,
    is_exclusive: bool,
    seed: int = 0,
    minutes: float = 15.0,
    on_step: Callable[[int, int], None] = lambda done, of: None,
) -> NDArray[np.float32]:
    """Fine-tune a network for each of five folds of whole groups, to the labels of the four others.

    A row's result comes from a network that has seen no label of its group. How many steps a network learns depends
    on how many labels there are and, where they would take longer than `minutes`, on the machine's speed: nothing
    is chosen by looking at labels.

    Args:
        trunk: the pretrained network.
        images: (N, 3, side, side) in the trunk's side.
        targets: (N, K) in [0, 1]: rows that sum to 1 where labels exclude one another, else each tag on its own.
        is_labelled: (N,) which rows can be learned from.
        groups: (N,) rows that must not vouch for one another.
        is_exclusive: whether labels exclude one another.
        seed: of folds and all draws: the same, the same result on the same machine, if time was not short.
        minutes: that all of it may take.
        on_step: told after each step how many of how many are done.

    Returns:
        (N, K) log-probabilities; of tags log-odds.

    Raises:
        TooLittleTime: not even a few epochs would fit.
        ValueError: arrays do not fit, or labels of fewer than two groups.
    """
    began = time.monotonic()
    _check(trunk, images, targets, is_labelled)
    wanted = np.where(is_labelled[:, None], targets, 0).astype(np.float32)
    folds, order = _deal(images, is_labelled, groups, seed)
    judged = [order[folds[order] == fold] for fold in range(N_FOLDS)]
    taught = [order[is_labelled[order] & (folds[order] != fold)] for fold in range(N_FOLDS)]
    if not all(map(len, taught)):
        raise ValueError("labels of at least two groups are needed, so that others are left to learn from")

    def new_learner(fold: int) -> Learner:
        return Learner(trunk, wanted.shape[1], is_exclusive=is_exclusive, seed=seed * N_FOLDS + fold)

    step_s = _time_step(new_learner(0), images, wanted, taught[0])
    left_s = _MARGIN * 60 * minutes - (time.monotonic() - began)
    n_steps = _plan(max(map(len, taught)), len(images), step_s, left_s)
    done, n_networks = 0, sum(len(rows) > 0 for rows in judged)  # few groups leave folds empty

    def count() -> None:
        nonlocal done
        done += 1
        on_step(done, n_networks * n_steps)

    found = np.zeros(wanted.shape, dtype=np.float32)
    for fold, (rows, left_out) in enumerate(zip(taught, judged, strict=True)):
        if len(left_out):
            learner = new_learner(fold)
            learner.train(images, wanted, rows, n_steps, count)
            found[left_out] = learner.predict(images, left_out)
    return found


def _check(
    trunk: Trunk, images: NDArray[np.uint8], targets: NDArray[np.floating], is_labelled: NDArray[np.bool_]
) -> None:
    shape = (len(images), 3, trunk.side, trunk.side)
    if images.shape != shape or images.dtype != np.uint8:
        raise ValueError(f"`images` must be {shape} uint8, got {images.shape} {images.dtype}")
    if targets.ndim != 2 or len(targets) != len(images):
        raise ValueError(f"`targets` must be ({len(images)}, K), got {targets.shape}")
    if is_labelled.shape != (len(images),) or is_labelled.dtype != np.bool_:
        raise ValueError(f"`is_labelled` must be ({len(images)},) booleans, got {is_labelled.shape}")
    wanted = targets[is_labelled]
    if not ((wanted >= 0) & (wanted <= 1)).all():
        raise ValueError("`targets` must be in [0, 1] where there is a label")


def _deal(
    images: NDArray[np.uint8], is_labelled: NDArray[np.bool_], groups: NDArray[np.integer], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's fold, and the rows in an order that depends on content alone: labels move nothing."""
    flat = images.reshape(len(images), -1)
    order, ranks = order_by_content(
        flat, is_labelled[:, None].astype(np.float64), check_groups(groups, len(flat)), seed
    )
    return ranks % N_FOLDS, order


def _time_step(
    learner: Learner, images: NDArray[np.uint8], targets: NDArray[np.float32], rows: NDArray[np.int64]
) -> float:
    """Return how many seconds a step takes, by a few of them on a network that is thrown away."""
    ended: list[float] = []
    learner.train(images, targets, rows, _TRIAL_STEPS, lambda: ended.append(time.monotonic()))
    return (ended[-1] - ended[0]) / (len(ended) - 1)  # the first one takes longer


def _plan(n_taught: int, n_rows: int, step_s: float, left_s: float) -> int:
    """Return how many steps each network learns, within the time that is left."""
    epoch = max(1, n_taught // BATCH)
    wanted = min(max(_STEPS, _ENOUGH_EPOCHS * epoch), _MOST_EPOCHS * epoch)
    predict_s = n_rows / BATCH * VIEWS * step_s / 3  # a forward pass alone
    affordable = int((left_s - predict_s) / (N_FOLDS * step_s))
    fewest = _FEWEST_EPOCHS * epoch
    if affordable < fewest:
        minutes = (N_FOLDS * fewest * step_s + predict_s) / 60 / _MARGIN
        raise TooLittleTime(f"learning {n_taught} labels would take at least {math.ceil(minutes)} min here")
    return min(wanted, affordable)
