"""Scores of upright boxes as plain arrays, of many images at once; usable without the rest of errata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errata_model.regions.columns import Columns, Marks, sane_scores, without_itself
from errata_model.regions.overlap import box_pairs
from errata_model.regions.scoring import noisy_or, score_marks

Floats = NDArray[np.float64]

_UNTAUGHT: Mapping[str, NDArray[Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Boxes:
    """N boxes on some images, those of an image together.

    Attributes:
        images: (N,) number of each box's image, ascending, from 0.
        xyxy: (N, 4) left, top, right, bottom, as shares of the image's width and height; any other unit does where no
            calibration is used. A box without area overlaps nothing.
        labels: (N,) columns from 0; anything else is a class that equals no other.
        scores: (N,) of predictions, in [0, 1]; NaN counts as a half. None of what people drew.
    """

    images: NDArray[np.integer]
    xyxy: NDArray[np.floating]
    labels: NDArray[np.integer]
    scores: NDArray[np.floating] | None = None


@dataclass(frozen=True, slots=True)
class BoxQuality:
    """How well a belief supports boxes, and how likely something is wrong.

    Attributes:
        given: (G,) quality of each given box, in [0, 1]; low is bad.
        errors: (G, 4) probability that it is spurious, badly placed, of a wrong class, or a duplicate.
        missing: (P,) how likely people would mark what is predicted there and did not; 0 where they did.
        disagreement: (N,) of each image: noisy-or over all its boxes; 0 where there is none.
    """

    given: Floats
    errors: Floats
    missing: Floats
    disagreement: Floats


def box_quality(
    given: Boxes,
    predicted: Boxes,
    n_images: int,
    n_labels: int,
    calibration: Mapping[str, NDArray[Any]] = _UNTAUGHT,
    keys: Sequence[int] | None = None,
) -> BoxQuality:
    """Score given boxes, and predicted ones that nobody drew, against each other; docs/regions.md says how.

    The score of a box depends on its image and the calibration alone. No threshold is applied to predictions: give all
    that the detector has.

    Args:
        given: G boxes that people drew.
        predicted: P boxes of a model that did not learn from these labels.
        n_images: N.
        n_labels: K.
        calibration: of `errata_model.kinds.boxes.doubts.calibrate`. Without one, scores are believed as they stand.
        keys: (N,) `Item.key` of each image; its number if None.

    Raises:
        ValueError: columns of one side differ in length, or images are not ascending from 0 and below N.
    """
    people = _to_columns("given", given, n_images, n_labels)
    belief = _to_columns("predicted", predicted, n_images, n_labels)
    marks = Marks(
        people,
        belief,
        box_pairs(people.items, given.xyxy, belief.items, predicted.xyxy),
        without_itself(box_pairs(people.items, given.xyxy, people.items, given.xyxy)),
        without_itself(box_pairs(belief.items, predicted.xyxy, belief.items, predicted.xyxy)),
        n_images,
        n_labels,
    )
    scores = score_marks(marks, calibration, range(n_images) if keys is None else keys)
    wrong = scores.disagreement
    return BoxQuality(
        1 - wrong,
        scores.errors,
        scores.missing,
        noisy_or(np.concatenate((people.items, belief.items)), np.concatenate((wrong, scores.missing)), n_images),
    )


def _to_columns(name: str, side: Boxes, n_images: int, n_labels: int) -> Columns:
    images, labels = np.asarray(side.images, dtype=np.int64), np.asarray(side.labels, dtype=np.int64)
    n = len(images)
    scores = np.ones(n) if side.scores is None else sane_scores(side.scores)
    if side.xyxy.shape != (n, 4) or len(labels) != n or len(scores) != n:
        raise ValueError(f"`{name}` must have one row of four corners, one label and one score for each of {n} images")
    if n and (images[0] < 0 or images[-1] >= n_images or (np.diff(images) < 0).any()):
        raise ValueError(f"`{name}.images` must be ascending, from 0 to below {n_images}")
    extents = np.nan_to_num(side.xyxy[:, 2:] - side.xyxy[:, :2]).astype(np.float64)
    return Columns(images, np.where((labels >= 0) & (labels < n_labels), labels, -1), extents, scores)
