"""What learners look through: networks that turn images into feature maps. Importing it imports torch."""

from __future__ import annotations

import ssl
from pathlib import Path

import torch
from torch import nn
from torchvision.models.feature_extraction import create_feature_extractor

from errata_model.encoders.backbones import (
    PHOTOGRAPHS_MEAN,
    PHOTOGRAPHS_STD,
    build_backbone,
    build_untrained_backbone,
    read_preset,
)

MAP_STRIDES = (4, 8, 16)
_EXAMPLE = 256  # pixels; a multiple of all strides
_MOST_PADDING = 16  # pixels
_SMALL = (32, 64, 96, 128)  # channels


class NoMaps(ValueError):
    """A network has no feature maps that a learner could use, or takes images of one size alone."""


class MapTrunk(nn.Module):
    """Images to maps at strides 4, 8 and 16.

    Attributes:
        channels: of the maps.
        is_frozen: whether it is pretrained, and stays as it is.
        name: of the backbone; "" for the small network that begins from scratch.
    """

    channels: tuple[int, int, int]
    is_frozen: bool
    name: str
    mean: torch.Tensor
    std: torch.Tensor

    def normalise(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, 3, H, W) floats as the network wants them, of uint8."""
        return (images.float() / 255 - self.mean) / self.std

    def _set_colours(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])


class SmallTrunk(MapTrunk):
    """A small residual network, from scratch."""

    def __init__(self) -> None:
        super().__init__()
        first, fine, middle, coarse = _SMALL
        self.channels, self.is_frozen, self.name = (fine, middle, coarse), False, ""
        self._set_colours(PHOTOGRAPHS_MEAN, PHOTOGRAPHS_STD)
        self.first = nn.Sequential(nn.Conv2d(3, first, 3, 2, 1, bias=False), norm(first), nn.ReLU())
        self.fine = nn.Sequential(_halve(first, fine), _Residual(fine))
        self.middle = nn.Sequential(_halve(fine, middle), _Residual(middle))
        self.coarse = nn.Sequential(_halve(middle, coarse), _Residual(coarse))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the maps of (n, 3, H, W), normalised, whose sides are multiples of 32."""
        fine = self.fine(self.first(images))
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class PretrainedTrunk(MapTrunk):
    """The last maps at each stride of a backbone of torchvision's, frozen: a pyramid's, where it has one there.

    Networks that do not pad lose a little at the edges: they get as much around the image as makes their maps as large
    as their strides say, so that maps lie over the image.

    Args:
        name: of the backbone.
        model: with its weights.

    Raises:
        NoMaps: the backbone has no maps at these strides.
    """

    def __init__(self, name: str, model: nn.Module) -> None:
        super().__init__()
        preset = read_preset(name)
        self.name, self.is_frozen = name, True
        self._set_colours(preset.mean, preset.std)
        model = model.eval().requires_grad_(False)
        for padding in range(0, _MOST_PADDING + 1, 2):
            try:
                nodes = _last_nodes(model, padding)
            except (RuntimeError, AssertionError) as error:  # transformers are built for one size
                raise NoMaps(f"`name` must be of a backbone that takes images of any size, got {name!r}") from error
            if len(nodes) == len(MAP_STRIDES):
                break
        else:
            raise NoMaps(f"`name` must be of a backbone with maps at strides {MAP_STRIDES}, got {name!r}")
        self._padding = padding
        self.body = create_feature_extractor(model, {node: str(stride) for stride, (node, _) in nodes.items()})
        self.channels = tuple(nodes[stride][1] for stride in MAP_STRIDES)  # type: ignore[assignment]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the maps of (n, 3, H, W), normalised, whose sides are multiples of 32."""
        padded = nn.functional.pad(images, [self._padding] * 4)
        with torch.no_grad():
            maps = self.body(padded)
        fine, middle, coarse = (maps[str(stride)] for stride in MAP_STRIDES)
        return fine, middle, coarse

    def train(self, mode: bool = True) -> PretrainedTrunk:
        """Stay in evaluation mode: what it normalises by stays as pretrained."""
        del mode
        return super().train(False)


def build_trunk(name: str | None, weights: Path | None, trust: ssl.SSLContext | None = None) -> MapTrunk:
    """Return a frozen trunk of that backbone and weights.

    One from scratch where there is no name, or the backbone has no feature maps: of a transformer nothing can be used.

    Raises:
        WeightsUnavailable: the weights cannot be had or do not fit the backbone.
        UnknownEncoder: torchvision does not know the name.
    """
    if name is None:
        return SmallTrunk()
    model = build_backbone(name, weights, trust)
    try:
        return PretrainedTrunk(name, model)
    except NoMaps:
        return SmallTrunk()


def build_untrained(name: str) -> MapTrunk:
    """Return a trunk whose weights are to be replaced; "" for the small one.

    Raises:
        NoMaps: the backbone has no maps.
    """
    if not name:
        return SmallTrunk()
    return PretrainedTrunk(name, build_untrained_backbone(name))


def norm(channels: int) -> nn.GroupNorm:
    """Return what normalises so many channels, of each image by itself: batches are small."""
    return nn.GroupNorm(channels // 8, channels)


def _last_nodes(model: nn.Module, padding: int) -> dict[int, tuple[str, int]]:
    """Return stride -> (module, channels) of the last maps that are as large as the stride says.

    Those that the final layer gives are none: they tell the classes of another data set apart.
    """
    ran: list[tuple[str, nn.Module, object]] = []
    hooks = [
        module.register_forward_hook(lambda module, inputs, output, name=name: ran.append((name, module, output)))
        for name, module in model.named_modules()
        if name
    ]
    try:
        with torch.inference_mode():
            model(torch.zeros(1, 3, _EXAMPLE + 2 * padding, _EXAMPLE + 2 * padding))
    finally:
        for hook in hooks:
            hook.remove()
    final = max(number for number, (_, module, _) in enumerate(ran) if isinstance(module, nn.Linear | nn.Conv2d))
    found = {}
    for name, _, output in ran[:final]:
        if isinstance(output, torch.Tensor) and output.ndim == 4 and output.shape[2] == output.shape[3]:
            stride = _EXAMPLE / output.shape[2]
            if stride in MAP_STRIDES:
                found[int(stride)] = (name, output.shape[1])
    return found


def _halve(taken: int, given: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(taken, given, 3, 2, 1, bias=False), norm(given), nn.ReLU())


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            norm(channels),
        )

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.relu(maps + self.inner(maps))
