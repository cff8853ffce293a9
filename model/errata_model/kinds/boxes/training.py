"""Train the detectors of a project, each blind to a fold of pictures, all on the same batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from errata_model.finetuning.training import multiplies_bfloat16
from errata_model.kinds.boxes.augmentation import augment, move_boxes
from errata_model.kinds.boxes.detections import average, mirror
from errata_model.kinds.boxes.network import (
    COARSEST,
    IGNORED,
    Answers,
    Detector,
    Wanted,
    assign,
    detection_loss,
    locate,
)
from errata_model.vision.pictures import Pictures, lay
from errata_model.vision.steps import BATCH
from errata_model.vision.trunks import MapTrunk

_RATE = 2e-3  # of learning, at its peak
_WEIGHT_DECAY = 0.02
_WARM_UP = 0.15  # of the steps
_LONGEST_GRADIENT = 5.0

Maps = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Marked:
    """What is marked on one picture.

    Attributes:
        corners: (M, 4) x0, y0, x1, y1 in shares of the picture.
        classes: (M,) int64, IGNORED where the class is none of the project's.
    """

    corners: NDArray[np.float64]
    classes: NDArray[np.int64]


class Detectors(nn.Module):
    """Several detectors, over one trunk where it is frozen, else each over its own.

    Args:
        trunk: what they look through.
        n_classes: K.
        n_detectors: how many.
        seed: of their first weights.
    """

    def __init__(self, trunk: MapTrunk, n_classes: int, n_detectors: int, seed: int = 0) -> None:
        super().__init__()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.trunks = nn.ModuleList([trunk])
        if not trunk.is_frozen:
            self.trunks.extend(copy.deepcopy(trunk) for _ in range(n_detectors - 1))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.heads = nn.ModuleList(Detector(trunk.channels, n_classes) for _ in range(n_detectors))
            if not trunk.is_frozen:
                for module in self.trunks.modules():
                    if isinstance(module, nn.Conv2d):
                        module.reset_parameters()
        self.n_classes = n_classes
        self.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def is_frozen(self) -> bool:
        """Say whether the trunk is one, and stays as it is."""
        return bool(self.trunks[0].is_frozen)

    def prepare(self, images: torch.Tensor) -> torch.Tensor:
        """Return uint8 canvases as the trunk wants them."""
        found: torch.Tensor = self.trunks[0].normalise(images.to(self._device))  # type: ignore[operator]
        return found.contiguous(memory_format=torch.channels_last)

    def answers(self, images: torch.Tensor, chosen: Sequence[tuple[int, torch.Tensor]]) -> list[Answers]:
        """Return what some of the detectors answer to some of the images.

        Args:
            images: (n, 3, H, W) prepared.
            chosen: detectors by number, each with (m,) rows of the images.
        """
        found = []
        with torch.autocast(
            self._device.type, torch.bfloat16, enabled=multiplies_bfloat16(self._device.type), cache_enabled=False
        ):
            shared: Maps | None = self.trunks[0](images) if self.is_frozen else None
            for number, rows in chosen:
                maps = self.trunks[number](images[rows]) if shared is None else tuple(each[rows] for each in shared)
                found.append(self.heads[number](maps))
        return found


class Trainer:
    """Trains detectors on batches, every one on those of the pictures that are not of its fold.

    Args:
        detectors: to be trained.
        n_steps: how many steps there will be.
        seed: of all draws.
    """

    def __init__(self, detectors: Detectors, n_steps: int, seed: int) -> None:
        self._detectors = detectors.train()
        self._n_steps = n_steps
        self._generator = torch.Generator().manual_seed(seed)
        self._rng = np.random.default_rng(seed)
        self._members = [list(head.parameters()) for head in detectors.heads]
        if not detectors.is_frozen:
            self._members = [
                [*own, *trunk.parameters()] for own, trunk in zip(self._members, detectors.trunks, strict=True)
            ]
        everything = [each for member in self._members for each in member]
        self._optimizer = torch.optim.AdamW(everything, lr=_RATE, weight_decay=_WEIGHT_DECAY)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer, _RATE, total_steps=max(2, n_steps), pct_start=_WARM_UP
        )

    def train(
        self,
        pictures: Pictures,
        marked: Sequence[Marked],
        rows: NDArray[np.int64],
        folds: NDArray[np.int64],
        on_step: Callable[[int], None],
    ) -> None:
        """Learn some of the pictures in all steps.

        Args:
            pictures: N.
            marked: N, what is to be found on them.
            rows: those to learn from.
            folds: (N,) the detector that must not see each.
            on_step: told after each step how many are done.
        """
        queue: NDArray[np.int64] = rows[:0]
        size = min(BATCH, len(rows))
        for done in range(1, self._n_steps + 1):
            if len(queue) < size:
                queue = self._rng.permutation(rows)
            batch, queue = queue[:size], queue[size:]
            images = [pictures.load(row) for row in batch]
            self.step(images, [marked[row] for row in batch], folds[batch])
            on_step(done)

    def step(self, images: Sequence[NDArray[np.uint8]], marked: Sequence[Marked], folds: NDArray[np.int64]) -> None:
        """Learn one batch.

        Args:
            images: n, (3, h, w) each.
            marked: n.
            folds: (n,) the detector that must not see each.
        """
        canvases = self._detectors.prepare(lay(images, COARSEST))
        sizes = torch.tensor([(each.shape[2], each.shape[1]) for each in images], dtype=torch.float32)
        views, factors, offsets = augment(canvases, sizes, self._generator)
        height, width = views.shape[2:]
        places = locate(width, height, torch.device("cpu"))
        found = []
        for each, size, factor, offset in zip(marked, sizes, factors, offsets, strict=True):
            corners = torch.from_numpy(each.corners).float() * size.repeat(2)
            corners, is_visible = move_boxes(corners, factor, offset, (width, height))
            classes = torch.where(is_visible, torch.from_numpy(each.classes), IGNORED)
            has_area = (corners[:, 2:] - corners[:, :2]).amin(dim=1) > 0
            found.append(assign(places, corners[has_area], classes[has_area]))
        wanted = Wanted(*(torch.stack(parts).to(views.device) for parts in zip(*found, strict=True)))
        places = places.to(views.device)
        seen = [
            (number, torch.from_numpy(np.flatnonzero(folds != number)).to(views.device))
            for number in range(len(self._members))
        ]
        seen = [(number, rows) for number, rows in seen if len(rows)]
        answers = self._detectors.answers(views.contiguous(memory_format=torch.channels_last), seen)
        self._optimizer.zero_grad()
        for said, (number, rows) in zip(answers, seen, strict=True):
            loss = detection_loss(said, Wanted(wanted.classes[rows], wanted.sides[rows]), places)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self._members[number], _LONGEST_GRADIENT)
        self._optimizer.step()
        self._schedule.step()


def ask(detectors: Detectors, images: Sequence[NDArray[np.uint8]], numbers: Sequence[int]) -> tuple[Answers, int, int]:
    """Return what some detectors say together of images and of their mirrored views; and the canvas' size in pixels."""
    canvases = detectors.prepare(lay(images, COARSEST))
    height, width = canvases.shape[2:]
    everything = torch.arange(len(canvases), device=canvases.device)
    chosen = [(number, everything) for number in numbers]
    with torch.inference_mode():
        said = detectors.answers(canvases, chosen)
        other = detectors.answers(canvases.flip(3).contiguous(memory_format=torch.channels_last), chosen)
        both = average([*said, *(mirror(each, width, height) for each in other)])
    return Answers(both.logits.cpu(), both.sides.cpu(), both.quality.cpu()), width, height
