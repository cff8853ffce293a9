"""Believe the masks of every picture by networks that were not shown what people marked on it."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.kinds.masks.targets import Target, find_wholes, to_target
from errata_model.regions.records import Believed, FittedRegions, Region
from errata_model.regions.shapes import Size
from errata_model.vision.folds import deal
from errata_model.vision.pictures import Pictures
from errata_model.vision.steps import BATCH, count_steps

if TYPE_CHECKING:
    from errata_model.vision.trunks import MapTrunk

SIDE = 256  # of the longer side of pictures, in pixels
_FEWEST_STEPS, _MOST_STEPS = 600, 3000
_EPOCHS, _MOST_EPOCHS = 20, 60
_MINUTES = 15.0
_MARGIN = 0.9  # of the time is planned
_TRIAL_STEPS = 3


def fit_masks(
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
    """Train a small network for each of five folds of whole groups, on the masks of the four others, and let it judge.

    The networks learn crops of pictures, from scratch. Where there is a frozen backbone, and time enough to learn all
    that is to be learned beside it, they see its maps beside the picture. How long they learn follows from the number
    of pictures, and where that would take longer than `minutes`, from the machine's speed.

    Args:
        pictures: N, RGB, each asked for once and in order; they need not be in memory. None for one that cannot be
            had: it teaches nothing, and nothing is believed of it.
        given: of each picture, what is marked on it: masks and polygons. Of regions of other labels nothing is learned.
        labels: K, at least 1.
        groups: (N,) pictures that must not vouch for one another.
        is_labelled: (N,) which pictures can be learned from: one without a region has nothing on it.
        backbone: of torchvision's, pretrained; None for none, as where it has no feature maps.
        weights: the file of the backbone's; None for torchvision's own.
        trust: whose certificates count where these are downloaded.
        seed: of folds and all draws: the same, the same result on the same machine, if time was not short.
        minutes: that all of it may take; 15 by default.
        told: called after each step with how many of how many are done.

    Returns:
        `believed` in the order of `pictures`; for their evidence see `believe`.

    Raises:
        ValueError: lengths do not fit, nothing is marked, labelled pictures are of one group, or the time is not
            enough for even one look at each picture.
        WeightsUnavailable: the weights cannot be had or do not fit the backbone.
        UnknownEncoder: torchvision does not know the backbone.
    """
    from errata_model.vision.trunks import build_trunk  # noqa: PLC0415 - imports torch, which takes seconds

    ends_at = time.monotonic() + _MARGIN * 60 * (_MINUTES if minutes is None else minutes)
    folds = deal(given, labels, groups, is_labelled, seed)
    trunk = build_trunk(backbone, weights, trust)
    frozen = trunk if trunk.is_frozen else None
    sizes: list[Size] = []
    with Pictures(_noting(pictures, sizes), SIDE) as scaled:
        if len(scaled) != len(given):
            raise ValueError(f"there must be one of `given` for each of {len(scaled)} pictures, got {len(given)}")
        return _cross_fit(
            scaled, sizes, given, labels, folds, is_labelled & scaled.are_there, frozen, seed, ends_at, told
        )


def _cross_fit(
    scaled: Pictures,
    sizes: Sequence[Size],
    given: Sequence[Sequence[Region]],
    labels: Sequence[str],
    folds: NDArray[np.int64],
    is_taught: NDArray[np.bool_],
    trunk: MapTrunk | None,
    seed: int,
    ends_at: float,
    told: Callable[[int, int], None],
) -> FittedRegions:
    from errata_model.kinds.masks.model import MaskModel  # noqa: PLC0415 - imports torch, which takes seconds
    from errata_model.kinds.masks.training import train  # noqa: PLC0415

    taught = {fold: np.flatnonzero(is_taught & (folds != fold)) for fold in np.unique(folds).tolist()}
    if not all(map(len, taught.values())):
        raise ValueError("too few of the labelled pictures can be had")
    targets = [
        to_target(regions if is_known else (), labels, (width, height))
        for regions, is_known, (width, height) in zip(given, is_taught, scaled.sizes.tolist(), strict=True)
    ]
    n_steps, trunk = plan(scaled, targets, taught, len(labels), trunk, ends_at)
    networks = []
    for number, (fold, rows) in enumerate(taught.items()):
        count = _counter(told, number * n_steps, len(taught) * n_steps)
        networks.append(train(scaled, targets, rows, len(labels), trunk, n_steps, (seed, fold), count))
    is_whole = find_wholes([given[row] for row in np.flatnonzero(is_taught)], labels)
    model = MaskModel(networks, labels, is_whole, scaled.side)
    place = {fold: number for number, fold in enumerate(taught)}
    believed = tuple(
        model.believe(scaled.load(row), size, [place[fold]]) if is_there else Believed(())
        for row, (fold, size, is_there) in enumerate(zip(folds.tolist(), sizes, scaled.are_there, strict=True))
    )
    return FittedRegions(believed, model.arrays())


def _noting(pictures: Iterable[Image.Image | None], sizes: list[Size]) -> Iterator[Image.Image | None]:
    for picture in pictures:
        sizes.append((0, 0) if picture is None else picture.size)
        yield picture


def _counter(told: Callable[[int, int], None], done: int, of: int) -> Callable[[int], None]:
    return lambda step: told(done + step, of)


def plan(
    scaled: Pictures,
    targets: Sequence[Target],
    taught: dict[int, NDArray[np.int64]],
    n_classes: int,
    trunk: MapTrunk | None,
    ends_at: float,
) -> tuple[int, MapTrunk | None]:
    """Return how many steps each network learns: by a few of them on one that is thrown away, and the time left.

    And the trunk, if there is time for all of them beside it; None if not.
    """
    from errata_model.kinds.masks.training import train  # noqa: PLC0415 - imports torch

    rows = max(taught.values(), key=len)
    epoch = len(rows) / BATCH
    n_wanted = math.ceil(min(max(_FEWEST_STEPS, _EPOCHS * epoch), _MOST_STEPS, _MOST_EPOCHS * epoch))
    n_labelled = len(np.unique(np.concatenate(list(taught.values()))))

    def count(beside: MapTrunk | None) -> int:
        ended: list[float] = []
        train(scaled, targets, rows, n_classes, beside, _TRIAL_STEPS, (0, 0), lambda _: ended.append(time.monotonic()))
        step_s = (ended[-1] - ended[0]) / (_TRIAL_STEPS - 1)  # the first one takes longer
        return count_steps(n_wanted, n_labelled, len(scaled), len(taught) * step_s, ends_at - time.monotonic())

    with suppress(ValueError):  # beside a trunk there would be too little time to look at each picture once
        if trunk is not None and count(trunk) == n_wanted:
            return n_wanted, trunk
    return count(None), None
