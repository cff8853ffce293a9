"""What detectors' answers say of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import batched_nms

from errata_model.kinds.boxes.network import STRIDES, Answers, to_corners

_CANDIDATES = 3000  # boxes of a class that are compared
_SAME_BOX = 0.5  # overlap from which two boxes of a class are one


def average(answers: Sequence[Answers]) -> Answers:
    """Return the mean of several answers about the same canvases: of probabilities, not of logits."""
    return Answers(
        torch.logit(torch.stack([each.logits.sigmoid() for each in answers]).mean(0), eps=1e-6),
        torch.stack([each.sides.log() for each in answers]).mean(0).exp(),
        torch.logit(torch.stack([each.quality.sigmoid() for each in answers]).mean(0), eps=1e-6),
    )


def mirror(answers: Answers, width: int, height: int) -> Answers:
    """Return the answers about canvases of this many pixels as if these had been mirrored left to right."""
    levels, start = [], 0
    for stride in STRIDES:
        rows, columns = height // stride, width // stride
        levels.append(torch.arange(start, start + rows * columns).reshape(rows, columns).flip(1).reshape(-1))
        start += rows * columns
    turned = torch.cat(levels)
    return Answers(answers.logits[:, turned], answers.sides[:, turned][..., [2, 1, 0, 3]], answers.quality[:, turned])


@dataclass(frozen=True, slots=True)
class Detected:
    """What is on one picture.

    Attributes:
        corners: (R, 4) x0, y0, x1, y1 in shares of the picture, best first. Boxes of one class overlap little; those of
            different classes may be one.
        classes: (R,) int64.
        said: (R,) probability of the class, in [0, 1].
        quality: (R,) how well the box fits, in [0, 1].
    """

    corners: NDArray[np.float64]
    classes: NDArray[np.int64]
    said: NDArray[np.float64]
    quality: NDArray[np.float64]


def detect(answers: Answers, places: torch.Tensor, size_wh: tuple[int, int], most: int) -> Detected:
    """Say what is on one picture.

    Args:
        answers: of one canvas, (1, L, ...).
        places: (L, 3) of `locate`.
        size_wh: pixels of the canvas that are the picture.
        most: boxes that are returned.
    """
    limits = torch.tensor([*size_wh, *size_wh], dtype=torch.float32)
    corners = torch.minimum(to_corners(places, answers.sides[0]).clamp(min=0), limits)
    is_inside = (corners[:, 2:] - corners[:, :2]).amin(dim=1) > 0
    corners, said, quality = corners[is_inside], answers.logits[0][is_inside], answers.quality[0][is_inside]
    said, quality = said.sigmoid(), quality.sigmoid()
    scores = said * quality[:, None]
    best, flat = scores.flatten().topk(min(_CANDIDATES, scores.numel()))
    rows, classes = flat // scores.shape[1], flat % scores.shape[1]
    kept = batched_nms(corners[rows], best, classes, _SAME_BOX)[:most]
    rows, classes = rows[kept], classes[kept]
    return Detected(
        (corners[rows] / limits).double().numpy(),
        classes.numpy(),
        said[rows, classes].double().numpy(),
        quality[rows].double().numpy(),
    )
