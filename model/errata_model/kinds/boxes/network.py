"""A small one-stage detector on the feature maps of a trunk. Importing it imports torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from errata_model.vision.trunks import norm

STRIDES = (8, 16, 32)  # of the levels, in pixels
COARSEST = STRIDES[-1]
_LARGEST = (80.0, 160.0, math.inf)  # longer side of the boxes that each level finds, in pixels
_CENTRE = 1.5  # strides from a box's centre within which a location finds it
_WIDTH = 64
_FIRST_SIDE = 3.0  # strides between a location and each side of its box, before anything is learned
_RARE = 0.01  # of a class anywhere, likewise
_QUALITY_WEIGHT = 0.5
NOTHING, IGNORED = -1, -2


@dataclass(frozen=True, slots=True)
class Answers:
    """What a detector says at every location of its levels, level by level, row by row.

    Attributes:
        logits: (n, L, K), each class on its own.
        sides: (n, L, 4), how far left, up, right and down of the location its box reaches, in pixels, > 0.
        quality: (n, L) logits of how well the box fits.
    """

    logits: torch.Tensor
    sides: torch.Tensor
    quality: torch.Tensor


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be said at every location.

    Attributes:
        classes: (n, L) int64; NOTHING where no box is, IGNORED where it is not known.
        sides: (n, L, 4) in pixels.
    """

    classes: torch.Tensor
    sides: torch.Tensor


class Detector(nn.Module):
    """A feature pyramid and a head that says at every location which class is there, and where its box ends.

    Args:
        channels: of the trunk's maps at strides 4, 8 and 16.
        n_classes: K.

    Attributes:
        n_classes: K.

    Source:
        Tian et al., "FCOS: Fully Convolutional One-Stage Object Detection", 2019; the overlap in place of centre-ness
        from Wu et al., "IoU-aware Single-stage Object Detector for Accurate Localization", 2020.
    """

    def __init__(self, channels: tuple[int, int, int], n_classes: int) -> None:
        super().__init__()
        self.n_classes = n_classes
        fine, middle, coarse = channels
        self.fine = nn.Conv2d(fine, _WIDTH, 2, stride=2)
        self.middle = nn.Conv2d(middle, _WIDTH, 1)
        self.coarse = nn.Conv2d(coarse, _WIDTH, 1)
        self.coarsest = nn.Sequential(nn.Conv2d(coarse, _WIDTH, 3, stride=2, padding=1), norm(_WIDTH), nn.ReLU())
        self.merged = nn.ModuleList(_block() for _ in STRIDES)
        self.tower = _block()
        self.said = nn.Conv2d(_WIDTH, n_classes, 3, padding=1)
        self.placed = nn.Conv2d(_WIDTH, 5, 3, padding=1)  # four sides and the quality
        self.scales = nn.Parameter(torch.ones(len(STRIDES)))
        for last in (self.said, self.placed):
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.said.bias, math.log(_RARE / (1 - _RARE)))  # type: ignore[arg-type]

    def forward(self, maps: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> Answers:
        """Return the answers to the trunk's maps of n images, in single precision."""
        fine, middle, coarse = maps
        lowest = self.coarsest(coarse)
        low = self.coarse(coarse) + _enlarge(lowest)
        high = self.middle(middle) + self.fine(fine) + _enlarge(low)
        logits, sides, quality = [], [], []
        for number, level in enumerate((high, low, lowest)):
            seen = self.tower(self.merged[number](level))
            logits.append(_flatten(self.said(seen)))
            placed = _flatten(self.placed(seen))
            lengths = (placed[..., :4] * self.scales[number]).clamp(max=6).exp()
            sides.append(lengths * (STRIDES[number] * _FIRST_SIDE))
            quality.append(placed[..., 4])
        return Answers(torch.cat(logits, 1), torch.cat(sides, 1), torch.cat(quality, 1))


def locate(width: int, height: int, device: torch.device) -> torch.Tensor:
    """Return (L, 3): x, y and stride of every location of a canvas, in pixels; its sides are multiples of COARSEST."""
    levels = []
    for stride in STRIDES:
        y, x = torch.meshgrid(
            torch.arange(height // stride, device=device), torch.arange(width // stride, device=device), indexing="ij"
        )
        centres = (torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride
        levels.append(torch.cat([centres, torch.full_like(centres[:, :1], stride)], dim=1))
    return torch.cat(levels)


def to_corners(places: torch.Tensor, sides: torch.Tensor) -> torch.Tensor:
    """Return (..., L, 4) x0, y0, x1, y1 of boxes told by their location and how far they reach from it."""
    return torch.cat([places[:, :2] - sides[..., :2], places[:, :2] + sides[..., 2:]], dim=-1)


def assign(places: torch.Tensor, corners: torch.Tensor, classes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Say what every location should find on one image.

    A box is found near its centre by the level for boxes of its size; where several compete, the smallest is. A box
    too small to hold a location is found by the nearest one.

    Args:
        places: (L, 3) of `locate`.
        corners: (M, 4) in pixels, of positive size.
        classes: (M,) int64, IGNORED for boxes whose class is not to be learned.

    Returns:
        (L,) and (L, 4) as of `Wanted`.
    """
    if not len(corners):
        return places.new_full((len(places),), NOTHING, dtype=torch.int64), places.new_zeros((len(places), 4))
    x, y, stride = (column[:, None] for column in places.unbind(1))
    x0, y0, x1, y1 = corners.unbind(1)
    sides = torch.stack([x - x0, y - y0, x1 - x, y1 - y], dim=2)
    least = sides.amin(dim=2)
    size = torch.maximum(x1 - x0, y1 - y0)
    longest = places.new_tensor([_LARGEST[STRIDES.index(int(each))] for each in places[:, 2].tolist()])[:, None]
    shortest = longest.new_tensor([0.0, *_LARGEST[:-1]])[torch.bucketize(longest, longest.new_tensor(_LARGEST))]
    is_level = (size >= shortest) & (size < longest)
    away = torch.maximum((x - (x0 + x1) / 2).abs(), (y - (y0 + y1) / 2).abs())
    finds = is_level & (away < _CENTRE * stride) & (least > 0)
    nearest = torch.where(is_level, away, math.inf).argmin(dim=0)
    is_lost = ~finds.any(dim=0)
    finds[nearest[is_lost], is_lost] = True
    area = torch.where(finds, (x1 - x0) * (y1 - y0), math.inf)
    smallest, winner = area.min(dim=1)
    is_ignored = ((least > 0) & (classes == IGNORED)).any(dim=1)
    nothing = torch.where(is_ignored, IGNORED, NOTHING)
    found = torch.where(smallest.isfinite(), classes[winner], nothing)
    return found, sides[torch.arange(len(places)), winner].clamp(min=1.0)


def detection_loss(answers: Answers, wanted: Wanted, places: torch.Tensor) -> torch.Tensor:
    """Return how far answers are from what is wanted: focal loss of classes, GIoU of boxes, and of their quality."""
    is_found = wanted.classes >= 0
    n_found = max(1, int(is_found.sum()))
    targets = torch.zeros_like(answers.logits)
    targets[is_found, wanted.classes[is_found]] = 1
    said = sigmoid_focal_loss(answers.logits, targets).sum(dim=2)
    loss = said[wanted.classes != IGNORED].sum() / n_found
    if not is_found.any():
        return loss  # type: ignore[no-any-return]
    at = places.expand(len(is_found), -1, -1)[is_found]
    found, given = (to_corners(at, each.sides[is_found]) for each in (answers, wanted))
    overlap = _overlap(found.detach(), given)
    placed = generalized_box_iou_loss(found, given, reduction="sum")
    judged = nn.functional.binary_cross_entropy_with_logits(answers.quality[is_found], overlap, reduction="sum")
    return loss + (placed + _QUALITY_WEIGHT * judged) / n_found  # type: ignore[no-any-return]


def _overlap(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return (n,) intersections over unions of boxes pair by pair."""
    low, high = torch.maximum(first[:, :2], second[:, :2]), torch.minimum(first[:, 2:], second[:, 2:])
    common = (high - low).clamp(min=0).prod(dim=1)
    areas = [(each[:, 2:] - each[:, :2]).prod(dim=1) for each in (first, second)]
    found: torch.Tensor = common / (areas[0] + areas[1] - common)
    return found


def _block() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1, bias=False), norm(_WIDTH), nn.ReLU())


def _enlarge(maps: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(maps, scale_factor=2.0, mode="nearest")


def _flatten(maps: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = maps.float().flatten(2).transpose(1, 2)
    return found
