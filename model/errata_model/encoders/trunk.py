"""A pretrained network without its final layer: what fine-tuning begins with."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Trunk:
    """A pretrained network without its final layer.

    Attributes:
        network: takes (n, 3, side, side), gives (n, F). To be copied, never changed.
        side: of the squares that it takes, in pixels.
        resampling: how images are brought to that size.
        mean: (3,) of the colour channels, in [0, 1]: what the network wants subtracted.
        std: (3,) what it wants the rest divided by.
    """

    network: torch.nn.Module
    side: int
    resampling: Image.Resampling
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return (3, side, side): the whole image, squeezed into a square."""
        return squeeze(image, self.side, self.resampling)


def squeeze(image: Image.Image, side: int, resampling: Image.Resampling) -> NDArray[np.uint8]:
    """Return (3, side, side): the whole image, squeezed into a square."""
    return np.ascontiguousarray(np.asarray(image.resize((side, side), resampling)).transpose(2, 0, 1))


@runtime_checkable
class Trainable(Protocol):
    """An encoder that can be fine-tuned."""

    def trunk(self) -> Trunk:
        """Return what fine-tuning begins with."""


def without_layer(model: torch.nn.Module, layer: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of the model in which that layer gives what it takes.

    Raises:
        ValueError: the layer is none of the model's.
    """
    import torch  # noqa: PLC0415 - takes seconds

    path = next((name for name, module in model.named_modules() if module is layer), None)
    if not path:
        raise ValueError("`layer` must be one of the model's")
    found = copy.deepcopy(model)
    parent, _, name = path.rpartition(".")
    setattr(found.get_submodule(parent), name, torch.nn.Identity())
    return found
