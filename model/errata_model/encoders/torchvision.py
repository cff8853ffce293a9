"""Frozen torchvision backbones. torch is imported by the first use of a model, not by importing this module."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from errata_model.encoders.backbones import Preset, build_backbone, default_weights, own_weights, read_preset
from errata_model.encoders.trunk import Trunk, squeeze, without_layer
from errata_model.encoders.weights import hash_file

if TYPE_CHECKING:
    import torch

_PREPROCESSING = "3"  # to be raised when embeddings of the same weights change
_BATCH = 32
_EARLIER_STAGES = 2  # taken beside what the final layer sees


class TorchvisionEncoder:
    """What a backbone sees at its last resolutions, side by side.

    That is the input of the final classification layer (the linear or convolutional layer that a forward pass runs
    last), and before it the feature maps that the last two steps of downsampling start from; transformers have
    none. The last layer knows ImageNet's classes best, those before it strokes and textures: see
    docs/decisions/0015. Of a feature map the mean over space is taken; each part is divided by the sum of its absolute
    values, so that all weigh the same. The network is frozen, in evaluation mode, in half precision on CUDA alone.

    Attributes:
        name: of the backbone.
        weights: a state_dict's file; None for torchvision's own, downloaded on first use.
        trust: whose certificates count at the download; None for Python's own.
    """

    def __init__(self, name: str, weights: Path | None, trust: ssl.SSLContext | None = None) -> None:
        self.name = name
        self.weights = weights
        self.trust = trust
        self._loading = threading.Lock()
        self._loaded: _Network | None = None

    @cached_property
    def identity(self) -> str:
        """Name, weights and preprocessing. Imports torch only where no file was named.

        Raises:
            WeightsUnavailable: the file cannot be read.
            UnknownEncoder: no file was named and torchvision does not know the name.
        """
        if self.weights is not None:
            return f"{self.name}:{hash_file(self.weights)}:{_PREPROCESSING}"
        return f"{self.name}:{Path(default_weights(self.name).url).stem}:{_PREPROCESSING}"

    def missing_from(self) -> str | None:
        """Return where the weights will be downloaded from; None where they are here. Imports torch.

        Raises:
            UnknownEncoder: torchvision does not know the name.
        """
        url, file = own_weights(self.name)
        return None if self.weights is not None or file.is_file() else url

    @property
    def width(self) -> int:
        """The number of columns of an embedding. Loads the network where it is not loaded yet."""
        return self._network().width

    @property
    def least_side(self) -> int:
        """The side of torchvision's crop, in pixels. Loads the network where it is not loaded yet."""
        return self._network().sides[-1]

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Return (3, side, side): the whole image, squeezed into a square.

        Not the middle alone, as torchvision crops it: what a label is about may be at the edge. The side is that of
        torchvision's crop; half of it for images that are no larger than that, where the network takes it.

        Still bytes, a quarter of the memory; `encode` brings them to the mean and spread that the model wants.

        Raises:
            WeightsUnavailable: the weights cannot be had or do not fit the backbone.
            UnknownEncoder: torchvision does not know the name.
        """
        network = self._network()
        side = next((side for side in network.sides if max(image.size) <= side), network.sides[-1])
        return squeeze(image, side, network.resampling)

    def encode(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return (N, D) float32; the first call loads the network.

        Raises:
            WeightsUnavailable: the weights cannot be had or do not fit the backbone.
            UnknownEncoder: torchvision does not know the name.
        """
        network = self._network()
        found = np.zeros((len(prepared), network.width), dtype=np.float32)
        for side in {image.shape[1] for image in prepared}:
            alike = [n for n, image in enumerate(prepared) if image.shape[1] == side]
            for start in range(0, len(alike), _BATCH):
                batch = alike[start : start + _BATCH]
                found[batch] = network.embed(np.stack([prepared[n] for n in batch]))
        return found

    def trunk(self) -> Trunk:
        """Return the network without its final layer, for fine-tuning; in the smallest size that it takes.

        Raises:
            WeightsUnavailable: the weights cannot be had or do not fit the backbone.
            UnknownEncoder: torchvision does not know the name.
        """
        return self._network().trunk()

    def _network(self) -> _Network:
        with self._loading:
            if self._loaded is None:
                self._loaded = _Network(build_backbone(self.name, self.weights, self.trust), read_preset(self.name))
            return self._loaded


class _Network:
    """A frozen model on the best device there is.

    Attributes:
        resampling: how images are brought to a size.
        sides: of the squares that it takes, ascending; the last is that of torchvision's preprocessing.
        width: the number of columns of an embedding.
    """

    def __init__(self, model: torch.nn.Module, preset: Preset) -> None:
        import torch  # noqa: PLC0415 - takes seconds

        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.eval().requires_grad_(False).to(self._device)
        self._mean = torch.tensor(preset.mean, device=self._device)[:, None, None]
        self._std = torch.tensor(preset.std, device=self._device)[:, None, None]
        self._layers = _layers(self._model, torch.zeros(1, 3, preset.side, preset.side, device=self._device))
        self._preset = preset
        self.resampling = preset.resampling
        self.width = self.embed(np.zeros((1, 3, preset.side, preset.side), dtype=np.uint8)).shape[1]
        self.sides = (preset.side // 2, preset.side) if self._takes(preset.side // 2) else (preset.side,)

    def _takes(self, side: int) -> bool:
        import torch  # noqa: PLC0415

        try:
            self.embed(np.zeros((1, 3, side, side), dtype=np.uint8))
        except torch.cuda.OutOfMemoryError:  # says nothing about the network
            raise
        except (RuntimeError, AssertionError, ValueError):  # transformers are built for one size
            return False
        return True

    def trunk(self) -> Trunk:
        network = without_layer(self._model, self._layers[-1])
        return Trunk(network, self.sides[0], self.resampling, self._preset.mean, self._preset.std)

    def embed(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        batch = torch.from_numpy(images).to(self._device).float().div_(255)
        batch = batch.sub_(self._mean).div_(self._std).contiguous(memory_format=torch.channels_last)
        found = self._forward(batch, self._device.type == "cuda")
        if not np.isfinite(found).all():  # half precision ends at 65504
            found = self._forward(batch, False)
        return found

    def _forward(self, batch: torch.Tensor, is_half: bool) -> NDArray[np.float32]:
        import torch  # noqa: PLC0415

        seen: dict[int, torch.Tensor] = {}
        hooks = [
            layer.register_forward_pre_hook(lambda _, inputs, number=number: seen.update({number: inputs[0]}))
            for number, layer in enumerate(self._layers)
        ]
        try:
            with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, enabled=is_half):
                self._model(batch)
        finally:
            for hook in hooks:
                hook.remove()
        pooled = [_pool(seen[number].float()) for number in range(len(self._layers))]
        return np.asarray(torch.cat(pooled, dim=1).cpu().numpy(), dtype=np.float32)


def _pool(features: torch.Tensor) -> torch.Tensor:
    """Return (n, C): the mean over space, every row divided by the sum of its absolute values."""
    rows = features.mean(dim=(2, 3)) if features.ndim == 4 else features.flatten(1)
    sums = rows.abs().sum(dim=1, keepdim=True)
    return rows / sums.where(sums > 0, 1)


def _layers(model: torch.nn.Module, example: torch.Tensor) -> list[torch.nn.Module]:
    """Return the layers whose inputs are taken: those that lower the resolution, and the final one."""
    import torch  # noqa: PLC0415

    ran: list[tuple[torch.nn.Module, torch.Size, torch.Size]] = []
    kinds = (torch.nn.Linear, torch.nn.Conv2d, torch.nn.MaxPool2d, torch.nn.AvgPool2d)
    layers = [layer for layer in model.modules() if isinstance(layer, kinds)]
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, output: ran.append((layer, inputs[0].shape, output.shape)))
        for layer in layers
    ]
    try:
        with torch.inference_mode():
            model(example)
    finally:
        for hook in hooks:
            hook.remove()
    widest: dict[int, tuple[int, torch.nn.Module]] = {}  # height of the map -> channels, layer
    for layer, taken, given in ran:
        if len(taken) == 4 and 1 < taken[2] < example.shape[2] and given[2] < taken[2]:
            widest[taken[2]] = max(widest.get(taken[2], (0, layer)), (taken[1], layer), key=lambda each: each[0])
    lowering = [layer for _, (_, layer) in sorted(widest.items(), reverse=True)]
    final = [layer for layer, *_ in ran if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))][-1]
    return [*[layer for layer in lowering if layer is not final][-_EARLIER_STAGES:], final]
