"""Train one network on crops of images. Importing it imports torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from errata_model.kinds.masks.network import MULTIPLE, UNet, mask_loss
from errata_model.kinds.masks.targets import UNKNOWN, Target
from errata_model.vision.pictures import Pictures
from errata_model.vision.steps import BATCH
from errata_model.vision.trunks import MapTrunk

_CROP = 128  # pixels a side
_SCALE = 0.3  # of the logarithm of a crop's side, at most either way
_CONTRAST, _BRIGHTNESS = 0.2, 0.2  # of the logarithm, and in standard deviations
_RATE = 4e-3  # of learning, at its peak
_WEIGHT_DECAY = 0.01
_LONGEST_GRADIENT = 1.0
_WARM_UP = 0.2  # of the steps
_LEAST_DEVIATION = 1.0  # of colours from 0 to 255: a picture of one colour stays one


@dataclass(frozen=True, slots=True)
class Trained:
    """A network that has learned.

    Attributes:
        network: in evaluation mode, on the device that it learned on.
        can_turn: an image turned or mirrored is as good to it as the image.
        trunk: frozen, whose maps the network sees too; None for none.
    """

    network: UNet
    can_turn: bool
    trunk: MapTrunk | None = None

    def ask(self, images: torch.Tensor) -> torch.Tensor:
        """Return the network's logits of (n, 3, H, W) images as `standardize` returns them."""
        # Of mean 0 and deviation 1 they are nearly what pretrained networks are used to.
        said: torch.Tensor = self.network(images, () if self.trunk is None else self.trunk(images))
        return said

    def predict(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return (K + 1, h, w) probabilities of classes, none first, and (h, w) of cores, of a (3, h, w) image."""
        height, width = image.shape[1:]
        far = -width % MULTIPLE + MULTIPLE, -height % MULTIPLE + MULTIPLE
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            # Mirrored around, so that no edge is seen that is none.
            shown = standardize(torch.from_numpy(image)[None].to(device))
            held = torch.nn.functional.pad(shown, (MULTIPLE, far[0], MULTIPLE, far[1]), mode=_mirror(height, width))
            views = [held, held.flip(3)] if self.can_turn else [held]
            said = [self.ask(view) for view in views]
            if self.can_turn:
                said[1] = said[1].flip(3)
            probabilities = torch.stack([each[0, :-1].softmax(dim=0) for each in said]).mean(dim=0)
            cores = torch.stack([each[0, -1].sigmoid() for each in said]).mean(dim=0)
        inside = slice(MULTIPLE, MULTIPLE + height), slice(MULTIPLE, MULTIPLE + width)
        return probabilities[:, inside[0], inside[1]].cpu().numpy(), cores[inside].cpu().numpy()


def _mirror(height: int, width: int) -> str:
    """Return how to pad an image; one of few pixels has not enough to be mirrored."""
    return "reflect" if min(height, width) > 2 * MULTIPLE else "replicate"


def new_network(n_classes: int, trunk: MapTrunk | None = None) -> Trained:
    """Return a network that has learned nothing, on the best device there is, with a frozen trunk beside it or none."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = UNet(n_classes, () if trunk is None else trunk.channels)
    for each in (network, trunk):
        if each is not None:
            each.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Trained(network, n_classes == 1, trunk)


def standardize(images: torch.Tensor) -> torch.Tensor:
    """Return (n, 3, H, W) floats of mean 0 and deviation 1 over each whole image: hues stay, dark ones are seen."""
    values = images.float()
    mean = values.mean(dim=(1, 2, 3), keepdim=True)
    return (values - mean) / values.std(dim=(1, 2, 3), keepdim=True).clamp(min=_LEAST_DEVIATION)


def train(
    pictures: Pictures,
    targets: Sequence[Target],
    rows: NDArray[np.int64],
    n_classes: int,
    trunk: MapTrunk | None,
    n_steps: int,
    seed: tuple[int, int],
    on_step: Callable[[int], None],
) -> Trained:
    """Learn some of the rows, by steps of 8 crops each.

    Crops are of other sizes, brightness and contrast than the images. Where there is one class alone, which no turn
    makes another, they are turned and mirrored too.
    """
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(int(rng.integers(1 << 32)))  # of the first weights
        trained = new_network(n_classes, trunk)
    network, can_turn = trained.network.train(), trained.can_turn
    device = next(network.parameters()).device
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=max(2, n_steps), pct_start=_WARM_UP)
    queue: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    for step in range(1, n_steps + 1):
        while len(queue) < BATCH:
            queue = np.concatenate([queue, rng.permutation(rows)])
        batch, queue = queue[:BATCH], queue[BATCH:]
        crops = [_crop(pictures.load(row), targets[row], can_turn, rng) for row in batch.tolist()]
        images, classes, cores = (torch.stack(each).to(device) for each in zip(*crops, strict=True))
        loss = mask_loss(trained.ask(images.contiguous(memory_format=torch.channels_last)), classes, cores)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), _LONGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        on_step(step)
    network.eval()
    return trained


def _crop(
    image: NDArray[np.uint8], target: Target, can_turn: bool, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a crop of an image and of what it asks for; half of all crops have a region's pixel in the middle."""
    classes, cores = target.unpack()
    height, width = classes.shape
    side = round(_CROP * math.exp(rng.uniform(-_SCALE, _SCALE)))
    marked = np.flatnonzero(classes) if rng.integers(2) else np.zeros(0, dtype=np.int64)
    place = int(rng.choice(marked)) if len(marked) else int(rng.integers(height * width))
    top, left = (
        int(np.clip(at - side // 2, min(0, length - side), max(0, length - side)))
        for at, length in ((place // width, height), (place % width, width))
    )
    shown = standardize(torch.from_numpy(image)[None])[0]
    said = torch.from_numpy(np.stack([classes, cores.astype(np.int16)]))
    window = torch.zeros(3, side, side), torch.stack([torch.full((side, side), UNKNOWN), torch.zeros(side, side)])
    inside = [slice(max(0, -at), min(side, length - at)) for at, length in ((top, height), (left, width))]
    there = [slice(max(0, at), min(length, at + side)) for at, length in ((top, height), (left, width))]
    for part, whole in zip(window, (shown, said), strict=True):
        part[:, inside[0], inside[1]] = whole[:, there[0], there[1]].to(part.dtype)
    size = (_CROP, _CROP)
    colours = torch.nn.functional.interpolate(window[0][None], size, mode="bilinear", antialias=True)[0]
    wanted = torch.nn.functional.interpolate(window[1][None], size, mode="nearest-exact")[0]
    colours = colours * math.exp(rng.uniform(-_CONTRAST, _CONTRAST)) + rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    if can_turn:
        turns, is_mirrored = int(rng.integers(4)), bool(rng.integers(2))
        colours, wanted = (torch.rot90(each, turns, (1, 2)) for each in (colours, wanted))
        colours, wanted = (each.flip(2) if is_mirrored else each for each in (colours, wanted))
    return colours, wanted[0].long(), wanted[1]
