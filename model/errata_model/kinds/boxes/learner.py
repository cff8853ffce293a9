"""errata's own detector of boxes: it believes about every picture what networks say that were not shown its boxes."""

from __future__ import annotations

import copy
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.kinds.boxes.drawing import draw_like
from errata_model.kinds.boxes.planning import LEAST_SIDE, choose_side, fit_side, steps_wanted
from errata_model.kinds.boxes.trust import is_marked, learn_trust
from errata_model.regions.geometry import bounds_xyxy
from errata_model.regions.records import Believed, FittedRegions, Region
from errata_model.vision.folds import N_FOLDS, deal
from errata_model.vision.pictures import Pictures
from errata_model.vision.steps import BATCH, count_steps

if TYPE_CHECKING:
    from errata_model.kinds.boxes.detections import Detected
    from errata_model.kinds.boxes.model import BoxesModel
    from errata_model.kinds.boxes.training import Detectors, Marked

_MINUTES = 15.0
_MARGIN = 0.85  # of the time is planned
_TRIAL_STEPS = 3
_MORE_REGIONS, _MOST_REGIONS = 2, (20, 1000)  # times as many as are marked on the fullest picture, within


def fit_boxes(
    pictures: Iterable[Image.Image | None],
    given: Sequence[Sequence[Region]],
    labels: Sequence[str],
    groups: NDArray[np.integer],
    *,
    is_labelled: NDArray[np.bool_],
    backbone: str | None = None,
    weights: Path | None = None,
    trust: ssl.SSLContext | None = None,
    seed: int = 0,
    minutes: float | None = None,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> FittedRegions:
    """Train a detector for each of five folds of whole groups, on the boxes of the four others, and let it judge.

    The detectors look through one frozen backbone, or each through a small network of its own where there is none.
    They learn on the same batches side by side, so that the backbone runs once for all. How large pictures are shown
    follows from the sizes of the boxes; how long detectors learn from the number of pictures, and where that would
    take longer than `minutes`, from the machine's speed.

    Args:
        pictures: N, RGB, each asked for once and in order; they need not be in memory. None for one that cannot be
            had: it teaches nothing, and nothing is believed of it.
        given: of each picture, what is marked on it. Ellipses and points count by the boxes around them. Regions of
            other labels are learned neither as something nor as nothing.
        labels: K, at least 1.
        groups: (N,) pictures that must not vouch for one another.
        is_labelled: (N,) which pictures can be learned from: one without a region has nothing on it.
        backbone: of torchvision's, pretrained; None to begin from scratch, as where it has no feature maps.
        weights: the file of the backbone's; None for torchvision's own.
        trust: whose certificates count where these are downloaded.
        seed: of folds and all draws: the same, the same result on the same machine, if time was not short.
        minutes: that all of it may take; 15 by default.
        told: called after each step with how many of how many are done.

    Returns:
        `believed` in the order of `pictures`. A region's score is how probably people mark it, as learned from what
        detectors said of the other folds; where there is too little to learn that from, it ranks and no more.

    Raises:
        ValueError: lengths do not fit, nothing is marked, labelled pictures are of one group, or the time is not
            enough for even one look at each picture.
        WeightsUnavailable: the weights cannot be had or do not fit the backbone.
        UnknownEncoder: torchvision does not know the backbone.
    """
    from errata_model.kinds.boxes.training import Detectors  # noqa: PLC0415 - imports torch, which takes seconds
    from errata_model.vision.trunks import build_trunk  # noqa: PLC0415

    ends_at = time.monotonic() + _MARGIN * 60 * (_MINUTES if minutes is None else minutes)
    folds = deal(given, labels, groups, is_labelled, seed)
    detectors = Detectors(build_trunk(backbone, weights, trust), len(labels), int(folds.max()) + 1, seed)
    rows = np.flatnonzero(is_labelled)
    n_wanted = steps_wanted(len(rows), detectors.is_frozen)
    side, step_s = fit_side(
        choose_side([given[row] for row in rows], labels, len(given)),
        n_wanted,
        ends_at - time.monotonic(),
        _time_step(detectors),
    )
    with Pictures(pictures, side) as scaled:
        if len(scaled) != len(given):
            raise ValueError(f"there must be one of `given` for each of {len(scaled)} pictures, got {len(given)}")
        n_steps = count_steps(n_wanted, len(rows), len(given), step_s, ends_at - time.monotonic())
        return cross_fit(detectors, scaled, given, labels, folds, is_labelled, n_steps, seed, told)


def cross_fit(
    detectors: Detectors,
    scaled: Pictures,
    given: Sequence[Sequence[Region]],
    labels: Sequence[str],
    folds: NDArray[np.int64],
    is_labelled: NDArray[np.bool_],
    n_steps: int,
    seed: int = 0,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> FittedRegions:
    """Train each detector on the labelled pictures that are not of its fold, and believe what it says of those.

    Args:
        detectors: one a fold, untrained.
        scaled: N pictures.
        given: N.
        labels: K.
        folds: (N,) of `deal`.
        is_labelled: (N,) which pictures can be learned from.
        n_steps: batches that each detector learns.
        seed: of all draws.
        told: as for `fit_boxes`.
    """
    from errata_model.kinds.boxes.model import BoxesModel  # noqa: PLC0415 - imports torch
    from errata_model.kinds.boxes.training import Trainer  # noqa: PLC0415

    rows = np.flatnonzero(is_labelled & scaled.are_there)
    if len(np.unique(folds[rows])) < 2:
        raise ValueError("too few of the labelled pictures can be had")
    sizes = np.maximum(scaled.sizes, 1).tolist()
    marked = [_mark(regions, labels, size) for regions, size in zip(given, sizes, strict=True)]
    Trainer(detectors, n_steps, seed).train(scaled, marked, rows, folds, lambda done: told(done, n_steps))
    most = int(np.clip(_MORE_REGIONS * max(map(len, given)), *_MOST_REGIONS))
    drawn = draw_like(region.shape for row in rows for region in given[row])
    model = BoxesModel(detectors.eval(), labels, scaled.side, most, drawn.__name__.lower())
    found = _judge(model, scaled, folds)
    trusts = _learn_trusts(found, marked, rows, folds)
    model.weights = trusts[-1]
    nothing = Believed(())
    believed = [nothing if each is None else model.believe(each, trusts[folds[n]]) for n, each in enumerate(found)]
    return FittedRegions(tuple(believed), model.arrays())


def _judge(model: BoxesModel, scaled: Pictures, folds: NDArray[np.int64]) -> list[Detected | None]:
    """Return what is found on each picture by the detector that did not see its fold; None of one not there."""
    found: dict[int, Detected] = {}
    for fold in np.unique(folds).tolist():
        own = np.flatnonzero((folds == fold) & scaled.are_there).tolist()
        for start in range(0, len(own), BATCH):
            batch = own[start : start + BATCH]
            found.update(zip(batch, model.detect([scaled.load(row) for row in batch], [fold]), strict=True))
    return [found.get(row) for row in range(len(folds))]


def _learn_trusts(
    found: Sequence[Detected | None], marked: Sequence[Marked], rows: NDArray[np.int64], folds: NDArray[np.int64]
) -> list[NDArray[np.float64]]:
    """Return the weights to trust each fold's detections by, learned from the others; last those of all."""
    taught = [(row, each) for row in rows.tolist() if (each := found[row]) is not None]
    said, quality = (np.concatenate([getattr(each, part) for _, each in taught]) for part in ("said", "quality"))
    hits = np.concatenate(
        [is_marked(each.corners, each.classes, marked[row].corners, marked[row].classes) for row, each in taught]
    )
    of_fold = np.repeat([folds[row] for row, _ in taught], [len(each.said) for _, each in taught])
    masks = [of_fold != fold for fold in range(int(folds.max()) + 1)] + [np.ones(len(hits), dtype=bool)]
    return [learn_trust(said[mask], quality[mask], hits[mask]) for mask in masks]


def _time_step(detectors: Detectors) -> float:
    """Return how many seconds a step takes on pictures of the least size, by a few of them on a copy."""
    from errata_model.kinds.boxes.training import Marked, Trainer  # noqa: PLC0415 - imports torch

    trainer = Trainer(copy.deepcopy(detectors), _TRIAL_STEPS, 0)
    images = [np.zeros((3, LEAST_SIDE, LEAST_SIDE), dtype=np.uint8)] * BATCH
    marked = [Marked(np.array([[0.25, 0.25, 0.75, 0.75]]), np.zeros(1, dtype=np.int64))] * BATCH
    taken = []
    for _ in range(_TRIAL_STEPS):
        began = time.monotonic()
        trainer.step(images, marked, np.arange(BATCH) % N_FOLDS)
        taken.append(time.monotonic() - began)
    return min(taken)  # the first one takes longer


def _mark(regions: Sequence[Region], labels: Sequence[str], size: Sequence[int]) -> Marked:
    from errata_model.kinds.boxes.network import IGNORED  # noqa: PLC0415 - imports torch
    from errata_model.kinds.boxes.training import Marked  # noqa: PLC0415

    number = {label: k for k, label in enumerate(labels)}
    corners = bounds_xyxy([region.shape for region in regions], (size[0], size[1])) / [*size, *size]
    classes = np.array([number.get(region.label, IGNORED) for region in regions], dtype=np.int64)
    has_place = np.isfinite(corners).all(axis=1)
    return Marked(corners[has_place], classes[has_place])
